"""vLLM beside transformers, on the same prompts in one run: tokens/s, and how many greedy replies are equal.

    .venv-vllm/bin/python tests/benchmarks/bench_vllm.py [MODEL…] [--eager]

MODEL is a folder (or smollm2, the default). Replies are of 24 different prompts, all asked at the same time;
each engine has read and written a little before. Needs the environment that `make vllm` makes.
"""

import asyncio
import sys
import time
from importlib.util import find_spec
from typing import Any

from arena.engines.base import Completion, Engine, Message, Request, Sampling
from arena.engines.registry import make_engine
from arena.errors import ArenaError

REPLIES = 24
REPLY_TOKENS = 32
ORACLE: Any = None
PLACES = ("kitchen", "garden", "cellar", "tower", "library", "stable", "forge", "harbour")


def request(number: int) -> Request:
    place = PLACES[number % len(PLACES)]
    text = (
        f"You are in the {place} of house {number}. A door leads {'north' if number % 2 else 'south'}; on a "
        f"table lie {number + 2} keys and a letter. What do you do next, and why?"
    )
    messages = (Message("system", "You play a game of exploration."), Message("user", text))
    return Request(messages, Sampling(max_tokens=REPLY_TOKENS), f"s{number}", "t", 0, number, ORACLE)


async def measure(engine: Engine) -> tuple[list[Completion], float, float]:
    """Return the replies, the seconds until the engine was ready, and the tokens/s."""
    began = time.perf_counter()
    await engine.start()
    start_s = time.perf_counter() - began
    try:
        await engine.complete([request(REPLIES)])
        began = time.perf_counter()
        replies = await engine.complete([request(number) for number in range(REPLIES)])
        wall_s = time.perf_counter() - began
    finally:
        await engine.close()
    return replies, start_s, sum(reply.completion_tokens for reply in replies) / wall_s


async def main() -> None:
    if find_spec("vllm") is None:
        print("vLLM is not installed here: make vllm, then run this with .venv-vllm/bin/python")
        return
    eager = "--eager" in sys.argv
    models = [argument for argument in sys.argv[1:] if argument != "--eager"] or ["smollm2"]
    for model in models:
        print(model)
        results = {}
        for kind, options in (("hf", {}), ("vllm", {"enforce_eager": eager})):
            try:
                results[kind] = await measure(make_engine(f"{kind}:{model}", options))
            except ArenaError as error:
                print(f"  {kind:5} {error.message}")
                continue
            _, start_s, rate = results[kind]
            print(f"  {kind:5} ready after {start_s:6.1f} s, {rate:7.1f} tokens/s", flush=True)
        if len(results) == 2:
            ours, theirs = results["hf"][0], results["vllm"][0]
            same = sum(one.token_ids == other.token_ids for one, other in zip(ours, theirs, strict=True))
            print(f"  ratio {results['vllm'][2] / results['hf'][2]:.2f}, equal replies {same} of {REPLIES}")


if __name__ == "__main__":
    asyncio.run(main())
