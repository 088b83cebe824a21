"""A run: every episode of a plan, played once, whatever happens on the way.

In a batch each contestant's episodes are played as many at a time as its engine makes good use of; engines
that fill the machine take turns. In a series (`arena play`) all contestants play a task together, match by
match. Both go on where an earlier run of the same plan stopped.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arena.agent import Agent
from arena.contestant import Contestant
from arena.engines.base import Engine
from arena.episode import Diverged, Listener, play_episode
from arena.errors import ArenaError, EngineError, StoreError
from arena.match import grouped_by_match
from arena.pace import Pace, at_once
from arena.plan import Plan, check_same_plan, create_run, exists
from arena.pool import EnvPool
from arena.records import EpisodeKey, Notice
from arena.store.files import writer_lock
from arena.store.writer import RunWriter
from envs.base import ArenaEnv
from envs.errors import EnvironmentCrashed, EnvsError

logger = logging.getLogger(__name__)

GRADING_VERSION = 1
"""Raised whenever the same transcript would get another score; different versions are not paired."""

MOST_ENGINE_ERRORS = 3
"""An engine that fails so many episodes in a row is given up; its other episodes stay owed."""

MOST_ATTEMPTS = 3
"""An episode whose environment crashes so often (or whose record doesn't replay) stays owed."""


@dataclass
class Tally:
    """How a run went. `owed` episodes are not scored: the same command plays them again."""

    planned: int
    done: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def owed(self) -> int:
        """How many of the planned episodes have no score yet."""
        return self.planned - self.done


async def play_run(
    plan: Plan,
    run: Path,
    engines: Mapping[str, Engine],
    listen: Listener,
    *,
    jobs: int | None = None,
    pace: Pace = at_once,
    match_by_match: bool = False,
) -> Tally:
    """Play what a plan still owes, into the run directory `run`, and return how it went.

    `engines` has one engine a contestant (not started). Raises `UsageError` where another process plays the
    run, `StoreError` where it was begun with another plan or can't be written.
    """
    if exists(run):
        check_same_plan(plan, run)
    else:
        create_run(plan, run)
    async with AsyncExitStack() as stack:
        stack.enter_context(writer_lock(run))
        writer = RunWriter(run)
        stack.callback(writer.close)
        writer.add_tasks(plan.tasks)
        player = _Player(plan, writer, engines, listen, pace)
        stack.push_async_callback(player.close)
        keys = plan.episodes()
        owed = [key for key in keys if not writer.is_done(key)]
        player.tally.done = len(keys) - len(owed)
        if match_by_match:
            await player.play_matches(owed)
        else:
            await player.play_batch(owed, jobs)
        return player.tally


class _Player:
    """The state of a run while it is played."""

    def __init__(
        self, plan: Plan, writer: RunWriter, engines: Mapping[str, Engine], listen: Listener, pace: Pace
    ) -> None:
        self.tally = Tally(len(plan.episodes()))
        self._writer = writer
        self._engines = engines
        self._listen = listen
        self._pace = pace
        self._contestants = {contestant.name: contestant for contestant in plan.contestants}
        self._tasks = {task.hash: task for task in plan.tasks}
        self._envs = EnvPool()
        self._machine = asyncio.Lock()
        self._streaming = False

    async def close(self) -> None:
        await self._envs.close()

    async def play_matches(self, owed: Sequence[EpisodeKey]) -> None:
        """Play match by match, all contestants of a match at once; it is watched, so replies stream."""
        self._streaming = True
        playing = {key.contestant for key in owed}
        started = {name for name in self._contestants if name in playing and await self._start(name)}
        try:
            for match in grouped_by_match(owed):
                await _all(*(self._play(key) for key in match if key.contestant in started))
        finally:
            for name in started:
                await self._engines[name].close()

    async def play_batch(self, owed: Sequence[EpisodeKey], jobs: int | None) -> None:
        """Play all episodes, each contestant's `jobs` at a time (default: what its engine likes)."""
        by_contestant = {name: [key for key in owed if key.contestant == name] for name in self._contestants}
        await _all(*(self._play_contestant(name, keys, jobs) for name, keys in by_contestant.items() if keys))

    async def _play_contestant(self, name: str, keys: Sequence[EpisodeKey], jobs: int | None) -> None:
        engine = self._engines[name]
        async with AsyncExitStack() as stack:
            if engine.exclusive:
                await stack.enter_async_context(self._machine)
            if not await self._start(name):
                return
            stack.push_async_callback(engine.close)
            waiting = list(reversed(keys))
            in_a_row = 0

            async def work() -> None:
                nonlocal in_a_row
                while waiting and in_a_row < MOST_ENGINE_ERRORS:
                    in_a_row = 0 if await self._play(waiting.pop()) else in_a_row + 1

            await _all(*(work() for _ in range(min(jobs or engine.concurrency, len(keys)))))
            if waiting:
                self._notice(
                    f"{name}: given up after {MOST_ENGINE_ERRORS} engine errors, {len(waiting)} owed"
                )

    async def _start(self, name: str) -> bool:
        try:
            await self._engines[name].start()
        except ArenaError as error:
            self._notice(f"{name} can't start: {error.message}", error.next_step, contestant=name)
            return False
        return True

    async def _play(self, key: EpisodeKey) -> bool:
        """Play one episode and record how it ended; False where its engine failed."""
        for attempt in range(1, MOST_ATTEMPTS + 1):
            try:
                error = await self._play_attempt(key)
            except Diverged as diverged:
                self._writer.supersede(key)
                self._notice(f"{key.task}, {key.contestant}: {diverged}, so it is played anew")
                continue
            if error is None:
                self.tally.done += 1
                return True
            if not isinstance(error, EnvironmentCrashed) or attempt == MOST_ATTEMPTS:
                self.tally.errors.append(f"{key.task}, {key.contestant}: {error}")
                return not isinstance(error, EngineError)
            self._notice(f"{key.task}, {key.contestant}: {error}, so it is played again")
        return True

    async def _play_attempt(self, key: EpisodeKey) -> Exception | None:
        """Play an episode on from what is recorded; returns the infrastructure's error, if it failed."""
        contestant, task = self._contestants[key.contestant], self._tasks[key.task_hash]
        engine = self._engines[key.contestant]
        recorder, recorded = self._writer.begin(key, _provenance(contestant))

        def make_agent(env: ArenaEnv) -> Agent:
            return Agent(engine, contestant.settings, env, key)

        try:
            async with self._envs.lend(task) as env:
                ended = await play_episode(
                    key,
                    task,
                    env,
                    make_agent,
                    recorder,
                    recorded,
                    self._pace,
                    self._listen,
                    streaming=self._streaming,
                )
        except (StoreError, Diverged):
            raise
        except Exception as error:  # one broken episode must not take the others with it
            logger.debug("episode failed", exc_info=True)
            self._listen(recorder.fail(key, _sentence(error)))
            return error
        finally:
            await engine.release(key.session)
        recorder.end(ended)
        self._listen(ended)
        return None

    def _notice(self, text: str, next_step: str = "", **details: str) -> None:
        notice = Notice(text, details | ({"next_step": next_step} if next_step else {}))
        self._writer.note(notice)
        self._listen(notice)


def _provenance(contestant: Contestant) -> dict[str, Any]:
    engine = contestant.identity["engine"]
    return {
        "grading_version": GRADING_VERSION,
        "contestant": contestant.hash,
        "engine": engine.get("build") or engine.get("engine", ""),
        "template": engine.get("template", ""),
        "parser": contestant.settings.protocol,
    }


def _sentence(error: Exception) -> str:
    if isinstance(error, ArenaError | EnvsError):
        return error.message
    return f"unexpected {type(error).__name__}: {error}"


async def _all(*work: Awaitable[Any]) -> None:
    """Await all at once; the first failure cancels the others and is raised as itself."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
