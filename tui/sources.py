"""Where matches come from: a contest that is played here, or the record of one (live or finished)."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from arena.engines.base import Engine
from arena.errors import StoreError
from arena.filtering import Filter
from arena.plan import Plan, exists
from arena.records import Episode, EpisodeKey, Event, Notice, ReplyText
from arena.run import Tally, play_run
from arena.store.files import is_being_played
from arena.store.reader import RunReader
from envs.base import Task
from tui.card import MatchCard, RunCard, card_of_plan, card_of_run
from tui.pacer import Pacer
from tui.series import CostsRead, Heard, RecordedEpisode, TurnBegan
from tui.stage import Cost
from tui.threads import in_thread

POLL_S = 0.3
"""How often a record is asked for news."""

MOST_HITS = 100_000
"""So many turns are told where a search finds more."""

TurnPlace = tuple[EpisodeKey, int]
"""An episode, and a turn of it (from 0)."""

Hear = Callable[[Heard], None]
Read = TypeVar("Read")


class Source(Protocol):
    """Feeds a match screen. Everything that waits is awaited; nothing blocks the event loop."""

    card: RunCard
    heads: Sequence[Episode]
    """The episodes that were recorded when the screen opened."""

    @property
    def pacer(self) -> Pacer | None:
        """What steers the contest, where it is played here."""

    @property
    def live(self) -> bool:
        """True while turns are being played, here or by another process."""

    async def run(self, hear: Hear) -> Tally | None:
        """Tell what happens, until all is played (or for ever, where another process plays).

        `hear` may be called from any thread. Raises `ArenaError`.
        """

    async def recorded(self, match: MatchCard) -> list[RecordedEpisode]:
        """Return what is recorded of a match. Raises `StoreError`."""

    async def task(self, match: MatchCard) -> Task:
        """Return a match's task. Raises `StoreError`."""

    async def find_turns(self, chosen: Filter) -> list[TurnPlace]:
        """Return where the turns are that a filter lets through, `MOST_HITS` at most. Raises `StoreError`."""

    async def find_episodes(self, chosen: Filter) -> list[EpisodeKey]:
        """Return the episodes that a filter lets through. Raises `StoreError`."""

    async def close(self) -> None:
        """Give back files and threads."""


class Record:
    """A run directory, read in a thread of its own: one question at a time, in order."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self._reader: RunReader | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="arena-read")

    def read_now(self, question: Callable[[RunReader], Read]) -> Read:
        """Answer a question about the run; blocks. Raises `StoreError`, whatever is wrong with the files."""
        try:
            if self._reader is None:
                self._reader = RunReader(self.run)
            return question(self._reader)
        except (sqlite3.Error, ValueError, KeyError, TypeError, LookupError) as error:
            raise StoreError(
                f"{self.run} can't be read as a run: {error}", "was it cut or overwritten?"
            ) from error

    async def read(self, question: Callable[[RunReader], Read]) -> Read:
        """Answer a question about the run, in the reading thread. Raises `StoreError`."""
        return await in_thread(self._thread, self.read_now, question)

    async def close(self) -> None:
        """Close the database when the last question is answered; whoever asks another one is cancelled."""
        closed = self._thread.submit(self._close)
        self._thread.shutdown(wait=False)
        await asyncio.wrap_future(closed)

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()


class PlaySource:
    """A series that is played here and now, and recorded like a batch."""

    def __init__(self, plan: Plan, run: Path, engines: Mapping[str, Engine]) -> None:
        """Raises `StoreError` where a run of this name exists and can't be read."""
        self.card = card_of_plan(plan)
        self.live = True
        self._plan, self._run, self._engines = plan, run, engines
        self._record = Record(run)
        self.heads: Sequence[Episode] = self._record.read_now(RunReader.episodes) if exists(run) else []
        done = {head.key for head in self.heads if head.status == "done"}
        self._hear: Hear = _nobody
        self.pacer = Pacer([key for key in plan.episodes() if key not in done], self._turn_began)

    async def run(self, hear: Hear) -> Tally:
        """Play the series to its end. Raises `ArenaError` where the run can't be played or recorded."""
        self._hear = hear
        try:
            if self.heads:
                hear(_costs_of(self.heads, await self._record.read(RunReader.costs)))
            return await play_run(
                self._plan, self._run, self._engines, self._listen, pace=self.pacer, match_by_match=True
            )
        finally:
            self.live = False

    async def recorded(self, match: MatchCard) -> list[RecordedEpisode]:
        """Return what is recorded of a match. Raises `StoreError`."""
        if not exists(self._run):
            return []
        return await self._record.read(lambda reader: recorded_match(reader, match, self.card.names))

    async def task(self, match: MatchCard) -> Task:
        """Return a match's task."""
        return next(task for task in self._plan.tasks if task.hash == match.task_hash)

    async def find_turns(self, chosen: Filter) -> list[TurnPlace]:
        """Return where the turns are that a filter lets through. Raises `StoreError`."""
        if not exists(self._run):
            return []
        return await self._record.read(lambda reader: reader.locate_turns(chosen, MOST_HITS))

    async def find_episodes(self, chosen: Filter) -> list[EpisodeKey]:
        """Return the episodes that a filter lets through. Raises `StoreError`."""
        if not exists(self._run):
            return []
        return await self._record.read(lambda reader: [each.key for each in reader.find_episodes(chosen)])

    async def close(self) -> None:
        """Close the record."""
        await self._record.close()

    def _listen(self, event: Event) -> None:
        if not isinstance(event, ReplyText):
            self.pacer.hear(event)
        self._hear(event)

    def _turn_began(self, key: EpisodeKey, turn: int) -> None:
        self._hear(TurnBegan(key, turn))


class RecordSource:
    """The record of a run; where another process plays it, what it plays comes as it is committed."""

    pacer: Pacer | None = None

    def __init__(self, run: Path, only: Sequence[str] = ()) -> None:
        """Read a run: all contestants, or `only` some beside the baseline.

        Raises `StoreError` where it is no run that can be read, `UsageError` for unknown contestants.
        """
        self.card = card_of_run(run).showing(only)
        if not self.card.matches:
            raise StoreError(f"{run} has no tasks in its plan")
        self._shown = frozenset(self.card.names)
        self._record = Record(run)
        self._last = self._record.read_now(RunReader.last_event)
        heads = self._record.read_now(RunReader.episodes)
        self.heads: Sequence[Episode] = [head for head in heads if head.key.contestant in self._shown]
        self.live = is_being_played(run)

    async def run(self, hear: Hear) -> None:
        """Tell what is added to the record, for as long as anybody looks. Raises `StoreError`."""
        await asyncio.sleep(POLL_S)  # the first match's turns are wanted first
        hear(_costs_of(self.heads, await self._record.read(RunReader.costs)))
        while True:
            events, self._last = await self._record.read(lambda reader: reader.follow(self._last))
            for event in events:
                if isinstance(event, Notice) or event.key.contestant in self._shown:
                    hear(event)
            if not events:
                self.live = await asyncio.to_thread(is_being_played, self._record.run)
                await asyncio.sleep(POLL_S)

    async def recorded(self, match: MatchCard) -> list[RecordedEpisode]:
        """Return what is recorded of a match. Raises `StoreError`."""
        return await self._record.read(lambda reader: recorded_match(reader, match, self.card.names))

    async def task(self, match: MatchCard) -> Task:
        """Return a match's task. Raises `StoreError`."""
        return await self._record.read(lambda reader: reader.task(match.task_hash))

    async def find_turns(self, chosen: Filter) -> list[TurnPlace]:
        """Return where the turns are that a filter lets through. Raises `StoreError`."""
        shown = chosen.among(self.card.names)
        return await self._record.read(lambda reader: reader.locate_turns(shown, MOST_HITS))

    async def find_episodes(self, chosen: Filter) -> list[EpisodeKey]:
        """Return the episodes that a filter lets through. Raises `StoreError`."""
        shown = chosen.among(self.card.names)
        return await self._record.read(lambda reader: [each.key for each in reader.find_episodes(shown)])

    async def close(self) -> None:
        """Close the record."""
        await self._record.close()


def recorded_match(reader: RunReader, match: MatchCard, names: Sequence[str]) -> list[RecordedEpisode]:
    """Return the episodes of a match that were begun, with their turns."""
    heads = [head for name in names if (head := reader.episode(match.key(name)))]
    return [
        RecordedEpisode(head, reader.turns(head), reader.task(match.task_hash).max_steps) for head in heads
    ]


def _costs_of(heads: Sequence[Episode], costs: Mapping[int, tuple[int, int, float]]) -> CostsRead:
    return CostsRead({head.key: Cost(*costs[head.id]) for head in heads if head.id in costs})


def _nobody(event: Heard) -> None:
    """Nobody listens yet."""
