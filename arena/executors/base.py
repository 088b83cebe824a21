"""The seam between a run, which decides what is played and records it, and the place where it is played.

A run has one writer, whatever the executor: a venue gives every turn to the run's recorder and begins the
next one only after that has returned.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from arena.contestant import Contestant
from arena.engines.base import Engine
from arena.episode import Listener, Recorder
from arena.pace import Pace
from arena.patience import STEP_TIMEOUT_S
from arena.records import EpisodeEnded, EpisodeKey, Turn
from envs.base import Task

Notify = Callable[[str], None]
"""Hears what a person should know, such as a node that was lost."""


@dataclass(frozen=True)
class Assignment:
    """One episode to play, on from its recorded turns; the rest is as `play_episode` takes it."""

    key: EpisodeKey
    task: Task
    recorded: Sequence[Turn] = ()
    streaming: bool = False
    step_timeout_s: float = STEP_TIMEOUT_S


class Venue(ABC):
    """Where one contestant's episodes are played: its engine, and environments beside it."""

    @property
    @abstractmethod
    def concurrency(self) -> int:
        """How many episodes in flight it makes good use of. Known after `start`."""

    @property
    @abstractmethod
    def exclusive(self) -> bool:
        """Whether it fills its machines: such venues are open one after another."""

    @abstractmethod
    async def start(self) -> None:
        """Get ready to play. Raises `EngineError` where that can't be done."""

    @abstractmethod
    def has_place(self, benchmark: str) -> bool:
        """Tell whether an episode of a benchmark would find an environment at once."""

    @abstractmethod
    async def play(
        self, assignment: Assignment, recorder: Recorder, pace: Pace, listen: Listener
    ) -> EpisodeEnded:
        """Play an episode to its end, and return how it ended; raises what `play_episode` raises."""

    @abstractmethod
    async def close(self) -> None:
        """Close the engine."""


class Executor(Protocol):
    """Makes the venues of a run's contestants."""

    def venue(self, contestant: Contestant, engine: Engine, notify: Notify) -> Venue:
        """Return a contestant's venue, not started. `engine` is its own, which starts only where it plays."""

    async def close(self) -> None:
        """Give back what the venues shared, after the last of them was closed."""
