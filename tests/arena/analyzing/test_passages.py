import io
from pathlib import Path

import numpy as np
import pytest

from arena.analyzing import passages
from arena.analyzing.models import begins_with
from arena.analyzing.passages import OVERALL, Passage, batches, text_windows, windows
from arena.errors import UsageError


class Letters:
    """A tokenizer of characters that puts `bos` before a text."""

    def __init__(self, bos: list[int]) -> None:
        self.bos = bos

    def __call__(self, text: str, add_special_tokens: bool = True) -> "Letters":
        self.input_ids = [*(self.bos if add_special_tokens else []), *map(ord, text)]
        return self


def read(text: str, window: int, most: int = 10_000, bos: tuple[int, ...] = ()) -> list[list[int]]:
    return [each.tokens.tolist() for each in windows(io.StringIO(text), Letters(list(bos)), window, most)]


def test_windows_hold_the_whole_text_in_order(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(passages, "_PIECE_CHARS", 16)
    text = "".join(f"line {i}\n" for i in range(30)) + "x" * 90
    found = read(text, 20)
    assert "".join(chr(token) for window in found for token in window) == text
    assert {len(window) for window in found[:-1]} == {20}


def test_each_window_begins_with_what_the_tokenizer_begins_a_text_with():
    assert begins_with(Letters([7])) == [7]
    found = read("abcdefgh", 4, bos=(7,))
    assert [window[0] for window in found] == [7, 7, 7]
    assert "".join(chr(token) for window in found for token in window[1:]) == "abcdefgh"


@pytest.mark.parametrize("most", [2, 25, 40, 41, 57, 60])
def test_no_more_tokens_are_read_than_asked_for(most: int):
    found = read("y" * 500, 20, most)
    assert most - 1 <= sum(map(len, found)) <= most


@pytest.mark.parametrize("content", ["", "a"])
def test_a_file_without_text_is_refused(tmp_path: Path, content: str):
    file = tmp_path / "empty.txt"
    file.write_text(content)
    with pytest.raises(UsageError, match="no text to read"):
        list(text_windows(file, Letters([]), 8, 100))


def test_what_is_no_text_is_refused(tmp_path: Path):
    file = tmp_path / "bytes.bin"
    file.write_bytes(b"\xff\xfe\x00abc")
    with pytest.raises(UsageError, match="no text in UTF-8"):
        list(text_windows(file, Letters([]), 8, 100))
    with pytest.raises(UsageError, match="can't be read: No such file"):
        list(text_windows(tmp_path / "absent", Letters([]), 8, 100))


def test_without_a_file_the_bundled_text_is_read():
    found = list(text_windows(None, Letters([]), 64, 640))
    assert len(found) == 10


def test_passages_are_batched_with_their_like_only():
    def passage(length: int, first: int = 1) -> Passage:
        return Passage(np.arange(length), {OVERALL: np.arange(length) >= first})

    found = list(batches(iter([passage(5), passage(5), passage(5), passage(6), passage(6, 3)]), 10))
    assert [[len(each.tokens) for each in batch] for batch in found] == [[5, 5], [5], [6], [6]]


def test_the_first_token_is_never_counted():
    assert Passage(np.arange(4), {OVERALL: np.ones(4, dtype=bool)}).first_counted == 1
    assert Passage(np.arange(4), {OVERALL: np.zeros(4, dtype=bool)}).first_counted == 4
