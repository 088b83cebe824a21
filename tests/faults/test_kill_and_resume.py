"""kill -9 at any moment, and the same command goes on: nothing lost, nothing played twice."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

SUITE = """
name = "killed"
[settings]
max_tokens = 20
[[tasks]]
benchmark = "pddl"
subset = "gripper"
count = 3
max_steps = 12
[[tasks]]
benchmark = "pddl"
subset = "blockworld"
count = 3
max_steps = 12
"""
TIMES = {"time_s"}
"""What two runs of the same plan may differ in."""
TURNS = """
SELECT e.contestant, e.task, t.idx, t.reply, t.action, t.outcome, t.progress, t.valid
FROM turn t JOIN episode e ON e.id = t.episode_id WHERE e.status != 'superseded' ORDER BY 1, 2, 3
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "suite.toml").write_text(SUITE)
    lines = ["move from rooma to roomb", "check valid actions", "pickup b1", "nonsense", "putdown b1"]
    (tmp_path / "replies.txt").write_text("\n".join(lines * 3))
    script = f"script:{tmp_path / 'replies.txt'},latency_s=0.02"
    return [
        *(sys.executable, "-m", "arena", "batch", str(tmp_path / "suite.toml"), "--json", "--jobs", "2"),
        *("-a", f"slow={script}", "-a", f"again={script},seed=1", "-a", "random"),
    ]


def turns(run: Path) -> list[tuple]:
    db = sqlite3.connect(f"file:{run / 'run.sqlite'}?mode=ro", uri=True)
    try:
        return db.execute(TURNS).fetchall()
    finally:
        db.close()


def without_times(document: dict) -> dict:
    return {
        name: {
            benchmark: {key: value for key, value in row.items() if key not in TIMES}
            for benchmark, row in rows.items()
        }
        for name, rows in document["contestants"].items()
    }


def test_kill_9_loses_nothing_and_repeats_nothing(tmp_path: Path, command: list[str]):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    expected = json.loads(subprocess.run([*command, "--out", whole], check=True, capture_output=True).stdout)

    recorded: list[tuple] = []
    kills = 0
    while kills < 4:
        process = subprocess.Popen(
            [*command, "--out", killed], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # let it play some turns beyond what is there, then pull the plug
        deadline = time.monotonic() + 200
        while process.poll() is None and time.monotonic() < deadline:
            if (killed / "run.sqlite").exists() and len(turns(killed)) >= len(recorded) + 9:
                break
            time.sleep(0.01)
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        now = turns(killed)
        assert set(recorded) <= set(now), "a recorded turn was lost or changed"
        recorded = now
    assert kills >= 2, "the run was too short to be killed"

    done = subprocess.run([*command, "--out", killed], check=True, capture_output=True)
    scores = json.loads(done.stdout)
    assert without_times(scores) == without_times(expected)
    assert turns(killed) == turns(whole)
    db = sqlite3.connect(killed / "run.sqlite")
    assert db.execute("SELECT COUNT(*) FROM episode WHERE attempt > 1").fetchone() == (0,)
    # every turn was announced once, in the order of its episode
    announced = db.execute(
        "SELECT episode_id, turn_idx FROM event WHERE kind = 'turn_played' ORDER BY id"
    ).fetchall()
    assert len(announced) == len(set(announced)) == len(turns(killed))


def test_a_finished_run_is_reported_and_not_played_again(tmp_path: Path, command: list[str]):
    run = tmp_path / "run"
    first = subprocess.run([*command, "--out", run], check=True, capture_output=True, text=True)
    events = sqlite3.connect(run / "run.sqlite").execute("SELECT COUNT(*) FROM event").fetchone()
    second = subprocess.run([*command, "--out", run], check=True, capture_output=True, text=True)
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert sqlite3.connect(run / "run.sqlite").execute("SELECT COUNT(*) FROM event").fetchone() == events


def test_a_run_is_not_continued_with_other_settings(tmp_path: Path, command: list[str]):
    run = tmp_path / "run"
    subprocess.run([*command, "--out", run], check=True, capture_output=True)
    other = [argument.replace("seed=1", "seed=2") for argument in command]
    refused = subprocess.run([*other, "--out", run], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "was begun with other contestants" in refused.stderr
    assert "Traceback" not in refused.stderr
    more_jobs = ["4" if argument == "2" else argument for argument in command]
    subprocess.run([*more_jobs, "--out", run], check=True, capture_output=True)


def test_stopping_with_ctrl_c_says_how_to_go_on(tmp_path: Path, command: list[str]):
    run = tmp_path / "run"
    process = subprocess.Popen(
        [*command, "--out", run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and not ((run / "run.sqlite").exists() and len(turns(run)) > 5):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "the same command goes on" in stderr
    assert "Traceback" not in stderr
    before = turns(run)
    subprocess.run([*command, "--out", run], check=True, capture_output=True)
    assert set(before) <= set(turns(run))
