"""What a person looks at, and what their keys do to it. Pure state: `screens.match` draws it.

Where a contest is played here, the keys of playing steer its pacer. Where there is none (left) to play, they
replay the record from what is on screen.
"""

import math
from dataclasses import dataclass, replace

from arena.records import EpisodeKey
from tui.finding import Finder, Found, Purpose, found_at
from tui.pacer import BETWEEN_MATCHES, faster
from tui.playhead import Frames, Playhead
from tui.sections import EXPAND, Manner
from tui.series import Heard, Series
from tui.shown import frames
from tui.sources import Source

MATCH_END_S = 1.5
"""How long the end of a live match stays before the view goes on to the next one."""


@dataclass(frozen=True)
class StartAt:
    """Where a match screen opens: a contestant's episode, and a turn of it (from 0)."""

    key: EpisodeKey
    turn: int = 0


class Viewer:
    """The match and the turns on screen. Time is given by the caller (seconds, any origin)."""

    def __init__(self, source: Source, start_at: StartAt | None = None) -> None:
        """Open where the contest is now (its first turn, where it is over), or at `start_at` if given.

        An episode that is not in the run's plan is no place to start at, and is ignored.
        """
        self.source = source
        self.series = Series(source.card, source.heads, announces_turns=source.pacer is not None)
        self.playhead = Playhead(source.card.names)
        self.finder = Finder(source)
        self.manner = Manner()
        self.chosen = 0
        self.follows_match = source.live
        self.replaying = False
        self.speed = 1.0
        self._shown_since = -math.inf
        self._rest = 0.0  # how long this frame is shown in a replay, in turns' time
        self._over_since: float | None = None
        if not source.live:
            self.playhead.start_at(0)
        if start_at and (found := found_at(source.card, start_at.key, start_at.turn)) is not None:
            self.chosen = found.contestant
            self.show_match(found.place, found.turn)

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

    def go(self, turn: int) -> None:
        """Go to a turn (from 0)."""
        self.replaying = False
        self.playhead.go(turn, self.chosen_name, self.frames)
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
        """Put the next match (or the one before) that the filter leaves on screen; False without one."""
        place = self.finder.neighbour(self.series.place, by)
        if place is None:
            return False
        self.show_match(place)
        return True

    def change_expand(self) -> None:
        """Unfold other calls: those that failed, all, or none."""
        after = EXPAND[(EXPAND.index(self.manner.expand) + 1) % len(EXPAND)]
        self.manner = replace(self.manner, expand=after)

    def toggle_raw(self) -> None:
        """Show replies as they were written, or their parts."""
        self.manner = replace(self.manner, raw=not self.manner.raw)

    @property
    def here(self) -> Found:
        """The turn of the chosen contestant that is on screen."""
        shown = self.playhead.frame(self.chosen_name, self.frames)
        return Found(self.series.place, shown, self.chosen)

    def go_where_asked(self, purpose: Purpose) -> None:
        """Go to the first turn that a new search finds, or to a match that a new filter leaves."""
        finder = self.finder
        if purpose == "search" and finder.number(self.here) is None:
            if (found := finder.next_hit(self.here, 1)) is not None:
                self.chosen = found.contestant
                self.jump(found)
        elif purpose == "filter" and self.series.place not in finder.left and not self.show_next_match():
            self.show_next_match(-1)

    def jump(self, found: Found) -> None:
        """Go to a turn that was found."""
        self.replaying = False
        if found.place == self.series.place:
            chosen = self.source.card.names[found.contestant]
            self.playhead.go(found.turn, chosen, self.frames)
            self._notice_return()
        else:
            self._put_on_stage(found.place, found.turn)

    def is_begun(self, place: int) -> bool:
        """Tell whether anybody has begun to play a match."""
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
        return not self.series.is_running(self.series.place) and self.is_begun(self.series.place)

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
        later = self.finder.beyond(self.series.place, 1)
        return next((place for place in later if self.is_begun(place)), None)
