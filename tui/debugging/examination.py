"""A run under examination: its record is read in one thread, its models are loaded and asked in another.

So keys are never kept waiting, and a turn opens while a model is being loaded for another one.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from arena.debugging.opened import OpenedTurn, Run, open_turn
from arena.errors import UsageError
from arena.records import EpisodeKey
from tui.threads import in_thread

if TYPE_CHECKING:
    from arena.debugging.rerun import Again
    from arena.divergence import Pair, TurnDivergence

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """A turn of an episode, counted from 0."""

    key: EpisodeKey
    turn: int


@dataclass(frozen=True)
class Manner:
    """How a turn is asked for again: of another contestant of the run, with another last message, bound."""

    contestant: str | None = None
    last_message: str | None = None
    constrained: bool = False


class Examination:
    """Holds a run open, with the models that were asked of it last. Close it in the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._record = ThreadPoolExecutor(1, thread_name_prefix="debug-record")
        self._models = ThreadPoolExecutor(1, thread_name_prefix="debug-models")
        self._run: Run | None = None
        self._pair: tuple[str, Pair] | None = None

    async def ask(self, question: Callable[[Run], T]) -> T:
        """Return the answer to a question about the run. Raises what it raises, or opening the run."""
        return await in_thread(self._record, self._answer, question)

    async def open(self, place: Place) -> OpenedTurn:
        """Return a turn with all around it. Raises `UsageError` where it is not recorded (yet)."""
        return await self.ask(lambda run: _opened(run, place))

    async def diverge(self, place: Place, say: Callable[[str], None]) -> "TurnDivergence":
        """Return a turn token by token beside the baseline; `say` hears what is being done.

        Raises `ArenaError` where the weights of both are not in this process, or can't be read.
        """
        loop = asyncio.get_running_loop()
        return await in_thread(
            self._models, self._diverge, place, lambda words: loop.call_soon_threadsafe(say, words)
        )

    async def ask_again(self, place: Place, manner: Manner) -> "Again":
        """Return a new reply to a turn's request; the record stays as it is. Raises `ArenaError`."""
        return await in_thread(self._models, _asked_again, self.path, place, manner)

    def close(self) -> None:
        """Give back the record, the environments and the models, when what is going on in them is over."""
        self._record.submit(self._close)
        for thread in (self._record, self._models):
            thread.shutdown(wait=False)

    def _answer(self, question: Callable[[Run], T]) -> T:
        if self._run is None:
            self._run = Run(self.path)
        return question(self._run)

    def _close(self) -> None:
        if self._run is not None:
            self._run.close()

    def _diverge(self, place: Place, say: Callable[[str], object]) -> "TurnDivergence":
        _wait_passively()
        from arena.divergence import diverge_turn, open_pair

        name = place.key.contestant
        if self._pair is None or self._pair[0] != name:
            say("loading the weights of both models")
            self._pair = None  # two of them may not fit
            self._pair = name, open_pair(self.path, name)
        say("reading the reply with both models, and letting the baseline go on from where they part")
        return diverge_turn(self._pair[1], place.key, place.turn)


def _opened(run: Run, place: Place) -> OpenedTurn:
    episode = run.reader.episode(place.key)
    if episode is None:
        raise UsageError(
            f"{place.key.contestant} has not begun {place.key.task}", "play on, or choose another"
        )
    return open_turn(run, episode, place.turn)


def _asked_again(path: Path, place: Place, manner: Manner) -> "Again":
    _wait_passively()
    from arena.debugging.rerun import CONSTRAINED, ask_again, asker

    with Run(path) as run, tempfile.TemporaryDirectory() as folder:
        opened = _opened(run, place)
        by = manner.contestant
        asked = opened if by is None else replace(opened, contestant=run.contestants[by])
        who = asker(asked, None, CONSTRAINED if manner.constrained else "")
        prompt = None
        if manner.last_message is not None:
            prompt = Path(folder, "prompt.txt")
            prompt.write_text(manner.last_message, encoding="utf-8")
        (answer,) = ask_again(run, opened, who, prompt=prompt)
    return answer


def _wait_passively() -> None:
    # before torch is imported: threads that spin while they wait take ten times as long on a busy machine
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
