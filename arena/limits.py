"""Limits of a batch: tokens, money, time and turns. A run that reaches one stops, and can go on."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from arena.errors import UsageError
from arena.records import Event, TurnPlayed

MILLION = 1_000_000


@dataclass(frozen=True)
class Limits:
    """How much one command may use, counted from its start; None is no limit.

    `tokens` counts prompts and replies of all contestants, `turns` theirs together. `cost` is in the currency
    of the two prices, which are for a million tokens. `seconds` is wall time. All only schedule: they change
    no reply. Tokens that a server doesn't count are estimated.
    """

    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    prompt_price: float = 0.0
    completion_price: float = 0.0
    turns: int | None = None

    def __post_init__(self) -> None:
        if self.cost is not None and not (self.prompt_price or self.completion_price):
            raise UsageError(
                "a limit of the cost needs a price",
                "add --prompt-price and --completion-price, per million tokens",
            )


class Spending:
    """What a run has used so far, and which limit it has reached."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self._began = now()
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.turns = 0
        self.is_estimate = False

    def hear(self, event: Event) -> None:
        """Count what a turn has used."""
        if isinstance(event, TurnPlayed):
            counted = (event.turn.prompt_tokens, event.turn.completion_tokens)
            prompt, completion = event.estimated_tokens or counted
            self.prompt_tokens += prompt
            self.completion_tokens += completion
            self.turns += 1
            self.is_estimate = self.is_estimate or event.estimated_tokens is not None

    @property
    def goes_by_estimate(self) -> bool:
        """Whether a limit depends on tokens that were estimated."""
        return self.is_estimate and (self._limits.tokens is not None or self._limits.cost is not None)

    @property
    def tokens(self) -> int:
        """Tokens of prompts and replies together."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost(self) -> float:
        """What the tokens cost, in the prices' currency."""
        prices = self._limits
        return (
            self.prompt_tokens * prices.prompt_price + self.completion_tokens * prices.completion_price
        ) / MILLION

    @property
    def reached(self) -> str | None:
        """The limit that is reached, in words; None as long as none is."""
        limits, about = self._limits, "by an estimate " if self.is_estimate else ""
        if limits.tokens is not None and self.tokens >= limits.tokens:
            return f"the limit of {limits.tokens:,} tokens is reached ({about}{self.tokens:,} used)"
        if limits.cost is not None and self.cost >= limits.cost:
            return f"the limit of {limits.cost:g} for tokens is reached ({about}{self.cost:.2f} spent)"
        if limits.seconds is not None and self._now() - self._began >= limits.seconds:
            return f"the limit of {limits.seconds:g} s is reached"
        if limits.turns is not None and self.turns >= limits.turns:
            return f"the limit of {limits.turns:,} turns is reached ({self.turns:,} played)"
        return None
