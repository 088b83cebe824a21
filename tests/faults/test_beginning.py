"""Runs that are begun twice at once, have lost their plan, or were killed while they were merged."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "arena"))
from playing import AnsweringEngine, ladder_plan, play, ups

from arena.errors import StoreError, UsageError
from arena.merge import merge
from arena.plan import create_run
from arena.store.files import create_database, find_run, writer_lock
from arena.store.reader import RunReader
from arena.store.writer import RunWriter
from arena.taking import take


def contestants_of(run: Path) -> list[str]:
    reader = RunReader(run)
    try:
        return [episode.key.contestant for episode in reader.episodes(superseded=True)]
    finally:
        reader.close()


def test_who_begins_a_run_that_another_is_just_beginning_touches_nothing(ladder: type, tmp_path: Path):
    plan, run = ladder_plan(["base"]), tmp_path / "r"
    play(plan, tmp_path / "old", {"base": AnsweringEngine(ups)})
    # the other process holds the run, and has written nothing yet
    with writer_lock(run):
        for begin in (
            lambda: play(plan, run, {"base": AnsweringEngine(ups)}),
            lambda: take([tmp_path / "old"], plan, run),
            lambda: merge([tmp_path / "old"], run, ["base"]),
        ):
            with pytest.raises(UsageError, match="is being played by process"):
                begin()
        assert [file.name for file in run.iterdir()] == ["writer.lock"]


def test_episodes_whose_plan_is_gone_are_not_written_over(ladder: type, tmp_path: Path):
    plan, run = ladder_plan(["base"]), tmp_path / "r"
    play(plan, run, {"base": AnsweringEngine(ups)})
    play(plan, tmp_path / "other", {"base": AnsweringEngine(ups)})
    (run / "run.toml").rename(tmp_path / "kept.toml")
    for begin in (
        lambda: play(plan, run, {"base": AnsweringEngine(ups)}),
        lambda: take([tmp_path / "other"], plan, run),
        lambda: merge([tmp_path / "other"], run, ["base"]),
    ):
        with pytest.raises(StoreError, match=r"holds 4 episodes, but its run\.toml is gone"):
            begin()
    (tmp_path / "kept.toml").rename(run / "run.toml")
    again = AnsweringEngine(ups)
    assert play(plan, run, {"base": again})[0].owed == 0
    assert again.asked == []


def test_a_run_that_was_killed_before_its_plan_was_written_is_begun(ladder: type, tmp_path: Path):
    plan, run = ladder_plan(["base"]), tmp_path / "r"
    create_run(plan, run)
    (run / "run.toml").unlink()
    assert play(plan, run, {"base": AnsweringEngine(ups)})[0].owed == 0


def test_a_new_database_holds_nothing_of_the_log_of_the_one_before(ladder: type, tmp_path: Path):
    plan, run = ladder_plan(["base"]), tmp_path / "r"
    create_run(plan, run)
    writer = RunWriter(run)
    writer.add_tasks(plan.tasks)
    writer.begin(plan.episodes()[0], {})
    # as kill -9 leaves it: what was written is in the log alone
    shutil.copytree(run, tmp_path / "killed")
    writer.close()
    assert (tmp_path / "killed/run.sqlite-wal").stat().st_size
    create_database(tmp_path / "killed")
    assert contestants_of(tmp_path / "killed") == []


KILLED = """
import os, signal, sys
from pathlib import Path
import arena.merge

real, calls = arena.merge.{patched}, []

def killed(*args):
    calls.append(args)
    if len(calls) == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    real(*args)

arena.merge.{patched} = killed
runs = [Path(each) for each in sys.argv[1:]]
arena.merge.merge(runs[1:], runs[0])
"""


@pytest.mark.parametrize(("patched", "call"), [("copy_record", 2), ("place_database", 1)])
def test_a_merge_that_was_killed_leaves_nothing_in_the_next(
    ladder: type, tmp_path: Path, patched: str, call: int
):
    for name in ("a", "b"):
        play(ladder_plan([name]), tmp_path / name, {name: AnsweringEngine(ups)})
    typed = [str(tmp_path / name) for name in ("out", "a", "b")]
    killed = subprocess.run([sys.executable, "-c", KILLED.format(patched=patched, call=call), *typed])
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(UsageError, match="there is no run"):
        find_run(str(tmp_path / "out"))
    merge([tmp_path / "b"], tmp_path / "out", ["b"])
    assert contestants_of(tmp_path / "out") == ["b"] * 4
    assert not (tmp_path / "out/.merging").exists()
