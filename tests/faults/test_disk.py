"""Power cuts and full disks: what was recorded is whole, and the same command goes on."""

import resource
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "arena"))
from playing import AnsweringEngine, ladder_plan, play, ups

from arena.records import TurnPlayed
from arena.store.reader import RunReader

TURNS = """
SELECT e.task, t.idx, t.reply, t.outcome FROM turn t JOIN episode e ON e.id = t.episode_id
WHERE e.status != 'superseded' ORDER BY 1, 2
"""


def rows(run: Path) -> list[tuple]:
    db = sqlite3.connect(run / "run.sqlite")
    try:
        return db.execute(TURNS).fetchall()
    finally:
        db.close()


def test_a_power_cut_at_any_byte_of_the_log_leaves_whole_turns_and_the_run_goes_on(
    ladder: type, tmp_path: Path
):
    run, seen = tmp_path / "r", []
    plan = ladder_plan(["base"], repeats=2)

    def pull_the_plug(event) -> None:
        if isinstance(event, TurnPlayed):
            seen.append(event)
            if len(seen) == 9:
                shutil.copytree(run, tmp_path / "cut")

    play(plan, run, {"base": AnsweringEngine(ups)}, pull_the_plug)
    whole, log = rows(run), (tmp_path / "cut/run.sqlite-wal").read_bytes()
    survived = []
    for share in range(21):
        torn = tmp_path / f"torn{share}"
        shutil.copytree(tmp_path / "cut", torn)
        # the disk had written so much of the log; what SQLite keeps in memory beside it is gone
        torn_bytes = share % 3 if share < 20 else 0
        (torn / "run.sqlite-wal").write_bytes(log[: len(log) * share // 20 - torn_bytes])
        (torn / "run.sqlite-shm").unlink(missing_ok=True)
        db = sqlite3.connect(torn / "run.sqlite")
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
        kept = rows(torn)
        # turns come to the disk in order, and none of them is a half one
        assert set(kept) <= set(whole)
        survived.append(len(kept))
        tally, _ = play(plan, torn, {"base": AnsweringEngine(ups)})
        assert tally.owed == 0
        assert rows(torn) == whole
    assert survived == sorted(survived)
    assert (survived[0], survived[-1]) == (0, 9)


def test_half_a_log_written_over_with_rubbish_is_no_turn(ladder: type, tmp_path: Path):
    run, seen = tmp_path / "r", []
    plan = ladder_plan(["base"])

    def pull_the_plug(event) -> None:
        if isinstance(event, TurnPlayed):
            seen.append(event)
            if len(seen) == 6:
                shutil.copytree(run, tmp_path / "cut")

    play(plan, run, {"base": AnsweringEngine(ups)}, pull_the_plug)
    log = (tmp_path / "cut/run.sqlite-wal").read_bytes()
    torn = log[: len(log) // 2] + b"\xa5" * (len(log) - len(log) // 2)
    (tmp_path / "cut/run.sqlite-wal").write_bytes(torn)
    (tmp_path / "cut/run.sqlite-shm").unlink(missing_ok=True)
    tally, _ = play(plan, tmp_path / "cut", {"base": AnsweringEngine(ups)})
    assert tally.owed == 0
    assert rows(tmp_path / "cut") == rows(run)


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "suite.toml").write_text(
        'name = "full"\n[[tasks]]\nbenchmark = "pddl"\nsubset = "gripper"\ncount = 4\nmax_steps = 20\n'
    )
    (tmp_path / "replies.txt").write_text("\n".join(["check valid actions", "look"] * 10))
    return [
        *(sys.executable, "-m", "arena", "batch", str(tmp_path / "suite.toml"), "--json", "--jobs", "2"),
        *("-a", f"base=script:{tmp_path / 'replies.txt'}"),
    ]


@pytest.mark.parametrize("room_bytes", [4_096, 20_000])
def test_a_disk_that_is_full_when_a_run_begins_is_one_sentence_too(
    tmp_path: Path, command: list[str], room_bytes: int
):
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, room_bytes))

    run = tmp_path / "r"
    stopped = subprocess.run([*command, "--out", run], capture_output=True, text=True, preexec_fn=small_disk)
    assert stopped.returncode == 1
    assert f"{run} can't be written" in stopped.stderr
    assert "make room" in stopped.stderr
    assert "unexpected" not in stopped.stderr
    subprocess.run([*command, "--out", run], check=True, capture_output=True)
    assert rows(run)


def test_a_full_disk_ends_the_run_in_one_sentence_and_what_was_recorded_stays(
    tmp_path: Path, command: list[str]
):
    full, whole = tmp_path / "full", tmp_path / "whole"
    subprocess.run([*command, "--out", whole], check=True, capture_output=True)

    def small_disk() -> None:  # no file may grow beyond this
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    stopped = subprocess.run([*command, "--out", full], capture_output=True, text=True, preexec_fn=small_disk)
    assert stopped.returncode == 1
    assert "can't be written" in stopped.stderr
    assert "make room" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    kept = rows(full)
    assert 0 < len(kept) < len(rows(whole))
    assert set(kept) <= set(rows(whole))
    subprocess.run([*command, "--out", full], check=True, capture_output=True)
    assert rows(full) == rows(whole)
    reader = RunReader(full)
    assert all(episode.attempt == 1 for episode in reader.episodes(superseded=True))
