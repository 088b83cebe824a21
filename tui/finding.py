"""What a person looks for: tasks that a filter leaves, turns that a search finds. Pure state, no drawing."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from arena.filtering import Filter, parse
from arena.records import EpisodeKey
from tui.card import RunCard
from tui.sources import MOST_HITS, Source

Purpose = Literal["search", "filter"]


@dataclass(frozen=True, order=True)
class Found:
    """A turn that was looked for: match, turn and contestant, all from 0."""

    place: int
    turn: int
    contestant: int


class Finder:
    """The filter and the search of one screen; both are asked of the record, in its thread."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.filter = Filter()
        self.search = Filter()
        self.hits: list[Found] = []
        """The turns found, in the order of matches, turns and contestants."""
        self._left: list[int] | None = None

    @property
    def left(self) -> Sequence[int]:
        """The matches (from 0) that the filter leaves, in their order."""
        return range(len(self.source.card.matches)) if self._left is None else self._left

    @property
    def has_most_hits(self) -> bool:
        """True where a search found more turns than are kept."""
        return len(self.hits) >= MOST_HITS

    async def use(self, purpose: Purpose, text: str) -> None:
        """Search or filter by a query. Raises `UsageError`, `StoreError`."""
        await (self.use_search(text) if purpose == "search" else self.use_filter(text))

    async def use_filter(self, text: str) -> None:
        """Leave only matches in which an episode passes; an empty text leaves all.

        Raises `UsageError` where the filter can't be read, `StoreError` where the record can't.
        """
        chosen = parse(text.strip(), self.source.card.baseline)
        left = await self._places(chosen) if chosen.terms else None
        self.filter, self._left = chosen, left

    async def use_search(self, text: str) -> None:
        """Look for turns; an empty text ends the search. Raises as `use_filter` does."""
        chosen = parse(text.strip(), self.source.card.baseline)
        hits = await self._hits(chosen) if chosen.terms else []
        self.search, self.hits = chosen, hits

    async def ask_again(self) -> None:
        """Bring both up to what is recorded by now. Raises `StoreError`."""
        if self.filter.terms:
            self._left = await self._places(self.filter)
        if self.search.terms:
            self.hits = await self._hits(self.search)

    def neighbour(self, place: int, by: int) -> int | None:
        """Return the match that is left `by` places after (below 0: before) one; None where there is none."""
        left = self.left
        at = (bisect_right(left, place) - 1 if by > 0 else bisect_left(left, place)) + by
        return left[at] if 0 <= at < len(left) else None

    def beyond(self, place: int, by: int) -> Iterable[int]:
        """Return all matches that are left after (`by` below 0: before) one, the nearest first."""
        left = self.left
        if by > 0:
            return left[bisect_right(left, place) :]
        return reversed(left[: bisect_left(left, place)])

    def next_hit(self, here: Found, by: int) -> Found | None:
        """Return the hit after (`by` below 0: before) a place; beyond the last one, the first again."""
        if not self.hits:
            return None
        at = bisect_right(self.hits, here) if by > 0 else bisect_left(self.hits, here) - 1
        return self.hits[at % len(self.hits)]

    def number(self, here: Found) -> int | None:
        """Return the number (from 1) of the hit at a place; None where there is none."""
        at = bisect_left(self.hits, here)
        return at + 1 if at < len(self.hits) and self.hits[at] == here else None

    async def _places(self, chosen: Filter) -> list[int]:
        keys = await self.source.find_episodes(chosen)
        return sorted({place for key in keys if (place := self.source.card.place(key)) is not None})

    async def _hits(self, chosen: Filter) -> list[Found]:
        card = self.source.card
        found = await self.source.find_turns(chosen)
        return sorted(hit for key, turn in found if (hit := found_at(card, key, turn)) is not None)


def found_at(card: RunCard, key: EpisodeKey, turn: int) -> Found | None:
    """Return where a turn is on screen; None where the plan doesn't have its episode."""
    place = card.place(key)
    if place is None or key.contestant not in card.names:
        return None
    return Found(place, turn, card.names.index(key.contestant))
