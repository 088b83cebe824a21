"""The turns of the match on stage, and what is counted of them as they come: marks, rates and costs.

What is drawn of a turn costs the same, however many turns came before it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from arena.records import EpisodeKey, Turn

Mark = Literal["failed", "no effect", "rose", "played"]
"""What a turn came to: no action, an action without effect, a rise of the progress rate, or none of these."""


@dataclass(frozen=True)
class Cost:
    """What replies cost: how many turns, completion tokens, and seconds of waiting for them."""

    turns: int = 0
    tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.turns + other.turns, self.tokens + other.tokens, self.seconds + other.seconds)

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.turns - other.turns, self.tokens - other.tokens, self.seconds - other.seconds)


@dataclass
class Staged:
    """An episode of the match on stage, with its turns; `known` turns exist, fewer may be here yet.

    `marks`, `rates` (progress, 0..1) and `costs` (up to and with the turn) have an entry for each of `turns`.
    """

    key: EpisodeKey
    goal: str = ""
    first_observation: str = ""
    max_steps: int = 0
    begun: bool = False
    known: int = 0
    turns: list[Turn] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """True where all turns that exist are here."""
        return len(self.turns) >= self.known

    def add(self, turn: Turn) -> None:
        """Take the next turn."""
        before, rate = (self.costs[-1], self.rates[-1]) if self.turns else (Cost(), 0.0)
        self.turns.append(turn)
        self.marks.append(_mark(turn, rate))
        self.rates.append(turn.progress)
        self.costs.append(before + Cost(1, turn.completion_tokens, turn.latency_s))

    def replace(self, turns: Iterable[Turn]) -> None:
        """Take other turns instead."""
        self.cut(0)
        for turn in turns:
            self.add(turn)

    def cut(self, count: int) -> None:
        """Keep the first `count` turns only."""
        for each in (self.turns, self.marks, self.rates, self.costs):
            del each[count:]

    def cost(self, turns: int) -> Cost:
        """Return what the first `turns` turns cost."""
        return self.costs[turns - 1] if turns else Cost()


def _mark(turn: Turn, rate_before: float) -> Mark:
    if turn.failure is not None:
        return "failed"
    if not turn.valid:
        return "no effect"
    return "rose" if turn.progress > rate_before else "played"
