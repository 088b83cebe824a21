"""What the study keeps beside its run: whole, and only as long as it holds."""

from pathlib import Path

import pytest

from arena.errors import StoreError
from arena.study.kept import KeptSteps, read_kept


def test_steps_are_there_again_as_long_as_they_are_of_the_same(tmp_path: Path):
    path = tmp_path / "steps.json"
    KeptSteps(path, {"episodes": 3})["read a"] = {"loss": 1.5}
    again = KeptSteps(path, {"episodes": 3})
    again["read b"] = {"loss": float("inf")}
    assert KeptSteps(path, {"episodes": 3}) == {"read a": {"loss": 1.5}, "read b": {"loss": float("inf")}}
    other = KeptSteps(path, {"episodes": 4})
    assert not other
    other["read a"] = {"loss": 2.5}
    assert not KeptSteps(path, {"episodes": 3})


@pytest.mark.parametrize("text", ["{", "[1]", "\x00"])
def test_a_broken_file_is_one_error_that_says_where(tmp_path: Path, text: str):
    path = tmp_path / "kept.json"
    path.write_text(text)
    with pytest.raises(StoreError, match=r"kept\.json"):
        read_kept(path)
