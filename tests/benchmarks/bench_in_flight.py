"""One episode at a time, as AgentBoard plays, against 32 in flight: turns and tokens a second, and the ratio.

    .venv-vllm/bin/python tests/benchmarks/bench_in_flight.py [SPEC]      (default: vllm:smollm2)

Both play the same small PDDL problems through the same engine, with its start left out; one at a time plays
an eighth of them. Needs the environment that `make vllm` makes, unless SPEC is another engine's.
"""

import asyncio
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from arena.lineup import line_up
from arena.records import EpisodeEnded, EpisodeStarted, Event, TurnPlayed
from arena.run import play_run
from arena.suite import parse_suite

IN_FLIGHT = 32
EPISODES = 64
BAR = 8.0
SUITE = """
name = "bench"
[settings]
protocol = "json"
max_tokens = 48
[[tasks]]
benchmark = "pddl"
subset = "gripper-small"
max_steps = 5
"""


def play(folder: Path, spec: str, jobs: int, episodes: int) -> tuple[float, float]:
    """Play so many episodes, `jobs` at a time; returns turns and tokens of replies a second."""
    plan, engines = line_up(parse_suite(SUITE, "bench"), [f"a={spec}"], episodes)
    times: list[float] = []
    tokens: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpisodeStarted | EpisodeEnded):
            times.append(time.perf_counter())
        elif isinstance(event, TurnPlayed):
            tokens.append(event.turn.completion_tokens)

    asyncio.run(play_run(plan, folder / f"run-{jobs}", engines, listen, jobs=jobs))
    wall_s = times[-1] - times[0]
    return len(tokens) / wall_s, sum(tokens) / wall_s


def main() -> None:
    spec = sys.argv[1] if len(sys.argv) > 1 else "vllm:smollm2"
    if spec.startswith("vllm:") and find_spec("vllm") is None:
        print("vLLM is not installed here: make vllm, then run this with .venv-vllm/bin/python")
        return
    with tempfile.TemporaryDirectory() as folder:
        alone = play(Path(folder), spec, 1, EPISODES // 8)
        print(f"{spec}, one at a time: {alone[0]:.2f} turns/s, {alone[1]:.0f} tokens/s", flush=True)
        many = play(Path(folder), spec, IN_FLIGHT, EPISODES)
        print(f"{spec}, {IN_FLIGHT} in flight: {many[0]:.2f} turns/s, {many[1]:.0f} tokens/s")
        print(f"ratio {many[0] / alone[0]:.1f} in turns (bar {BAR:g})")


if __name__ == "__main__":
    main()
