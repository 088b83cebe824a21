"""Ctrl-C: once lets the running turns end, twice leaves at once; both go on from the last recorded turn."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "suite.toml").write_text(
        'name = "stop"\n[[tasks]]\nbenchmark = "pddl"\nsubset = "gripper"\ncount = 3\nmax_steps = 6\n'
    )
    (tmp_path / "replies.txt").write_text("\n".join(["check valid actions"] * 6))
    return [
        *(sys.executable, "-m", "arena", "batch", str(tmp_path / "suite.toml"), "--json", "--jobs", "2"),
        *("--out", str(tmp_path / "run"), "--events", str(tmp_path / "events")),
    ]


def events(tmp_path: Path) -> list[dict]:
    path = tmp_path / "events"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def begun_episodes(tmp_path: Path) -> list[dict]:
    return [event for event in events(tmp_path) if event["event"] == "episode_started"]


def begun(command: list[str], tmp_path: Path, latency_s: float) -> subprocess.Popen:
    contestant = f"base=script:{tmp_path / 'replies.txt'},latency_s={latency_s}"
    process = subprocess.Popen(
        [*command, "-a", contestant], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and len(begun_episodes(tmp_path)) < 2:
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_finishes_the_running_turns_and_says_how_to_go_on(
    tmp_path: Path, command: list[str], number: signal.Signals
):
    process = begun(command, tmp_path, latency_s=2)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "once more leaves at once" in stderr
    assert "of 3 episodes are owed; the same command goes on from here" in stderr
    assert "Traceback" not in stderr
    played = [event for event in events(tmp_path) if event["event"] == "turn_played"]
    assert len(played) == 2, "both running turns are recorded, and none is begun after them"
    done = subprocess.run(
        [*command, "-a", f"base=script:{tmp_path / 'replies.txt'}"], check=True, capture_output=True
    )
    assert json.loads(done.stdout)["contestants"]["base"]["pddl"]["episodes"] == 3
    turns = [(e["task"], e["turn"]) for e in events(tmp_path) if e["event"] == "turn_played"]
    assert len(turns) == len(set(turns)) == 18


def test_a_second_signal_leaves_at_once(tmp_path: Path, command: list[str]):
    process = begun(command, tmp_path, latency_s=300)
    process.send_signal(signal.SIGINT)
    assert process.stderr
    assert any("once more leaves at once" in line for line in process.stderr)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=200)
    assert time.monotonic() - began < 50  # of the 300 that a reply takes
    assert process.returncode == 1
    assert "left at once" in stderr
    assert "Traceback" not in stderr


def test_a_limit_of_tokens_or_time_ends_with_what_is_owed(tmp_path: Path, command: list[str]):
    contestant = f"base=script:{tmp_path / 'replies.txt'},latency_s=0.2"
    stopped = subprocess.run(
        [*command, "-a", contestant, "--max-time", "0.3"], capture_output=True, text=True
    )
    assert stopped.returncode == 1
    assert "the limit of 0.3 s is reached" in stopped.stderr
    assert "episodes are owed" in stopped.stderr
    json.loads(stopped.stdout)
