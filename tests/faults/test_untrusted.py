"""Run folders, suites and file names from elsewhere: one clear error, and nothing outside is touched."""

import os
import sqlite3
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from arena.cli import app
from arena.cli.output import doing
from arena.engines.api_key import LONG_SECRET_CHARS, without_key
from arena.engines.options import typed
from arena.errors import ArenaError, StoreError, UsageError
from arena.gating.policy import load_policy
from arena.lineup import line_up, read_contestants
from arena.plan import read_plan
from arena.score import read_scores
from arena.store.files import LOCK, PLAN, is_being_played, writer_lock
from arena.suite import parse_suite
from tests.arena.playing import AnsweringEngine, ladder_plan, play

SUITE = 'name = "l"\n[settings]\n{}\n[[tasks]]\nbenchmark = "ladder"\n'


@pytest.fixture
def run(ladder: type, tmp_path: Path) -> Path:
    play(ladder_plan(["a"]), tmp_path / "run", {"a": AnsweringEngine(lambda request: "up")})
    return tmp_path / "run"


def test_a_lock_that_is_a_link_writes_nothing_where_it_leads(run: Path, tmp_path: Path):
    mine = tmp_path / "precious.txt"
    mine.write_text("mine")
    (run / LOCK).unlink()
    (run / LOCK).symlink_to(mine)
    with pytest.raises(StoreError, match="can't be written"), writer_lock(run):
        pass
    assert mine.read_text() == "mine"
    assert not is_being_played(run)


def test_pipes_in_a_run_are_not_waited_for(run: Path):
    for name in (LOCK, PLAN):
        (run / name).unlink()
        os.mkfifo(run / name)
    assert not is_being_played(run)
    with pytest.raises(StoreError, match="not a plain file"), writer_lock(run):
        pass
    with pytest.raises(StoreError, match="not a plain file"):
        read_plan(run)


@pytest.mark.parametrize("value", ["abc", 1e999, 2.5, -0.1, b"\x00"])
def test_a_score_that_is_none_is_one_clear_error(run: Path, value: object):
    with sqlite3.connect(run / "run.sqlite") as db:
        db.execute("UPDATE episode SET progress = ?", (value,))
    with pytest.raises(StoreError, match="column progress"):
        read_scores(run)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE turn SET reply = x'00ff'",
        "UPDATE turn SET scores = '3'",
        "UPDATE turn SET latency_s = 'x'",
        "UPDATE episode SET provenance = '[]'",
        "UPDATE episode SET seed = 'x'",
        "UPDATE episode SET contestant = 'nobody'",
    ],
)
@pytest.mark.parametrize("command", ["regrade", "export", "debug"])
def test_a_run_that_was_edited_is_one_sentence_for_every_command(run: Path, edit: str, command: str):
    with sqlite3.connect(run / "run.sqlite") as db:
        db.execute(edit)
    more = {"export": ["--format", "inspect", "--out", str(run.parent / "out.json")]}
    done = CliRunner().invoke(app, [command, str(run), *more.get(command, [])])
    assert done.exception is None or isinstance(done.exception, ArenaError | SystemExit), done.exception


@pytest.mark.parametrize(
    "setting",
    ["repeats = 10_001", "seed = -5", "seed = 9223372036854775808", "a = " + "[" * 5000, "a = " + "9" * 5000],
)
def test_a_suite_that_no_run_could_hold_is_refused(setting: str):
    with pytest.raises(UsageError, match=r"l\.toml"):
        parse_suite(SUITE.format(setting), "l.toml")


def test_more_repeats_than_a_plan_may_have_are_refused(ladder: type):
    with pytest.raises(UsageError, match="repeats"):
        line_up(parse_suite(SUITE.format(""), "l.toml"), ["random"], repeats=10_001)


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000])
def test_other_toml_that_is_unreadable_is_one_clear_error(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "x.toml"
    path.write_text(text)
    monkeypatch.setenv("ARENA_CONTESTANTS", str(path))
    with pytest.raises(UsageError, match="can't be read"):
        load_policy(path)
    with pytest.raises(UsageError, match="can't be read"):
        read_contestants()


def test_half_a_character_is_no_option():
    with pytest.raises(UsageError, match="half a character"):
        typed("stop", '["\\ud800"]', tuple[str, ...])
    assert typed("stop", '["é"]', tuple[str, ...]) == ("é",)


def test_names_are_no_markup_and_no_escape_codes():
    console = Console(force_terminal=True, width=80)
    with console.capture() as shown:
        console.print(doing("im[link=http:evil.example]CLICK[/b]\x1b[31m.jsonl"))
    text = shown.get()
    assert "[link=http:evil.example]CLICK[/b]" in text
    assert "\x1b]8" not in text and "\x1b[31m" not in text


def test_a_key_that_a_server_repeats_is_no_part_of_a_reply(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ARENA_API_KEY", "sk-0123456789abcdef")
    assert without_key("sent sk-0123456789abcdef", LONG_SECRET_CHARS) == "sent ***"
    monkeypatch.setenv("ARENA_API_KEY", "EMPTY")
    assert without_key("it is EMPTY", LONG_SECRET_CHARS) == "it is EMPTY"
