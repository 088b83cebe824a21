"""The executor `ray` on a real cluster of two nodes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs the package ray: pip install 'arena[ray]'")
sys.path.append(str(Path(__file__).parent))
from two_nodes import play, replicas, scripted, turns, two_nodes

from arena.executors.ray_cluster import connected
from arena.records import EpisodeStarted, Notice

SUITE = """
name = "small"
[[tasks]]
benchmark = "pddl"
count = 2
max_steps = 4
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator:
    with two_nodes() as cluster:
        yield cluster


def test_two_nodes_play_what_one_process_plays_and_share_it(cluster, tmp_path: Path):
    others = ("random", "expert")
    tally, _ = play(scripted(tmp_path, *others), tmp_path / "here")
    assert tally.owed == 0
    playing: set[int] = set()

    def look(event) -> None:
        if isinstance(event, EpisodeStarted):
            playing.update(process.pid for process in replicas(cluster))

    with connected() as executor:
        tally, events = play(scripted(tmp_path, *others), tmp_path / "there", executor, look)
    assert (tally.owed, tally.errors) == (0, [])
    assert not [event for event in events if isinstance(event, Notice)]
    assert turns(tmp_path / "there") == turns(tmp_path / "here")
    assert len(playing) == 2 * 3  # one of each contestant on each node


def test_the_command_prints_the_same_document_whatever_the_executor(cluster, tmp_path: Path):
    (tmp_path / "mine.toml").write_text(SUITE)
    (tmp_path / "r.txt").write_text("check valid actions\n" * 4)
    # relative paths mean on the nodes what they mean here
    command = [sys.executable, "-m", "arena", "batch", "mine.toml", "--json", "-a", "s=script:r.txt"]
    documents = []
    for executor in ("local", "ray"):
        done = subprocess.run(
            [*command, "--executor", executor, "--out", "same"],
            cwd=tmp_path,
            env={**os.environ, "ARENA_API_KEY": "sekrit-of-mine"},
            capture_output=True,
            text=True,
            check=True,
        )
        documents.append(json.loads(done.stdout)["contestants"]["s"]["pddl"])
        (tmp_path / "same").rename(tmp_path / f"run-{executor}")
    for document in documents:
        document.pop("time_s")
    assert documents[0] == documents[1]
    assert turns(tmp_path / "run-local") == turns(tmp_path / "run-ray")
    logs = Path(cluster.head_node.get_session_dir_path()) / "logs"
    assert any(logs.iterdir())
    assert not [path for path in logs.rglob("*") if path.is_file() and b"sekrit" in path.read_bytes()]


def test_a_model_that_the_nodes_do_not_have_is_said_once_and_owed(cluster, tmp_path: Path):
    plan = scripted(tmp_path)
    (tmp_path / "replies.txt").write_text("another script\n")
    with connected() as executor:
        tally, events = play(plan, tmp_path / "r", executor)
    assert (tally.done, tally.owed) == (0, 6)
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert "s can't start: on node" in notice.text
    assert "it would play as another contestant: content is" in notice.text


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path: Path):
    (tmp_path / "r.txt").write_text("look\n")
    done = subprocess.run(
        [sys.executable, "-m", "arena", "batch", "quick", "--executor", "ray", "-a", "s=script:r.txt"],
        cwd=tmp_path,
        env={**os.environ, "RAY_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "no Ray cluster at RAY_ADDRESS=127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
