"""When a turn may begin: the hook by which a screen pauses, steps and slows a match."""

from typing import Protocol

from arena.records import EpisodeKey


class Pace(Protocol):
    """Awaited before each turn; raises `Stopped` (or is cancelled) where the match shall end."""

    async def __call__(self, key: EpisodeKey, turn: int) -> None:
        """Return when this turn of this episode may begin."""


async def at_once(key: EpisodeKey, turn: int) -> None:
    """Begin every turn as soon as the one before is over."""
