"""What a batch costs on top of its engine: wall time over the engine's own, store writes, start-up.

The engine is scripted with a fixed latency, so its own time for the same requests is known: the same
requests are first given to the engine alone, as many at a time as the batch has episodes in flight.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from arena.engines.base import Message, Request, Sampling
from arena.engines.registry import make_engine
from arena.lineup import line_up
from arena.records import EpisodeKey, Event, Turn, TurnPlayed
from arena.run import play_run
from arena.store.files import create_database
from arena.store.writer import RunWriter
from arena.suite import parse_suite
from envs.base import Task

JOBS = 8
LATENCIES_S = (0.05, 0.2)
"""A very fast server, and a fast one."""
SUITE = """
name = "bench"
[[tasks]]
benchmark = "pddl"
max_steps = 10
"""


def batch_overhead(folder: Path, latency_s: float) -> None:
    script = folder / "replies.txt"
    script.write_text("\n".join(["check valid actions"] * 10))
    spec = f"script:{script},latency_s={latency_s}"
    plan, engines = line_up(parse_suite(SUITE, "bench"), [f"slow={spec}"])
    turns: list[TurnPlayed] = []

    def listen(event: Event) -> None:
        if isinstance(event, TurnPlayed):
            turns.append(event)

    began = time.perf_counter()
    asyncio.run(play_run(plan, folder / f"run-{latency_s}", engines, listen, jobs=JOBS))
    batch_s = time.perf_counter() - began

    engine = make_engine(f"script:{script}", {"latency_s": latency_s})
    per_episode: dict[EpisodeKey, int] = {}
    for event in turns:
        per_episode[event.key] = per_episode.get(event.key, 0) + 1

    async def alone() -> None:
        waiting = list(per_episode.items())

        async def work() -> None:
            while waiting:
                key, count = waiting.pop()
                for turn in range(count):
                    message = (Message("user", "x"),)
                    await engine.complete(
                        [Request(message, Sampling(), key.session, key.task, 0, turn, oracle=None)]  # type: ignore[arg-type]
                    )

        await asyncio.gather(*(work() for _ in range(JOBS)))

    began = time.perf_counter()
    asyncio.run(alone())
    engine_s = time.perf_counter() - began
    print(f"batch: {len(turns)} turns, {len(per_episode)} episodes, {JOBS} in flight, {latency_s} s a reply")
    ratio = batch_s / engine_s
    print(f"  engine alone {engine_s:.2f} s, batch {batch_s:.2f} s: ratio {ratio:.3f} (bar 1.10)")


def store_rate(folder: Path, turns: int = 20_000) -> None:
    run = folder / "store"
    run.mkdir()
    create_database(run)
    writer = RunWriter(run)
    task = Task("toy/0", "toy", None, "bundled", 0, turns, "easy", {})
    writer.add_tasks([task])
    episode, _ = writer.begin(EpisodeKey("base", task.id, task.hash, 0, 0), {})
    episode.begin("goal", "start")
    text = "Ball 3 is in room A. " * 15
    began = time.perf_counter()
    for index in range(turns):
        episode.append(Turn(index, text, "Action: go", "", "go", None, text, True, 0.5, False))
    seconds = time.perf_counter() - began
    print(
        f"store: {turns / seconds:,.0f} turns/s, each committed by itself, {len(text)} characters (bar 5,000)"
    )


def start_up(times: int = 7) -> None:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "arena", "--help"], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    print(f"arena --help: median {statistics.median(seconds):.2f} s of {times} (bar 0.3)")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for latency_s in LATENCIES_S:
            batch_overhead(Path(name), latency_s)
        store_rate(Path(name))
        start_up()
