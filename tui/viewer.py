"""What a person looks at, and what their keys do to it. Pure state: `screens.match` draws it.

Where a contest is played here, the keys of playing steer its pacer. Where there is none (left) to play, they
replay the record from what is on screen.
"""

import math
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from arena.records import Turn
from tui.pacer import BETWEEN_MATCHES, faster
from tui.playhead import Frames, Playhead, first_difference, next_failure
from tui.series import Heard, Series
from tui.shown import frames
from tui.sources import Source

MATCH_END_S = 1.5
"""How long the end of a live match stays before the view goes on to the next one."""


Episodes = dict[str, tuple[Sequence[Turn], bool]]
"""Contestant -> its turns in a match, and whether its episode is over."""


@dataclass(frozen=True)
class Found:
    """A turn that was looked for: match, turn and contestant, all from 0."""

    place: int
    turn: int
    contestant: int


class Viewer:
    """The match and the turns on screen. Time is given by the caller (seconds, any origin)."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.series = Series(source.card, source.heads, announces_turns=source.pacer is not None)
        self.playhead = Playhead(source.card.names)
        self.chosen = 0
        self.follows_match = source.live
        self.replaying = False
        self.speed = 1.0
        self._shown_since = -math.inf
        self._rest = 0.0  # how long this frame is shown in a replay, in turns' time
        self._over_since: float | None = None
        if not source.live:
            self.playhead.start_at(0)

    @property
    def frames(self) -> Frames:
        """How many frames each contestant has in this match."""
        return frames(self.series)

    @property
    def chosen_name(self) -> str:
        """The name of the chosen contestant."""
        return self.source.card.names[self.chosen]

    @property
    def steers(self) -> bool:
        """True while a contest is played here, which the keys of playing steer."""
        return self.source.pacer is not None and self.source.live

    @property
    def follows(self) -> bool:
        """True where the newest turn of the contest is on screen, and will be."""
        return self.source.live and self.follows_match and self.playhead.following

    @property
    def elsewhere(self) -> int | None:
        """The match that is being played, where another one is on screen."""
        begun = self.series.match_begun
        return begun if self.source.live and begun not in (None, self.series.place) else None

    def hear(self, event: Heard) -> None:
        """Take an event of the source into account."""
        self.series.hear(event)

    def tick(self, now: float) -> bool:
        """Let time pass; returns whether that changed what is on screen."""
        if self.replaying:
            return self._replay(now)
        return self._follow_match(now)

    # what the keys do

    def toggle_play(self) -> None:
        """Play or pause: the contest, or a replay."""
        if self.steers:
            assert self.source.pacer
            self.source.pacer.toggle()
        elif self.replaying:
            self.replaying = False
        elif self.follows:
            self.playhead.hold(self.frames)
        else:
            self._start_replay()

    def step(self) -> None:
        """Go on by one turn: of the contest, or of the record."""
        if self.steers:
            assert self.source.pacer
            self.source.pacer.step()
            self.follow()
        elif self.playhead.at_end(self.chosen_name, self.frames):
            self.show_next_match()
        else:
            self.move(1)

    def change_speed(self, by: int) -> None:
        """Go up or down in speed."""
        if self.steers:
            assert self.source.pacer
            self.source.pacer.change_speed(by)
        else:
            self.speed = faster(self.speed, by)

    def toggle_lock(self) -> None:
        """Lock or free the contestants' turns."""
        if self.source.pacer:
            self.source.pacer.toggle_lock()

    def move(self, by: int) -> None:
        """Move through the turns."""
        self.replaying = False
        self.playhead.move(by, self.chosen_name, self.frames)
        self._notice_return()

    def first_turn(self) -> None:
        """Go to the first turn."""
        self.replaying = False
        self.playhead.go(0, self.chosen_name, self.frames)

    def last_turn(self) -> None:
        """Go to the last turn."""
        self.replaying = False
        self.playhead.go(max(self.frames.values()), self.chosen_name, self.frames)
        self._notice_return()

    def follow(self) -> None:
        """Go to the newest turn of the match that is being played, and stay with it."""
        self.replaying = False
        self.follows_match = True
        if self.elsewhere is not None:
            self.series.put_on_stage(self.elsewhere)
        self.playhead.follow()

    def toggle_link(self) -> None:
        """Link the contestants' places in the turns, or free them."""
        self.playhead.toggle_link(self.chosen_name, self.frames)

    def show_match(self, place: int, turn: int | None = None) -> None:
        """Put a match on screen: at a turn; None: the newest if it is being played, else the first."""
        self.replaying = False
        self._put_on_stage(place, turn)

    def show_next_match(self, by: int = 1) -> bool:
        """Put the next match (or the one before) on screen; False where there is none."""
        place = self.series.place + by
        if not 0 <= place < len(self.source.card.matches):
            return False
        self.show_match(place)
        return True

    async def find_failure(self) -> Found | None:
        """Return the next failed turn, in this match or a later one; None where all is well.

        Raises `StoreError`.
        """
        names = self.source.card.names if self.playhead.linked else [self.chosen_name]
        shown = max(self.playhead.frame(name, self.frames) for name in names)
        after = {self.series.place: shown}
        async for place, episodes in self._matches_from_here(names):
            turns = {name: each for name, (each, _) in episodes.items()}
            if (found := next_failure(turns, after.get(place, -1))) is not None:
                name, turn = found
                return Found(place, turn, self.source.card.names.index(name))
        return None

    async def find_difference(self) -> Found | None:
        """Return the first turn in which the contestants act differently.

        Of this match, if it lies ahead; else of the next match that has one. Raises `StoreError`.
        """
        names = self.source.card.names
        shown = max(self.playhead.frame(name, self.frames) for name in names)
        after = {self.series.place: shown}
        async for place, episodes in self._matches_from_here(names):
            turn = first_difference(episodes.values())
            if turn is not None and turn > after.get(place, -1):
                return Found(place, turn, self.chosen)
        return None

    def jump(self, found: Found) -> None:
        """Go to a turn that was found."""
        self.replaying = False
        if found.place == self.series.place:
            chosen = self.source.card.names[found.contestant]
            self.playhead.go(found.turn, chosen, self.frames)
            self._notice_return()
        else:
            self._put_on_stage(found.place, found.turn)

    async def _matches_from_here(self, names: Sequence[str]) -> AsyncIterator[tuple[int, Episodes]]:
        """Yield the turns of this match, and then of each later one that was begun."""
        here = self.series.place
        on_stage: Episodes = {
            name: (staged.turns, self.series.is_over(here, name))
            for name, staged in self.series.stage.items()
            if name in names and staged.turns
        }
        yield here, on_stage
        for place in range(here + 1, len(self.source.card.matches)):
            if self._is_begun(place):
                recorded = await self.source.recorded(self.source.card.matches[place])
                later: Episodes = {
                    each.head.key.contestant: (each.turns, each.head.status in ("done", "error"))
                    for each in recorded
                    if each.head.key.contestant in names and each.turns
                }
                yield place, later

    def _is_begun(self, place: int) -> bool:
        match = self.source.card.matches[place]
        return any(match.key(name) in self.series.heads for name in self.source.card.names)

    def _put_on_stage(self, place: int, turn: int | None) -> None:
        is_played_now = self.source.live and self.series.is_running(place)
        if place != self.series.place:
            self.series.put_on_stage(place)
        if turn is None and is_played_now:
            self.playhead.follow()
        else:
            self.playhead.start_at(turn or 0)
        self.follows_match = self.source.live and place == self.series.match_begun

    def _notice_return(self) -> None:
        if self.playhead.following and self.elsewhere is None:
            self.follows_match = self.source.live

    def _follow_match(self, now: float) -> bool:
        begun = self.series.match_begun
        # not only while it is live: the end of a quick contest may be heard when it is already over
        if not (self.follows_match and self.playhead.following) or begun in (None, self.series.place):
            self._over_since = None
            return False
        if self.source.pacer is None and self._is_over_here():
            self._over_since = now if self._over_since is None else self._over_since
            if now - self._over_since < MATCH_END_S:
                return False
        self._over_since = None
        self.series.put_on_stage(begun)
        return True

    def _is_over_here(self) -> bool:
        return not self.series.is_running(self.series.place) and self._is_begun(self.series.place)

    def _start_replay(self) -> None:
        self.replaying = True
        self._rest = 0.0
        if self._at_end() and self._next_begun() is None:
            self.playhead.start_at(0)
            self._shown_since, self._rest = math.inf, 1.0

    def _replay(self, now: float) -> bool:
        self._shown_since = min(self._shown_since, now)
        if now < self._shown_since + self._rest / self.speed or self.series.needs_loading():
            return False
        at_end = self._at_end()
        following = self._next_begun() if at_end else None
        if not at_end:
            self.playhead.advance(self.frames)
            self._notice_return()
        elif following is not None:
            self._put_on_stage(following, 0)
        if self.follows or (at_end and following is None):
            self.replaying = False
        self._shown_since = now
        self._rest = BETWEEN_MATCHES if self._at_end() else 1.0
        return True

    def _at_end(self) -> bool:
        return all(self.playhead.frame(name, self.frames) >= count - 1 for name, count in self.frames.items())

    def _next_begun(self) -> int | None:
        later: Iterable[int] = range(self.series.place + 1, len(self.source.card.matches))
        return next((place for place in later if self._is_begun(place)), None)
