"""When the contestants of a match may begin their turns: play, pause, step, speed and turn-lock."""

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from arena.records import EpisodeEnded, EpisodeKey, EpisodeStarted, Event, Notice

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, math.inf)
"""How fast turns follow each other; at 1, what a turn led to is shown for a second before the next begins."""

BETWEEN_MATCHES = 3.0
"""How much longer than a turn's the end of a match is shown."""

MatchKey = tuple[str, int, int]
"""What the episodes of one match have in common: task hash, seed, repeat."""


def match_of(key: EpisodeKey) -> MatchKey:
    """Return which match an episode belongs to."""
    return key.task_hash, key.seed, key.repeat


def faster(speed: float, by: int) -> float:
    """Return the speed that is `by` steps up (or down, below 0) in `SPEEDS`, or the last one there is."""
    return SPEEDS[min(max(SPEEDS.index(speed) + by, 0), len(SPEEDS) - 1)]


@dataclass
class _Waiting:
    """A contestant who waits to begin a turn; `rest` is how long its last one is shown, in turns' time."""

    turn: int
    since: float
    rest: float


class Pacer:
    """An `arena.pace.Pace` that a person steers. Lives in one event loop and never blocks it.

    Locked, nobody begins turn n + 1 before all unfinished contestants of the match have played turn n, and
    all begin it together. Free, each goes on by itself. Paused, nobody begins a turn, but turns that have
    begun are played to their end; `step` lets one more begin.
    """

    def __init__(self, unfinished: Iterable[EpisodeKey], began: Callable[[EpisodeKey, int], None]) -> None:
        """`unfinished` are the episodes that will be played; `began` is called for each turn that begins."""
        self.playing = True
        self.locked = True
        self.speed = 1.0
        self._began = began
        self._unfinished = set(unfinished)
        self._played: dict[EpisodeKey, int] = {}  # how many turns, of those who have begun
        self._waiting: dict[EpisodeKey, _Waiting] = {}
        self._open_round: tuple[MatchKey | None, int] = (None, -1)  # up to this turn, all may begin
        self._rounds_granted = 0
        self._turns_granted: dict[EpisodeKey, int] = {}
        self._news = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Take note of who begins, who is done, and who can't come: a lock waits for nobody else."""
        if isinstance(event, EpisodeStarted):
            self._unfinished.add(event.key)
            self._played[event.key] = 0
        elif isinstance(event, EpisodeEnded):
            self._unfinished.discard(event.key)
            self._played.pop(event.key, None)
            self._turns_granted.pop(event.key, None)
            self._stir()
        elif isinstance(event, Notice) and "contestant" in event.details:
            absent = event.details["contestant"]
            self._unfinished = {key for key in self._unfinished if key.contestant != absent}
            self._stir()

    async def __call__(self, key: EpisodeKey, turn: int) -> None:
        """Return when this turn may begin."""
        clock = asyncio.get_running_loop().time
        self._played[key] = turn
        self._waiting[key] = _Waiting(turn, clock(), self._rest(key))
        self._stir()
        try:
            while not self._may_begin(key, turn, clock()):
                await self._something_new(key, clock())
        finally:
            del self._waiting[key]
        self._began(key, turn)

    def toggle(self) -> None:
        """Play, or pause."""
        self.playing = not self.playing
        self._take_back_grants()

    def step(self) -> None:
        """Pause, and let one more turn begin: of all, locked; of each, free."""
        self.playing = False
        self._rounds_granted += 1
        for key in self._played:
            self._turns_granted[key] = self._turns_granted.get(key, 0) + 1
        self._stir()

    def toggle_lock(self) -> None:
        """Lock the contestants' turns to each other, or free them."""
        self.locked = not self.locked
        self._take_back_grants()

    def change_speed(self, by: int) -> None:
        """Go `by` steps up or down in `SPEEDS`, for those who wait already too."""
        self.speed = faster(self.speed, by)
        self._stir()

    def _take_back_grants(self) -> None:
        self._rounds_granted = 0
        self._turns_granted.clear()
        self._stir()

    def _rest(self, key: EpisodeKey) -> float:
        last_match, _ = self._open_round
        if last_match is None:
            return 0.0
        return 1.0 if match_of(key) == last_match else BETWEEN_MATCHES

    def _may_begin(self, key: EpisodeKey, turn: int, now: float) -> bool:
        match = match_of(key)
        if not self.locked:
            granted = self._turns_granted.get(key, 0)
            if not granted and not (self.playing and now >= self._rested_at(key)):
                return False
            self._turns_granted[key] = max(granted - 1, 0)
            self._open_round = match, self._open_round[1] if self._open_round[0] == match else -1
            return True
        if self._open_round[0] == match and turn <= self._open_round[1]:
            return True
        rivals = [other for other in self._unfinished if match_of(other) == match]
        if any(self._played.get(rival, 0) < turn for rival in rivals):
            return False
        waited = all(
            now >= self._rested_at(other) for other, waiting in self._waiting.items() if waiting.turn <= turn
        )
        if not self._rounds_granted and not (self.playing and waited):
            return False
        self._rounds_granted = max(self._rounds_granted - 1, 0)
        self._open_round = match, turn
        self._stir()
        return True

    def _rested_at(self, key: EpisodeKey) -> float:
        waiting = self._waiting[key]
        return waiting.since + waiting.rest / self.speed

    async def _something_new(self, key: EpisodeKey, now: float) -> None:
        """Wait for news, or until the rest of a playing contestant is over."""
        rests = [at - now for each in self._waiting if (at := self._rested_at(each)) > now]
        try:
            await asyncio.wait_for(self._news.wait(), min(rests) if self.playing and rests else None)
        except TimeoutError:
            return

    def _stir(self) -> None:
        """Wake all who wait, so that each looks again whether it may begin."""
        self._news.set()
        self._news = asyncio.Event()
