"""A contestant's replicas on the nodes of a Ray cluster, seen from the process that records the run.

An episode stays with the replica that it began on, which keeps its environment and its KV cache. Where the
replica is lost, the episode goes on with another one, from its last recorded turn.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from arena import __version__
from arena.contestant import Contestant
from arena.engines.base import Engine
from arena.episode import Listener, Recorder
from arena.errors import EngineError
from arena.executors.base import Assignment, Notify, Venue
from arena.executors.placing import Node, Placement, placements
from arena.executors.replica import Failed, Heard, Replica
from arena.pace import Pace
from arena.records import EpisodeEnded, EpisodeStarted, Turn, TurnPlayed
from envs import registry

PLACED_TIMEOUT_S = 60.0
"""How long a replica may wait for its node, which others may use too. Loading a model comes after that."""
CLOSE_TIMEOUT_S = 20.0


class Lost(Exception):
    """A replica answers no more: its process or its node has died."""


@dataclass(eq=False)
class _Member:
    """A replica that plays: `actor` is Ray's handle, `running` counts its episodes by benchmark."""

    actor: Any
    where: str
    concurrency: int
    running: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def plays(self, benchmark: str) -> Iterator[None]:
        self.running[benchmark] += 1
        try:
            yield
        finally:
            self.running[benchmark] -= 1

    def has_place(self, benchmark: str) -> bool:
        most = registry.benchmark(benchmark).most_at_once
        return most is None or self.running[benchmark] < most

    @property
    def load(self) -> float:
        return self.running.total() / self.concurrency


class RayVenue(Venue):
    """Plays a contestant's episodes on as many replicas as the cluster has places for."""

    def __init__(
        self, contestant: Contestant, engine: Engine, notify: Notify, nodes: Callable[[], Sequence[Node]]
    ) -> None:
        self._contestant = contestant
        self._engine = engine
        self._notify = notify
        self._nodes = nodes
        self._members: list[_Member] = []

    @property
    def concurrency(self) -> int:
        """How many episodes in flight all replicas together make good use of."""
        return sum(member.concurrency for member in self._members)

    @property
    def exclusive(self) -> bool:
        """Whether the replicas fill their nodes or GPUs."""
        return self._engine.exclusive

    async def start(self) -> None:
        """Start the replicas, all at once. Raises `EngineError` where none of them starts."""
        places = placements(self._contestant, exclusive=self.exclusive, nodes=self._nodes())
        opened = await asyncio.gather(*map(self._open, places))
        self._members = [each for each in opened if isinstance(each, _Member)]
        failures = [each for each in opened if isinstance(each, Failed)]
        if not self._members:
            raise EngineError(failures[0].message, failures[0].next_step)
        for failure in failures:
            self._notify(f"{self._contestant.name} is played without a replica: {failure.message}")

    def has_place(self, benchmark: str) -> bool:
        """Tell whether a replica has an environment of a benchmark to lend at once."""
        return any(member.has_place(benchmark) for member in self._members)

    async def play(
        self, assignment: Assignment, recorder: Recorder, pace: Pace, listen: Listener
    ) -> EpisodeEnded:
        """Play an episode on one replica, or on several where replicas are lost; see `Venue.play`.

        Raises `EngineError` where none is left.
        """
        turns = list(assignment.recorded)
        while True:
            member = self._least_loaded(assignment.task.benchmark)
            begun = replace(assignment, recorded=tuple(turns))
            try:
                with member.plays(assignment.task.benchmark):
                    return await _follow(member, begun, turns, recorder, pace, listen)
            except Lost as loss:
                self._lose(member, loss)

    async def close(self) -> None:
        """Close the replicas and give their places back."""
        members, self._members = self._members, []
        await asyncio.gather(*(_close(member.actor) for member in members))

    def _least_loaded(self, benchmark: str) -> _Member:
        if not self._members:
            raise EngineError(
                f"{self._contestant.name} has lost all its replicas",
                "see to the cluster's nodes, then run the same command again",
            )
        ready = [member for member in self._members if member.has_place(benchmark)]
        return min(ready or self._members, key=lambda member: member.load)

    def _lose(self, member: _Member, loss: Lost) -> None:
        if member not in self._members:  # another episode has said so
            return
        self._members.remove(member)
        _kill(member.actor)
        self._notify(
            f"{self._contestant.name}: the replica on {member.where} is lost ({loss}),"
            f" {len(self._members)} left; its episodes go on from their last turns"
        )

    async def _open(self, place: Placement) -> _Member | Failed:
        where = place.node.name
        actor = _actor(self._contestant, place)
        try:
            async with asyncio.timeout(PLACED_TIMEOUT_S):
                await _answer(actor.is_placed.remote())
            started = await _answer(actor.start.remote())
        except TimeoutError:
            started = Failed("EngineError", f"no room within {PLACED_TIMEOUT_S:g} s", "end what fills it")
        except Lost as loss:
            started = Failed("EngineError", f"it died while it started ({loss})", "see Ray's logs there")
        except BaseException:
            _kill(actor)
            raise
        if isinstance(started, Failed):
            _kill(actor)
            return replace(started, message=f"on node {where}: {started.message}")
        return _Member(actor, where, started)


async def _follow(
    member: _Member,
    assignment: Assignment,
    turns: list[Turn],
    recorder: Recorder,
    pace: Pace,
    listen: Listener,
) -> EpisodeEnded:
    """Follow an episode on a replica, turn by turn, each recorded before the next; `turns` grows with it."""
    key, over = assignment.key, False
    try:
        heard: list[Heard] = await _answer(member.actor.begin.remote(assignment))
        while True:
            over = any(isinstance(each, EpisodeEnded | Failed) for each in heard)
            for each in heard:
                if isinstance(each, Failed):
                    raise each.error()
                if isinstance(each, EpisodeEnded):
                    return each
                if isinstance(each, EpisodeStarted):
                    recorder.begin(each.goal, each.observation)
                elif isinstance(each, TurnPlayed):
                    recorder.append(each.turn)
                    turns.append(each.turn)
                listen(each)
            await pace(key, len(turns))
            heard = await _answer(member.actor.go_on.remote(key))
    finally:
        if not over:
            member.actor.drop.remote(key)


def _actor(contestant: Contestant, place: Placement) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    options = {
        "num_cpus": place.cpus,
        "num_gpus": place.gpus,
        "scheduling_strategy": NodeAffinitySchedulingStrategy(place.node.id, soft=False),
        "max_restarts": 0,
        "max_concurrency": 10_000,
    }
    return ray.remote(Replica).options(**options).remote(contestant, str(Path.cwd()), __version__)


async def _answer(call: Awaitable[Any]) -> Any:
    """Return what a replica answers. Raises `Lost` where it can't any more."""
    from ray.exceptions import RayError, RayTaskError

    try:
        return await call
    except RayTaskError:  # raised by our own code there
        raise
    except RayError as error:
        raise Lost(type(error).__name__) from error


async def _close(actor: Any) -> None:
    with contextlib.suppress(Lost, TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await _answer(actor.close.remote())
    _kill(actor)


def _kill(actor: Any) -> None:
    import ray

    ray.kill(actor)
