"""One episode at a time, as AgentBoard plays, against 32 in flight: turns and tokens a second, and the ratio.

    .venv-vllm/bin/python tests/benchmarks/bench_in_flight.py [SPEC]      (default: vllm:smollm2)

Both play the same small PDDL problems through the same engine, with its start left out; one at a time plays
an eighth of them. Then the engine is asked for the same replies with nothing around it, as many at a time:
what it reaches so is what this machine can reach. Needs the environment that `make vllm` makes, unless SPEC
is another engine's.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from arena.engines.base import Completion, Request
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


def play(folder: Path, spec: str, jobs: int, episodes: int) -> tuple[float, float, list[Request]]:
    """Play so many episodes, `jobs` at a time; returns turns and tokens of replies a second, and requests."""
    plan, engines = line_up(parse_suite(SUITE, "bench"), [f"a={spec}"], episodes)
    (engine,) = engines.values()
    complete, asked = engine.complete, []

    async def watched(requests: Sequence[Request]) -> list[Completion]:
        asked.extend(requests)
        return await complete(requests)

    engine.complete = watched  # type: ignore[method-assign]
    times: list[float] = []
    tokens: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpisodeStarted | EpisodeEnded):
            times.append(time.perf_counter())
        elif isinstance(event, TurnPlayed):
            tokens.append(event.turn.completion_tokens)

    asyncio.run(play_run(plan, folder / f"run-{jobs}", engines, listen, jobs=jobs))
    wall_s = times[-1] - times[0]
    return len(tokens) / wall_s, sum(tokens) / wall_s, asked


async def ask(spec: str, requests: Sequence[Request], jobs: int) -> float:
    """Ask an engine for the same replies, each conversation in order; returns turns a second."""
    _, engines = line_up(parse_suite(SUITE, "bench"), [f"a={spec}"], 1)
    (engine,) = engines.values()
    await engine.start()
    conversations: dict[str, list[Request]] = {}
    for request in requests:
        conversations.setdefault(request.session, []).append(request)
    waiting = list(conversations.values())

    async def work() -> None:
        while waiting:
            for request in waiting.pop(0):
                await engine.complete([request])

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(jobs)))
    wall_s = time.perf_counter() - began
    await engine.close()
    return len(requests) / wall_s


def main() -> None:
    spec = sys.argv[1] if len(sys.argv) > 1 else "vllm:smollm2"
    if spec.startswith("vllm:") and find_spec("vllm") is None:
        print("vLLM is not installed here: make vllm, then run this with .venv-vllm/bin/python")
        return
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for jobs, episodes in ((1, EPISODES // 8), (IN_FLIGHT, EPISODES)):
            turns, tokens, requests = play(Path(folder), spec, jobs, episodes)
            by_itself = asyncio.run(ask(spec, requests, jobs))
            found.append((turns, by_itself))
            print(
                f"{spec}, {jobs} in flight: {turns:.2f} turns/s, {tokens:.0f} tokens/s; "
                f"the engine by itself {by_itself:.2f} turns/s, {by_itself / turns:.2f} times as many",
                flush=True,
            )
        alone, many = found
        print(f"ratio {many[0] / alone[0]:.1f} in turns (bar {BAR:g})")
        print(f"the engine by itself: ratio {many[1] / alone[1]:.1f}")


if __name__ == "__main__":
    main()
