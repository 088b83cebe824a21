"""How much faster two nodes of a Ray cluster play than one, on this machine.

Each node is a Ray node with processes of its own. The engine is scripted with a fixed latency, and each of
its replicas has so many episodes in flight: as a GPU that is full. The local executor with one such engine
stands beside it. Both clusters are measured twice, in turns, since a shared machine is never quiet. Last,
with no latency at all: what one command can take in, whatever the number of nodes.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arena.executors.base import Executor
from arena.executors.local import LocalExecutor
from arena.lineup import line_up
from arena.records import Event, TurnPlayed
from arena.run import play_run
from arena.suite import parse_suite

LATENCY_S = 0.5
SUITE = """
name = "bench"
[settings]
repeats = 4
[[tasks]]
benchmark = "pddl"
count = 16
max_steps = 5
"""
"""64 episodes of 5 turns: an engine with 16 in flight is full four times."""


@contextmanager
def cluster_of(count: int) -> Iterator[Executor]:
    from ray.cluster_utils import Cluster

    from arena.executors.ray_cluster import ADDRESS, connected

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        for _ in range(count - 1):
            cluster.add_node(num_cpus=1)
        os.environ[ADDRESS] = cluster.address
        with connected() as executor:
            yield executor
    finally:
        cluster.shutdown()


def turns_per_s(folder: Path, executor: Executor, latency_s: float = LATENCY_S) -> float:
    script = folder / "replies.txt"
    script.write_text("\n".join(["check valid actions"] * 5))
    plan, engines = line_up(parse_suite(SUITE, "bench"), [f"slow=script:{script},latency_s={latency_s}"])
    began = ended = 0.0
    turns = 0

    def listen(event: Event) -> None:
        nonlocal began, ended, turns
        began, ended = began or time.perf_counter(), time.perf_counter()
        turns += isinstance(event, TurnPlayed)

    run = Path(tempfile.mkdtemp(dir=folder))
    tally = asyncio.run(play_run(plan, run, engines, listen, executor=executor))
    assert tally.owed == 0, tally.errors
    return turns / (ended - began)


def main() -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        local = turns_per_s(folder, LocalExecutor())
        print(f"local: {local:.1f} turns/s (16 in flight, {LATENCY_S} s a reply: at best {16 / LATENCY_S:g})")
        at_most = {"local": turns_per_s(folder, LocalExecutor(), 0)}
        measured: dict[int, list[float]] = {1: [], 2: []}
        for count in (1, 2, 1, 2):
            with cluster_of(count) as executor:
                measured[count].append(turns_per_s(folder, executor))
                at_most[f"ray, {count} node(s)"] = turns_per_s(folder, executor, 0)
        for count, found in measured.items():
            print(f"ray, {count} node(s): {', '.join(f'{each:.1f}' for each in found)} turns/s")
        ratio = sum(measured[2]) / sum(measured[1])
        print(f"two nodes over one: {ratio:.2f} (bar 1.8)")
        print("without latency:", ", ".join(f"{name} {most:.0f} turns/s" for name, most in at_most.items()))


if __name__ == "__main__":
    main()
