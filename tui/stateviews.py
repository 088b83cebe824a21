"""Draws environments' states in a worker thread, the newest that is wanted of each pane, one at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from arena.errors import ArenaError
from arena.records import Turn
from envs.base import Task
from tui.card import MatchCard
from tui.sources import Source
from tui.stage import Staged
from tui.views.choice import view_of
from tui.views.view import Room, View


@dataclass(frozen=True)
class Wanted:
    """Which state is to be drawn: an episode after its first `upto` turns, in a given room."""

    match: MatchCard
    contestant: str
    attempt: int
    upto: int
    room: Room


@dataclass(frozen=True)
class _Order:
    first_observation: str
    turns: list[Turn]
    done: Callable[[View | None], None]


class StateViews:
    """What is wanted, and what is being drawn. `want` is cheap where nothing has changed."""

    def __init__(self, source: Source, start: Callable[[Awaitable[None]], object]) -> None:
        """`start` runs work beside the screen."""
        self._source, self._start = source, start
        self._wanted: dict[int, Wanted] = {}
        self._orders: dict[int, tuple[Wanted, _Order]] = {}
        self._task: tuple[MatchCard, Task] | None = None
        self._is_drawing = False

    def drop(self, pane: int) -> None:
        """Draw nothing for a pane, whatever was wanted before."""
        self._wanted.pop(pane, None)
        self._orders.pop(pane, None)

    def want(
        self,
        pane: int,
        match: MatchCard,
        staged: Staged,
        upto: int,
        room: Room,
        done: Callable[[View | None], None],
    ) -> None:
        """Have a pane's state drawn; `done` gets it, unless another is wanted by then."""
        wanted = Wanted(match, staged.key.contestant, id(staged), upto, room)
        if self._wanted.get(pane) == wanted:
            return
        self._wanted[pane] = wanted
        self._orders[pane] = wanted, _Order(staged.first_observation, staged.turns[:upto], done)
        if not self._is_drawing:
            self._is_drawing = True
            self._start(self._draw())

    async def _draw(self) -> None:
        try:
            while self._orders:
                pane, (wanted, order) = next(iter(self._orders.items()))
                del self._orders[pane]
                view = await self._view(wanted, order)
                if self._wanted.get(pane) == wanted:
                    order.done(view)
        finally:
            self._is_drawing = False

    async def _view(self, wanted: Wanted, order: _Order) -> View | None:
        try:
            task = await self._task_of(wanted.match)
        except ArenaError:
            return None  # it is said where the turns are read
        return await asyncio.to_thread(
            view_of, task, order.first_observation, order.turns, wanted.upto, wanted.room
        )

    async def _task_of(self, match: MatchCard) -> Task:
        if self._task is None or self._task[0] != match:
            self._task = match, await self._source.task(match)
        return self._task[1]
