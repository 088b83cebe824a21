"""One replica of a contestant on a node of a cluster: its engine, environments beside it, and their episodes.

An episode stops before each turn until it is told to go on, and tells what happened so far each time it
stops. So the run's one writer, which is elsewhere, records a turn before the next is asked for. Nothing here
knows of Ray: the cluster makes an actor of this class, tests an object.
"""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import arena.errors
import envs.errors
from arena import __version__
from arena.contestant import Contestant
from arena.engines.base import Engine
from arena.engines.registry import make_engine
from arena.episode import Diverged
from arena.errors import ArenaError, EngineError
from arena.executors.base import Assignment, Venue
from arena.executors.local import LocalExecutor
from arena.plan import without_none
from arena.records import EpisodeKey, Event, Turn
from envs.errors import EnvsError

_RAISED: Mapping[str, type[Exception]] = {
    name: each
    for module in (arena.errors, envs.errors)
    for name, each in vars(module).items()
    if isinstance(each, type) and issubclass(each, Exception)
} | {Diverged.__name__: Diverged}
"""All errors of the contest and of benchmarks, by name."""


@dataclass(frozen=True)
class Failed:
    """An error on its way from another process: what it was, in words."""

    kind: str
    message: str
    next_step: str = ""

    def error(self) -> Exception:
        """Return the error, of the class that it had where it is one of the contest's or a benchmark's."""
        raised = _RAISED.get(self.kind)
        if raised is None:
            return RuntimeError(f"{self.kind}: {self.message}")
        if issubclass(raised, ArenaError | EnvsError):
            return raised(self.message, self.next_step)
        return raised(self.message)


Heard = Event | Failed


def failed(error: Exception) -> Failed:
    """Return what can be told of an error to another process."""
    kind = next((each.__name__ for each in type(error).__mro__ if each in _RAISED.values()), "")
    if isinstance(error, ArenaError | EnvsError):
        return Failed(kind, error.message, error.next_step)
    return Failed(kind or type(error).__name__, str(error))


@dataclass
class _Episode:
    """An episode under way. It waits before each turn, and what happened is taken from it while it waits."""

    heard: list[Heard] = field(default_factory=list)
    waits: asyncio.Event = field(default_factory=asyncio.Event)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    work: asyncio.Task[None] | None = None

    async def pace(self, key: EpisodeKey, turn: int) -> None:
        self.waits.set()
        await self.may_go_on.wait()
        self.may_go_on.clear()

    async def news(self) -> list[Heard]:
        await self.waits.wait()
        news, self.heard = self.heard, []
        return news


class _Elsewhere:
    """The recorder of an episode whose turns are recorded in another process."""

    def begin(self, goal: str, observation: str) -> None:
        """Record nothing: the event says the same."""

    def append(self, turn: Turn) -> None:
        """Record nothing: the event says the same."""


class Replica:
    """A contestant's engine, and environments beside it. It must become the same contestant as elsewhere.

    `folder` is the working directory of the command, from which a spec's relative paths start; where the
    node has no such folder, they start from wherever its processes do. `version` is that of the command.
    """

    def __init__(self, contestant: Contestant, folder: str, version: str) -> None:
        self._contestant = contestant
        self._version = version
        self._executor = LocalExecutor()
        self._venue: Venue | None = None
        self._episodes: dict[tuple[str, str, int, int], _Episode] = {}
        if Path(folder).is_dir():
            os.chdir(folder)

    async def is_placed(self) -> bool:
        """Answer, which a replica does as soon as its node has given it a process."""
        return True

    async def start(self) -> int | Failed:
        """Start the engine; return how many episodes in flight it makes good use of, or what went wrong."""
        try:
            if self._version != __version__:
                raise EngineError(
                    f"it has Arena {__version__}, not {self._version}", "install the same on all nodes"
                )
            engine = await asyncio.to_thread(self._same_engine)
            self._venue = self._executor.venue(self._contestant, engine, notify=lambda text: None)
            await self._venue.start()
        except Exception as error:  # noqa: BLE001 - it is told to whoever asked
            return failed(error)
        return self._venue.concurrency

    async def begin(self, assignment: Assignment) -> list[Heard]:
        """Begin an episode, and return what happened before its next turn."""
        episode = self._episodes[assignment.key.unique] = _Episode()
        episode.work = asyncio.create_task(self._play(assignment, episode))
        return await episode.news()

    async def go_on(self, key: EpisodeKey) -> list[Heard]:
        """Play an episode's next turn, and return what happened until the one after it."""
        episode = self._episodes[key.unique]
        episode.waits.clear()
        episode.may_go_on.set()
        return await episode.news()

    async def drop(self, key: EpisodeKey) -> None:
        """Leave an episode where it stands."""
        episode = self._episodes.get(key.unique)
        if episode and episode.work:
            episode.work.cancel()
            await asyncio.gather(episode.work, return_exceptions=True)

    async def close(self) -> None:
        """Close engine and environments."""
        for episode in list(self._episodes.values()):
            if episode.work:
                episode.work.cancel()
        if self._venue:
            await self._venue.close()
        await self._executor.close()

    async def _play(self, assignment: Assignment, episode: _Episode) -> None:
        assert self._venue is not None
        try:
            ended = await self._venue.play(
                assignment, _Elsewhere(), episode.pace, lambda event: episode.heard.append(event)
            )
            episode.heard.append(ended)
        except Exception as error:  # noqa: BLE001 - it is told to whoever waits
            episode.heard.append(failed(error))
        finally:
            self._episodes.pop(assignment.key.unique, None)
            episode.waits.set()

    def _same_engine(self) -> Engine:
        engine = make_engine(self._contestant.spec, self._contestant.engine_options)
        here, there = (
            without_none(dict(each)) for each in (engine.identity(), self._contestant.identity["engine"])
        )
        other = [
            f"{key} is {here.get(key)!r:.60}, not {there.get(key)!r:.60}"
            for key in {**there, **here}
            if here.get(key) != there.get(key)
        ]
        if other:
            raise EngineError(
                f"it would play as another contestant: {'; '.join(other)}",
                "models, files and package versions must be the same on all nodes",
            )
        return engine
