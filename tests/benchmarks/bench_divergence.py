"""How long it takes to read an episode of 30 turns beside its base: in seconds, and in passes of the base.

    python tests/benchmarks/bench_divergence.py [--turns 30] [--recipe rtn-w3g32]

Plays an episode of the bundled model's own benchmark with a compressed variant whose turns are limited to
the number asked for, then reads it. A pass is the base reading all of the episode's tokens once; two models
and the control (the base in a batch of two) make four, the rest is what is told of each token.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# before torch is imported: threads that spin while they wait take ten times as long on a busy machine
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from arena.analyzing.forward import read_together
from arena.analyzing.trajectories import Account
from arena.divergence import diverge_episode, diverge_turn, open_pair
from arena.divergence.strands import sent_turns, strands
from arena.lineup import line_up
from arena.run import play_run
from arena.store.reader import RunReader
from arena.suite import parse_suite

SUITE = """
name = "bench-divergence"
[settings]
protocol = "json"
max_tokens = 48
[[tasks]]
benchmark = "pddl"
subset = "gripper"
count = 1
max_steps = {turns}
"""


def timed(work: Callable[[], Any], times: int = 2) -> tuple[float, float, Any]:
    """Return the best of some runs: seconds on the clock, seconds of all cores, and the result."""
    best = (float("inf"), 0.0, None)
    for _ in range(times):
        began, cores = time.perf_counter(), time.process_time()
        result = work()
        best = min(
            best, (time.perf_counter() - began, time.process_time() - cores, result), key=lambda x: x[0]
        )
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--recipe", default="rtn-w3g32")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        suite = parse_suite(SUITE.format(turns=wanted.turns), "bench")
        plan, engines = line_up(suite, ["bundled", f"small=bundled+{wanted.recipe}"])
        asyncio.run(play_run(plan, run, engines, lambda _: None))
        reader = RunReader(run)
        (episode,) = [each for each in reader.episodes() if each.key.contestant == "small"]
        reader.close()
        opening, _, pair = timed(lambda: open_pair(run, "small"), 1)
        whole, cores, turns = timed(lambda: diverge_episode(pair, episode.key))
        (strand, *_) = strands(sent_turns(pair, Account(), episode.key), 0)
        tokens = torch.from_numpy(strand.tokens)[None]
        once, once_cores, _ = timed(
            lambda: list(read_together((pair.base,), tokens, len(strand.turns[0].prompt)))
        )
        one, _, _ = timed(lambda: diverge_turn(pair, episode.key, turns[0].turn), 1)
    print(f"open both models                {opening:6.2f} s")
    print(f"episode of {len(turns):3} turns             {whole:6.2f} s, {cores:.2f} s of all cores")
    print(f"one pass over {tokens.numel():5} tokens      {once:6.2f} s, {once_cores:.2f} s of all cores")
    print(f"the episode in passes           {cores / once_cores:6.1f}")
    print(f"one turn with its cause         {one:6.2f} s")


if __name__ == "__main__":
    main()
