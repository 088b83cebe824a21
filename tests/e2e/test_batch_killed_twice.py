"""The bundled base and six recipes by one command that is killed twice on its way.

On a few tasks of the suite `bundled`; tests/benchmarks/bench_done_when.py does the same with all of them.
"""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

RECIPES = ("fp8", "rtn-w4g128", "rtn-w3g128", "magnitude-30", "magnitude-50", "magnitude-2:4")
KILLED_AFTER = (5, 15)
"""Finished episodes."""
EPISODES = 28
SUITE = """
name = "few"
[settings]
protocol = "json"
max_tokens = 64
history_items = 60
[[tasks]]
benchmark = "pddl"
subset = "gripper-small"
count = 2
max_steps = 10
[[tasks]]
benchmark = "pddl"
subset = "blockworld-small"
count = 2
max_steps = 10
"""
TURNS = (
    "SELECT e.contestant, e.task, t.idx, t.reply, t.action, t.progress"
    " FROM turn t JOIN episode e ON e.id = t.episode_id"
)
DONE = "SELECT contestant, task FROM episode WHERE status = 'done'"


def read(run: Path, query: str) -> list[tuple]:
    if not (run / "run.sqlite").exists():
        return []
    db = sqlite3.connect(f"file:{run / 'run.sqlite'}?mode=ro", uri=True)
    try:
        return db.execute(query).fetchall()
    except sqlite3.OperationalError:  # its tables are not made yet
        return []
    finally:
        db.close()


def started(folder: Path) -> subprocess.Popen[str]:
    contestants = [
        part for recipe in ("", *(f"+{each}" for each in RECIPES)) for part in ("-a", f"bundled{recipe}")
    ]
    return subprocess.Popen(
        [*(sys.executable, "-m", "arena", "batch", "few.toml", *contestants), "--out", "run"],
        cwd=folder,
        env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_batch_that_is_killed_twice_ends_by_saying_which_recipe_to_ship(tmp_path: Path):
    (tmp_path / "few.toml").write_text(SUITE)
    run, recorded = tmp_path / "run", set()
    for enough in KILLED_AFTER:
        process = started(tmp_path)
        deadline = time.monotonic() + 120
        while process.poll() is None and len(read(run, DONE)) < enough and time.monotonic() < deadline:
            time.sleep(0.02)
        assert process.poll() is None, "it was over before it could be killed"
        process.kill()
        process.communicate()
        now = set(read(run, TURNS))
        assert recorded <= now, "a recorded turn was lost or changed"
        recorded = now
        assert enough <= len(read(run, DONE)) < EPISODES

    process = started(tmp_path)
    report, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    turns, done = read(run, TURNS), read(run, DONE)
    assert recorded <= set(turns)
    assert len(done) == len(set(done)) == EPISODES
    assert read(run, "SELECT COUNT(*) FROM episode") == [(EPISODES,)], "an episode was begun a second time"
    assert len({turn[:3] for turn in turns}) == len(turns), "a turn was played twice"

    # four tasks can't tell a safe recipe from another: the report has to say so, and what would
    ending = " ".join(report.partition("Which to ship:")[2].split())
    assert ending.startswith("Nothing is decided: about ")
    assert "bundled+rtn-w4g128 is undecided: " in ending
