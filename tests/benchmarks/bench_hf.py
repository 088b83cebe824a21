"""What batching, kept caches and the decode loop of the engine `hf:` are worth, on SmolLM2 or a model given.

    python tests/benchmarks/bench_hf.py [MODEL] [DTYPE]

Episodes are played as an agent plays them: a prompt of rules, then turn after turn the reply and a new
observation behind it. All ratios are of times measured in this one run.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from arena.engines.base import Completion, Message, Request, Sampling
from arena.engines.hf import HfEngine

EPISODES = 8
TURNS = 3
ROUNDS = 3
REPLY_TOKENS = 24
ORACLE: Any = None
RULES = " ".join(
    f"{place} lies {side} of the hall, and there you may find {thing}."
    for place, side, thing in zip(
        ["The kitchen", "A garden", "The cellar", "A tower", "The library", "A stable", "The forge"],
        ["north", "south", "east", "west", "above", "below", "behind"],
        ["a lamp", "seeds", "old wine", "a telescope", "nine books", "a saddle", "a hammer"],
        strict=True,
    )
)


@dataclass
class Played:
    """Replies by episode and turn, the wall time, and the part of it spent inside the model."""

    replies: dict[tuple[int, int], Completion]
    wall_s: float
    forward_s: float

    @property
    def tokens_per_s(self) -> float:
        return sum(reply.completion_tokens for reply in self.replies.values()) / self.wall_s

    @property
    def read_tokens(self) -> int:
        return sum(reply.prompt_tokens - reply.cached_tokens for reply in self.replies.values())


def observation(episode: int, turn: int) -> str:
    return (
        f"You are in room {turn} of house {episode}. A door leads {'north' if turn % 2 else 'south'}; on a "
        f"table lie {turn + 2} keys and a letter from visitor {episode * 10 + turn}. What do you do, and why?"
    )


async def play_episode(
    engine: HfEngine, episode: int, turns: int, keeps_cache: bool = True
) -> dict[tuple[int, int], Completion]:
    messages = [Message("system", f"House {episode}. {RULES}")]
    replies = {}
    for turn in range(turns):
        messages.append(Message("user", observation(episode, turn)))
        (reply,) = await engine.complete([request(messages, f"episode {episode}", turn)])
        replies[episode, turn] = reply
        messages.append(Message("assistant", reply.text))
        if not keeps_cache:
            await engine.release(f"episode {episode}")
    await engine.release(f"episode {episode}")
    return replies


def request(messages: Sequence[Message], session: str, turn: int) -> Request:
    return Request(tuple(messages), Sampling(max_tokens=REPLY_TOKENS), session, "t", 0, turn, ORACLE)


async def measure(engine: HfEngine, jobs: int, episodes: int, **settings: Any) -> Played:
    waiting = list(range(episodes))
    replies: dict[tuple[int, int], Completion] = {}

    async def work() -> None:
        while waiting:
            replies.update(await play_episode(engine, waiting.pop(0), **settings))

    forward_s, began = engine.forward_s, time.perf_counter()
    await asyncio.gather(*(work() for _ in range(jobs)))
    return Played(replies, time.perf_counter() - began, engine.forward_s - forward_s)


async def main() -> None:
    model, dtype = [*sys.argv[1:3], *("smollm2", "auto")[len(sys.argv) - 1 :]]
    engine = HfEngine(model, dtype=dtype)  # type: ignore[arg-type]
    began = time.perf_counter()
    await engine.start()
    print(f"hf:{model}: {engine.identity()['dtype']}, started in {time.perf_counter() - began:.1f} s")
    await measure(engine, 1, 1, turns=1)

    print(f"{EPISODES} episodes of {TURNS} turns, tokens/s: one at a time, {EPISODES} in flight, ratio")
    ratios = []
    for _ in range(ROUNDS):
        one = await measure(engine, 1, EPISODES, turns=TURNS)
        many = await measure(engine, EPISODES, EPISODES, turns=TURNS)
        ratios.append(many.tokens_per_s / one.tokens_per_s)
        print(f"  {one.tokens_per_s:6.1f} {many.tokens_per_s:6.1f} {ratios[-1]:6.2f}")
    print(f"ratio            {statistics.median(ratios):6.2f}  (median; bar: 3)")
    same = [reply.text == many.replies[place].text for place, reply in one.replies.items()]
    print(f"same replies     {sum(same)} of {len(same)}")
    print(f"wall over model  {many.wall_s / many.forward_s:6.3f}  (bar: 1.10)")

    kept = await measure(engine, 1, 1, turns=8)
    anew = await measure(engine, 1, 1, turns=8, keeps_cache=False)
    print("prompt tokens of each turn, and how many of them were read, with the cache kept")
    print(
        "  "
        + " ".join(
            f"{reply.prompt_tokens - reply.cached_tokens}/{reply.prompt_tokens}"
            for reply in kept.replies.values()
        )
    )
    print(f"read             {kept.read_tokens} with the cache kept, {anew.read_tokens} without")
    print(f"time             {kept.wall_s:.1f} s against {anew.wall_s:.1f} s")
    print(f"ratio            {anew.wall_s / kept.wall_s:6.2f}")
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main())
