"""A real Ray cluster of two nodes on this machine, and what tests play on it. Import it only where ray is."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from ray._private.node import Node
from ray.cluster_utils import Cluster

from arena.executors.base import Executor
from arena.executors.ray_cluster import ADDRESS
from arena.lineup import line_up
from arena.plan import Plan
from arena.records import Event
from arena.run import Tally, play_run
from arena.suite import parse_suite

SUITE = """
name = "rayed"
[settings]
max_tokens = 20
[[tasks]]
benchmark = "pddl"
subset = "gripper"
count = 6
max_steps = 8
"""
REPLIES = ["move from rooma to roomb", "check valid actions", "pickup b1", "nonsense"]
TURNS = """
SELECT e.contestant, e.task, t.idx, t.reply, t.action, t.outcome, t.progress, t.valid
FROM turn t JOIN episode e ON e.id = t.episode_id WHERE e.status != 'superseded' ORDER BY 1, 2, 3
"""


@contextmanager
def two_nodes() -> Iterator[Cluster]:
    """Start a cluster of two nodes with a core each; RAY_ADDRESS points to it. It ends with the context."""
    cluster = Cluster()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # a node that dies is noticed soon
        health = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500}
        try:
            cluster.add_node(num_cpus=1, include_dashboard=False, _system_config=health)
            cluster.add_node(num_cpus=1)
            monkeypatch.setenv(ADDRESS, cluster.address)
            yield cluster
        finally:
            cluster.shutdown()


def scripted(folder: Path, *others: str, latency_s: float = 0.0) -> tuple[Plan, dict]:
    """Return a plan of six episodes of eight turns for a scripted contestant `s`, and its engines."""
    script = folder / "replies.txt"
    script.write_text("\n".join(REPLIES * 2))
    spec = f"s=script:{script},latency_s={latency_s}"
    return line_up(parse_suite(SUITE, "rayed"), [spec, *others])


def play(
    plan: tuple[Plan, dict],
    run: Path,
    executor: Executor | None = None,
    listen: Callable[[Event], None] = lambda event: None,
) -> tuple[Tally, list[Event]]:
    events: list[Event] = []

    def hear(event: Event) -> None:
        events.append(event)
        listen(event)

    return asyncio.run(play_run(plan[0], run, plan[1], hear, executor=executor)), events


def turns(run: Path) -> list[tuple]:
    db = sqlite3.connect(run / "run.sqlite")
    try:
        return db.execute(TURNS).fetchall()
    finally:
        db.close()


def replicas(cluster: Cluster) -> list[psutil.Process]:
    """Return the processes of this cluster (not of another on this machine) that play."""
    return [process for node in cluster.list_all_nodes() for process in _replicas_of(node)]


def pull_the_plug(cluster: Cluster) -> None:
    """Kill all processes of the second node at once, as a power cut would."""
    (second,) = cluster.worker_nodes
    playing = _replicas_of(second)
    cluster.remove_node(second, allow_graceful=False)
    for process in playing:
        process.kill()


def _replicas_of(node: Node) -> list[psutil.Process]:
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return [child for child in raylet.children() if _plays(child)]


def _plays(process: psutil.Process) -> bool:
    try:
        return "Replica" in process.cmdline()[0]
    except (psutil.NoSuchProcess, IndexError):  # it has just ended, or has not begun
        return False
