"""A run: every episode of a plan, played once, whatever happens on the way.

In a batch each contestant's episodes are played as many at a time as its engine makes good use of, the
longest first; engines that fill the machine take turns. In a series (`arena play`) all contestants play a
task together, match by match. Both go on where an earlier run of the same plan stopped, and both may be asked
to stop (`Halt`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arena.contestant import Contestant
from arena.engines.base import Engine
from arena.episode import Diverged, Listener
from arena.errors import ArenaError, EngineError, OutOfMemory, RefusedRequest, StoreError
from arena.executors.base import Assignment, Executor
from arena.executors.local import LocalExecutor
from arena.halt import Halt, Halted
from arena.match import grouped_by_match
from arena.pace import Pace, at_once
from arena.patience import STEP_TIMEOUT_S
from arena.plan import Plan, begin_run
from arena.records import EpisodeKey, Notice
from arena.schedule import Waiting, blocks, longest_first, shuffled_tasks
from arena.store.files import writer_lock
from arena.store.writer import ErrorKind, RunWriter
from envs.base import Task
from envs.errors import EnvironmentCrashed, EnvsError

logger = logging.getLogger(__name__)

GRADING_VERSION = 3
"""Raised whenever the same transcript would get another score; different versions are not paired."""

MOST_ENGINE_ERRORS = 3
"""An engine that fails so many episodes in a row is given up; its other episodes stay owed.

What it refuses because of the request itself, such as a prompt that is too long, doesn't count.
"""

MOST_ATTEMPTS = 3
"""An episode whose environment crashes so often (or whose record doesn't replay) stays owed."""


@dataclass
class Tally:
    """How a run went. `owed` episodes are not scored: the same command plays them again."""

    planned: int
    done: int = 0
    errors: list[str] = field(default_factory=list)
    stopped: str | None = None
    """Why the run ended before everything was played, where it was asked to."""
    stop_details: Mapping[str, Any] = field(default_factory=dict)

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
    only: Collection[EpisodeKey] | None = None,
    order: Sequence[str] | None = None,
    halt: Halt | None = None,
    step_timeout_s: float = STEP_TIMEOUT_S,
    executor: Executor | None = None,
) -> Tally:
    """Play what a plan still owes, into the run directory `run`, and return how it went.

    `engines` has one engine a contestant (not started). `only` some episodes are played, where it is given.
    With `order`, hashes of all tasks, all contestants play the tasks in that order, block by block, so that
    pairs come together; otherwise each plays its longest first. `halt` is how others ask the run to stop. An
    environment that gives no answer for `step_timeout_s` has crashed. `executor` is where the episodes are
    played: in this process by default. Raises `UsageError` where another process plays the run, `StoreError`
    where it was begun with another plan or can't be written.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(writer_lock(run))
        begin_run(plan, run)
        writer = RunWriter(run)
        stack.callback(writer.close)
        writer.add_tasks(plan.tasks)
        done, keys = writer.done(), plan.episodes()
        owed = [key for key in keys if key.unique not in done]
        tally = Tally(len(keys), len(keys) - len(owed))
        player = _Player(
            plan,
            writer,
            engines,
            listen,
            pace,
            halt or Halt(),
            tally,
            step_timeout_s,
            executor or LocalExecutor(),
        )
        stack.push_async_callback(player.close)
        if only is not None:
            wanted = {key.unique for key in only}
            owed = [key for key in owed if key.unique in wanted]
        if match_by_match:
            await player.play_matches(owed)
        elif order is not None:
            for block in blocks(shuffled_tasks(owed, order)):
                await player.play_batch(block, jobs)
        else:
            await player.play_batch(longest_first(owed, {task.hash: task for task in plan.tasks}), jobs)
        player.say_why_stopped()
        return player.tally


@dataclass
class _Places:
    """How many episodes of a contestant may be in flight; fewer once its engine ran out of memory.

    `workers` play them, one each; those that are too many leave, and one always stays.
    """

    limit: int
    workers: int

    def halve(self, before: int) -> bool:
        """Allow half as many as there were; False where others have done so since."""
        if self.limit != before:
            return False
        self.limit = max(1, before // 2)
        return True


class _Player:
    """The state of a run while it is played."""

    def __init__(
        self,
        plan: Plan,
        writer: RunWriter,
        engines: Mapping[str, Engine],
        listen: Listener,
        pace: Pace,
        halt: Halt,
        tally: Tally,
        step_timeout_s: float,
        executor: Executor,
    ) -> None:
        self.tally = tally
        self._writer = writer
        self._listen = listen
        self._own_pace = pace
        self._halt = halt
        self._step_timeout_s = step_timeout_s
        self._contestants = {contestant.name: contestant for contestant in plan.contestants}
        self._tasks = {task.hash: task for task in plan.tasks}
        self._executor = executor
        self._venues = {
            name: executor.venue(contestant, engines[name], self._notice)
            for name, contestant in self._contestants.items()
        }
        self._machine = asyncio.Lock()
        self._streaming = False

    async def close(self) -> None:
        await self._executor.close()

    def say_why_stopped(self) -> None:
        """Record why episodes are left, where the run was asked to stop before it had played them."""
        if self._halt.reason and self.tally.owed:
            self.tally.stopped, self.tally.stop_details = self._halt.reason, self._halt.details
            self._writer.note(Notice(f"stopped: {self._halt.reason}", self._halt.details))

    async def play_matches(self, owed: Sequence[EpisodeKey]) -> None:
        """Play match by match, all contestants of a match at once; it is watched, so replies stream."""
        self._streaming = True
        playing = {key.contestant for key in owed}
        started = {name for name in self._contestants if name in playing and await self._start(name)}
        try:
            for match in grouped_by_match(owed):
                if self._halt.takes_episodes:
                    await _all(*(self._play(key) for key in match if key.contestant in started))
        finally:
            for name in started:
                await self._venues[name].close()

    async def play_batch(self, owed: Sequence[EpisodeKey], jobs: int | None) -> None:
        """Play all episodes, each contestant's `jobs` at a time (default: what its engine likes)."""
        by_contestant: dict[str, list[EpisodeKey]] = {name: [] for name in self._contestants}
        for key in owed:
            by_contestant[key.contestant].append(key)
        await _all(*(self._play_contestant(name, keys, jobs) for name, keys in by_contestant.items() if keys))

    async def _play_contestant(self, name: str, keys: Sequence[EpisodeKey], jobs: int | None) -> None:
        venue = self._venues[name]
        async with AsyncExitStack() as stack:
            if venue.exclusive:
                await stack.enter_async_context(self._machine)
            if not self._halt.takes_episodes or not await self._start(name):
                return
            stack.push_async_callback(venue.close)
            waiting = Waiting(keys, venue.has_place)
            most = min(jobs or venue.concurrency, len(keys))
            places = _Places(most, most)
            in_a_row = 0

            async def work() -> None:
                nonlocal in_a_row
                while (
                    waiting
                    and self._halt.takes_episodes
                    and in_a_row < MOST_ENGINE_ERRORS
                    and places.workers <= places.limit
                ):
                    key, at_most = waiting.take(), places.limit
                    try:
                        in_a_row = 0 if await self._play(key, alone=at_most == 1) else in_a_row + 1
                    except OutOfMemory as error:
                        waiting.put_back(key)
                        if places.halve(at_most):
                            self._notice(
                                f"{name}: {error.message} {places.limit} episodes at a time, not {at_most}"
                            )
                places.workers -= 1

            await _all(*(work() for _ in range(most)))
            if waiting and self._halt.takes_episodes:
                self._notice(
                    f"{name}: given up after {MOST_ENGINE_ERRORS} engine errors, {len(waiting)} owed"
                )

    async def _start(self, name: str) -> bool:
        try:
            await self._venues[name].start()
        except ArenaError as error:
            self._notice(f"{name} can't start: {error.message}", error.next_step, contestant=name)
            return False
        return True

    async def _play(self, key: EpisodeKey, *, alone: bool = True) -> bool:
        """Play one episode and record how it ended; False where its engine could answer no other either.

        Raises `OutOfMemory`, with nothing recorded of it, where the engine may manage once the episode is
        played `alone`.
        """
        for attempt in range(1, MOST_ATTEMPTS + 1):
            try:
                error = await self._play_attempt(key, alone=alone)
            except Diverged as diverged:
                self._writer.supersede(key)
                self._notice(f"{key.task}, {key.contestant}: {diverged}, so it is played anew")
                continue
            except Halted:
                return True
            if error is None:
                self.tally.done += 1
                return True
            if not isinstance(error, EnvironmentCrashed) or attempt == MOST_ATTEMPTS:
                self.tally.errors.append(f"{key.task}, {key.contestant}: {error}")
                return _could_answer(error)
            self._notice(f"{key.task}, {key.contestant}: {error}, so it is played again")
        return True

    async def _play_attempt(self, key: EpisodeKey, *, alone: bool) -> Exception | None:
        """Play an episode on from what is recorded; returns the infrastructure's error, if it failed."""
        contestant, task = self._contestants[key.contestant], self._tasks[key.task_hash]
        recorder, recorded = self._writer.begin(key, provenance(contestant, task))
        assignment = Assignment(key, task, recorded, self._streaming, self._step_timeout_s)
        try:
            venue = self._venues[key.contestant]
            ended = await venue.play(assignment, recorder, self._pace, self._listen)
        except (StoreError, Diverged, Halted):
            raise
        except Exception as error:  # one broken episode must not take the others with it
            if isinstance(error, OutOfMemory) and not alone:
                raise
            logger.debug("episode failed", exc_info=True)
            self._listen(recorder.fail(key, _sentence(error), _error_kind(error)))
            return error
        recorder.end(ended)
        self._listen(ended)
        return None

    async def _pace(self, key: EpisodeKey, turn: int) -> None:
        self._halt.check_turn()
        await self._own_pace(key, turn)
        self._halt.check_turn()

    def _notice(self, text: str, next_step: str = "", **details: str) -> None:
        notice = Notice(text, details | ({"next_step": next_step} if next_step else {}))
        self._writer.note(notice)
        self._listen(notice)


def provenance(contestant: Contestant, task: Task) -> dict[str, Any]:
    """Return what an episode's record says of how it came about."""
    engine = contestant.identity["engine"]
    return {
        "grading_version": GRADING_VERSION,
        "contestant": contestant.hash,
        "engine": engine.get("build") or engine.get("engine", ""),
        "template": engine.get("template", ""),
        "parser": contestant.settings.for_task(task).protocol,
    }


def _could_answer(error: Exception) -> bool:
    """Tell whether an episode's engine may answer other episodes' requests."""
    return isinstance(error, RefusedRequest | OutOfMemory) or not isinstance(error, EngineError)


def _error_kind(error: Exception) -> ErrorKind:
    if isinstance(error, OutOfMemory):
        return "memory"
    if isinstance(error, EngineError):
        return "engine"
    return "environment" if isinstance(error, EnvsError) else "unexpected"


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
