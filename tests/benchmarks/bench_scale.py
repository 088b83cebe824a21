"""What an episode costs in runs of 10 to 10,000 episodes: time, computing, memory and disk of each.

Scripted agents with no latency play bundled PDDL tasks, so that all that is left is Arena's own work: the
environment, the prompt, the protocol and the store. Each run is a process of its own (`bench_scale.py
EPISODES` is one of them), for memory is told of a process as a whole. On a shared machine wall time says
little; the time that the process itself computed says more.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from arena.lineup import Shard, line_up
from arena.merge import merge
from arena.run import play_run
from arena.suite import parse_suite
from envs.registry import tasks

SIZES = (10, 100, 1_000, 10_000)
TURNS = 6
CONTESTANTS = 2
SHARDS = 4


def play(episodes: int, folder: Path, shard: Shard | None = None) -> dict[str, float]:
    script = folder / "replies.txt"
    script.write_text("\n".join(["check valid actions", "look"] * (TURNS // 2)))
    matches = episodes // CONTESTANTS
    count = min(matches, len(tasks("pddl")) // 10 * 10)
    suite = f'name = "bench"\n[[tasks]]\nbenchmark = "pddl"\ncount = {count}\nmax_steps = {TURNS}\n'
    spec = f"script:{script}"
    began, used = time.perf_counter(), time.process_time()
    contestants = [f"c{index}={spec},seed={index}" for index in range(CONTESTANTS)]
    repeats = -(-matches // count)
    plan, engines = line_up(parse_suite(suite, "bench"), contestants, repeats=repeats, shard=shard)
    wanted = plan.episodes()[:episodes]
    run = folder / f"run{shard[0] if shard else ''}"
    tally = asyncio.run(play_run(plan, run, engines, lambda event: None, only=wanted))
    assert tally.done == len(wanted), tally.errors
    return {
        "wall_ms": 1000 * (time.perf_counter() - began) / episodes,
        "cpu_ms": 1000 * (time.process_time() - used) / episodes,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "disk_kb": sum(path.stat().st_size for path in run.iterdir()) / 1024 / episodes,
    }


def merging(episodes: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index in range(1, SHARDS + 1):
            play(episodes, folder, (index, SHARDS))
        began = time.perf_counter()
        merge([folder / f"run{index}" for index in range(1, SHARDS + 1)], folder / "merged")
        cost_ms = 1000 * (time.perf_counter() - began) / episodes
    print(f"merging {SHARDS} shards of {episodes // SHARDS:,} episodes: {cost_ms:.2f} ms an episode")


def main() -> None:
    print(f"{TURNS} turns an episode, {CONTESTANTS} contestants; costs of one episode")
    print("  episodes  wall (ms)  computing (ms)  memory of the process (MB)  disk (kB)")
    for episodes in SIZES:
        done = subprocess.run(
            [sys.executable, __file__, str(episodes)], check=True, capture_output=True, text=True
        )
        cost = json.loads(done.stdout)
        print(
            f"  {episodes:8,}  {cost['wall_ms']:9.2f}  {cost['cpu_ms']:14.2f}"
            f"  {cost['memory_mb']:26.0f}  {cost['disk_kb']:9.1f}",
            flush=True,
        )
    merging(1_280)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(play(int(sys.argv[1]), Path(name))))
    else:
        main()
