"""Which turn of each contestant is on screen: following the newest, or somewhere back in the history.

A *frame* is what one turn shows. An episode has a frame for each turn played, and one more for the turn in
the making. A contestant's place is a frame's number (from 0), or None: it follows the newest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from arena.records import Turn

Frames = Mapping[str, int]
"""How many frames each contestant has."""


@dataclass
class Playhead:
    """The place of each contestant in its turns. Linked, all contestants have the same place."""

    names: Sequence[str]
    linked: bool = True
    places: dict[str, int | None] = field(default_factory=dict)
    _left_at: dict[str, int] = field(default_factory=dict)

    def frame(self, name: str, frames: Frames) -> int:
        """Return the frame that a contestant shows; -1 where it has none yet."""
        last, place = frames[name] - 1, self.places.get(name)
        return last if place is None else min(place, last)

    def follows(self, name: str) -> bool:
        """Tell whether a contestant follows its newest turn."""
        return self.places.get(name) is None

    @property
    def following(self) -> bool:
        """True where all contestants follow."""
        return all(self.follows(name) for name in self.names)

    def new_frames(self, name: str, frames: Frames) -> int:
        """Return how many frames have come since a contestant stopped following."""
        return 0 if self.follows(name) else max(0, frames[name] - self._left_at.get(name, frames[name]))

    def follow(self) -> None:
        """Let all contestants follow."""
        self.places.clear()

    def move(self, by: int, chosen: str, frames: Frames) -> None:
        """Move by some frames: all contestants, or the chosen one where they are not linked."""
        moving = self._moving(chosen)
        places = [self.places.get(name) for name in moving]
        newest = max(frames[name] for name in moving) - 1
        now = max(newest if place is None else place for place in places)
        self._go(min(now, newest) + by, moving, frames)

    def go(self, place: int, chosen: str, frames: Frames) -> None:
        """Go to a frame: all contestants, or the chosen one where they are not linked."""
        self._go(place, self._moving(chosen), frames)

    def at_end(self, chosen: str, frames: Frames) -> bool:
        """Tell whether there is no frame after those that are shown."""
        return all(self.frame(name, frames) >= frames[name] - 1 for name in self._moving(chosen))

    def advance(self, frames: Frames) -> None:
        """Move every contestant that does not follow one frame on."""
        if self.linked:
            self.move(1, self.names[0], frames)
            return
        for name in self.names:
            if not self.follows(name):
                self._go(self.frame(name, frames) + 1, [name], frames)

    def hold(self, frames: Frames) -> None:
        """Stop following: all contestants stay at the newest frame there is now."""
        newest = max(max(frames.values()) - 1, 0)
        for name in self.names:
            self._left_at[name] = frames[name]
            self.places[name] = newest

    def start_at(self, place: int) -> None:
        """Put all contestants at a frame of a match whose turns may not be here yet."""
        self._left_at.clear()
        self.places = dict.fromkeys(self.names, place)

    def toggle_link(self, chosen: str, frames: Frames) -> None:
        """Link all contestants to the place of the chosen one, or let each have its own."""
        self.linked = not self.linked
        if self.linked and not self.follows(chosen):
            self._go(self.frame(chosen, frames), list(self.names), frames)
        elif self.linked:
            self.follow()

    def _moving(self, chosen: str) -> list[str]:
        return list(self.names) if self.linked else [chosen]

    def _go(self, place: int, moving: Sequence[str], frames: Frames) -> None:
        newest = max(frames[name] for name in moving) - 1
        for name in moving:
            if self.follows(name):
                self._left_at[name] = frames[name]
            self.places[name] = max(place, 0)
        if place >= newest:
            for name in moving:
                self.places[name] = None


def failed(turn: Turn) -> bool:
    """Tell whether a turn came to nothing: a failed reply, or an action without effect."""
    return turn.failure is not None or not turn.valid


def next_failure(turns: Mapping[str, Sequence[Turn]], after: int) -> tuple[str, int] | None:
    """Return who fails first after turn number `after`, and in which turn; None where nobody does."""
    firsts = [
        (at, order, name)
        for order, (name, each) in enumerate(turns.items())
        if (at := _first_failed(each, range(max(after + 1, 0), len(each)))) is not None
    ]
    at, _, name = min(firsts, default=(-1, 0, ""))
    return (name, at) if firsts else None


def previous_failure(turns: Mapping[str, Sequence[Turn]], before: int | None) -> tuple[str, int] | None:
    """Return who fails last before turn number `before` (None: at all); None where nobody does."""
    lasts = [
        (-at, order, name)
        for order, (name, each) in enumerate(turns.items())
        if (at := _first_failed(each, range(_end(each, before) - 1, -1, -1))) is not None
    ]
    at, _, name = min(lasts, default=(1, 0, ""))
    return (name, -at) if lasts else None


def _first_failed(turns: Sequence[Turn], places: Iterable[int]) -> int | None:
    return next((place for place in places if failed(turns[place])), None)


def _end(turns: Sequence[Turn], before: int | None) -> int:
    return len(turns) if before is None else min(before, len(turns))


def first_difference(episodes: Iterable[tuple[Sequence[Turn], bool]]) -> int | None:
    """Return the first turn in which not all episodes (turns, and whether it is over) act alike.

    An episode that is over while another goes on differs from it; one that is still played does not.
    """
    compared = list(episodes)
    for index in range(max((len(turns) for turns, _ in compared), default=0)):
        acts = {_act(turns, index) for turns, is_over in compared if is_over or index < len(turns)}
        if len(acts) > 1:
            return index
    return None


def differs(turns: Sequence[Turn], baseline: Sequence[Turn], index: int) -> bool:
    """Tell whether a contestant acts differently from the baseline in a turn that both have played."""
    both = index < min(len(turns), len(baseline))
    return both and _act(turns, index) != _act(baseline, index)


def _act(turns: Sequence[Turn], index: int) -> tuple[str | None, str | None] | None:
    if index >= len(turns):
        return None
    turn = turns[index]
    return turn.action, turn.failure.kind.value if turn.failure else None
