"""Limits of a batch: tokens, money and time. A run that reaches one stops, and the same command goes on."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from arena.errors import UsageError
from arena.records import Event, TurnPlayed

MILLION = 1_000_000


@dataclass(frozen=True)
class Limits:
    """How much one command may use, counted from its start; None is no limit.

    `tokens` counts prompts and replies of all contestants. `cost` is in the currency of the two prices, which
    are for a million tokens. `seconds` is wall time. All only schedule: they change no reply.
    """

    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    prompt_price: float = 0.0
    completion_price: float = 0.0

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

    def hear(self, event: Event) -> None:
        """Count what a turn has used."""
        if isinstance(event, TurnPlayed):
            self.prompt_tokens += event.turn.prompt_tokens
            self.completion_tokens += event.turn.completion_tokens

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
        limits = self._limits
        if limits.tokens is not None and self.tokens >= limits.tokens:
            return f"the limit of {limits.tokens:,} tokens is reached ({self.tokens:,} used)"
        if limits.cost is not None and self.cost >= limits.cost:
            return f"the limit of {limits.cost:g} for tokens is reached ({self.cost:.2f} spent)"
        if limits.seconds is not None and self._now() - self._began >= limits.seconds:
            return f"the limit of {limits.seconds:g} s is reached"
        return None
