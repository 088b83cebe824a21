import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "toys"))
import tiny_models

from arena.errors import UsageError
from arena.lineup import line_up, read_contestants
from arena.suite import parse_suite

SUITE = parse_suite('name = "l"\n[settings]\nmax_tokens = 9\n[[tasks]]\nbenchmark = "ladder"\n', "l.toml")


@pytest.fixture
def contestants_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "contestants.toml"
    monkeypatch.setenv("ARENA_CONTESTANTS", str(path))
    return path


def test_the_suites_settings_hold_unless_a_contestant_has_its_own(ladder: type):
    plan, engines = line_up(SUITE, ["random", "long=random,max_tokens=50,temperature=0.5"])
    assert [contestant.name for contestant in plan.contestants] == ["random", "long"] == list(engines)
    assert [each.settings.sampling.max_tokens for each in plan.contestants] == [9, 50]
    assert plan.contestants[0].hash != plan.contestants[1].hash


def test_a_name_is_not_part_of_what_a_contestant_is(ladder: type):
    plan, _ = line_up(SUITE, ["a=random", "b=random"])
    assert plan.contestants[0].hash == plan.contestants[1].hash


def test_a_contestant_of_the_file_brings_its_options_and_the_command_line_wins(
    ladder: type, contestants_file: Path
):
    contestants_file.write_text(
        '[mine]\nspec = "random"\nmax_tokens = 20\nstop = ["a,b", "c"]\nexample = false\n'
    )
    plan, _ = line_up(SUITE, ["mine", "other=mine,max_tokens=21"])
    mine, other = (contestant.settings for contestant in plan.contestants)
    assert (mine.sampling.max_tokens, mine.sampling.stop, mine.example) == (20, ("a,b", "c"), False)
    assert (other.sampling.max_tokens, other.sampling.stop) == (21, ("a,b", "c"))


@pytest.mark.parametrize("broken", ["mine = 3\n", "[mine]\nmax_tokens = 2\n", "[mine\n", "\xff"])
def test_a_broken_contestants_file_is_named(broken: str, contestants_file: Path):
    contestants_file.write_bytes(broken.encode("latin-1"))
    with pytest.raises(UsageError, match=r"contestants\.toml"):
        read_contestants()


def test_two_contestants_of_one_name_are_refused(ladder: type):
    with pytest.raises(UsageError, match="two contestants are called 'random'"):
        line_up(SUITE, ["random", "random,seed=1"])


def test_a_model_may_say_in_which_style_it_was_made_to_be_asked(ladder: type, tmp_path: Path):
    folder = tiny_models.save_tiny(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())

    def styles(own: object, suite_style: str = "auto") -> list[str]:
        (folder / "config.json").write_text(json.dumps(config | {"arena": own}))
        suite = SUITE.model_copy(
            update={"settings": SUITE.settings.model_copy(update={"style": suite_style})}
        )
        plan, _ = line_up(suite, [f"a={folder}", f"b={folder},style=chat"])
        return [each.settings.style for each in plan.contestants]

    assert styles({"style": "terse"}) == ["terse", "chat"]
    assert styles({"style": "terse"}, suite_style="flat") == ["flat", "chat"]
    assert styles({"style": "sung"}) == styles("terse") == styles(None) == ["flat", "chat"]
