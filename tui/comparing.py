"""Walks through a series to the next turn that failed, or in which contestants act differently."""

from collections.abc import AsyncIterator, Sequence

from arena.records import Turn
from tui.finding import Found
from tui.playhead import first_difference, next_failure, previous_failure
from tui.viewer import Viewer

Episodes = dict[str, tuple[Sequence[Turn], bool]]
"""Contestant -> its turns in a match, and whether its episode is over."""


async def find_failure(viewer: Viewer, by: int = 1) -> Found | None:
    """Return the next failed turn (`by` below 0: the one before), in this match or one beyond.

    Of all contestants, or of the chosen one where they are not linked. None where all is well. Raises
    `StoreError`.
    """
    names = viewer.source.card.names if viewer.playhead.linked else [viewer.chosen_name]
    shown = _shown(viewer, names)
    async for place, episodes in _matches_from_here(viewer, names, by):
        turns = {name: each for name, (each, _) in episodes.items()}
        is_here = place == viewer.series.place
        if by > 0:
            found = next_failure(turns, shown if is_here else -1)
        else:
            found = previous_failure(turns, shown if is_here else None)
        if found is not None:
            name, turn = found
            return Found(place, turn, viewer.source.card.names.index(name))
    return None


async def find_difference(viewer: Viewer, by: int = 1) -> Found | None:
    """Return the first turn in which contestants act differently.

    Of this match, if it lies ahead (`by` below 0: behind); else of the next match that has one. Where a
    contestant other than the baseline is chosen, only those two are compared. Raises `StoreError`.
    """
    card = viewer.source.card
    names = card.names if viewer.chosen_name == card.baseline else [card.baseline, viewer.chosen_name]
    shown = _shown(viewer, names)
    async for place, episodes in _matches_from_here(viewer, names, by):
        turn = first_difference(episodes.values())
        if turn is None:
            continue
        if place != viewer.series.place or (turn > shown if by > 0 else turn < shown):
            return Found(place, turn, viewer.chosen)
    return None


def _shown(viewer: Viewer, names: Sequence[str]) -> int:
    if viewer.series.needs_loading():  # the turns are not here yet, but it is known which one will be shown
        return max(place if (place := viewer.playhead.places.get(name)) is not None else -1 for name in names)
    return max(viewer.playhead.frame(name, viewer.frames) for name in names)


async def _matches_from_here(
    viewer: Viewer, names: Sequence[str], by: int
) -> AsyncIterator[tuple[int, Episodes]]:
    """Yield the turns of this match, and then of each match beyond that was begun and is left."""
    here = viewer.series.place
    if viewer.series.needs_loading():
        yield here, await _recorded(viewer, here, names)
    else:
        on_stage: Episodes = {
            name: (staged.turns, viewer.series.is_over(here, name))
            for name, staged in viewer.series.stage.items()
            if name in names and staged.turns
        }
        yield here, on_stage
    for place in viewer.finder.beyond(here, by):
        if viewer.is_begun(place):
            yield place, await _recorded(viewer, place, names)


async def _recorded(viewer: Viewer, place: int, names: Sequence[str]) -> Episodes:
    recorded = await viewer.source.recorded(viewer.source.card.matches[place])
    return {
        each.head.key.contestant: (each.turns, each.head.status in ("done", "error"))
        for each in recorded
        if each.head.key.contestant in names and each.turns
    }
