"""A benchmark and an engine in a package of their own: the smallest that do something.

Install it beside Arena, and `arena tasks` lists `coin`, `arena agents` lists `constant`:

    pip install ./docs/examples/arena_coin
    arena play coin -a expert -a constant:heads
"""

from collections.abc import Mapping, Sequence
from typing import Any

from arena.engines.base import Completion, Engine, Request
from envs.base import ArenaEnv, Outcome, Source, Task
from envs.registry import Benchmark

BENCHMARK = Benchmark(
    name="coin",
    title="Coin",
    capability="example",
    env_id="arena/Coin-v0",
    env="arena_coin:CoinEnv",
    tasks="arena_coin:tasks",
    has_expert=True,
)


def tasks(source: Source) -> Sequence[Task]:
    """Return ten coins; the seed of each decides which side it shows."""
    return [
        Task(f"coin/{seed}", "coin", None, source, seed, max_steps=3, difficulty="easy", data={"seed": seed})
        for seed in range(10)
    ]


class CoinEnv(ArenaEnv):
    """Say the side that the coin shows: heads or tails."""

    benchmark = "coin"

    def goal(self) -> str:
        """Return the goal in words."""
        return "Say which side the coin shows."

    def instructions(self) -> str:
        """Return the rules."""
        return "Actions: heads, tails."

    def expert(self) -> Sequence[str]:
        """Return the right answer."""
        return [self._side]

    def valid_actions(self) -> Sequence[str]:
        """Return both answers."""
        return ["heads", "tails"]

    def _begin(self, task: Task) -> Outcome:
        self._side = "heads" if task.data["seed"] % 2 == 0 else "tails"
        return Outcome("A coin lies on the table.", progress=0.0, valid=True)

    def _apply(self, action: str) -> Outcome:
        valid, right = action in self.valid_actions(), action == self._side
        words = "Right." if right else "No." if valid else "Say heads or tails."
        return Outcome(words, progress=float(right), valid=valid, success=right)


class ConstantEngine(Engine):
    """`constant:TEXT` gives the same reply to everything."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return the text once for each request."""
        return [Completion(self._text, "stop") for _ in requests]

    def identity(self) -> Mapping[str, Any]:
        """Return what shapes the replies: the text."""
        return {"engine": "constant", "text": self._text}
