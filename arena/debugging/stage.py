"""Environments in which recorded turns are played again, up to the one in question."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Literal

from arena.burden import was_refused
from arena.protocol.base import FailureKind
from arena.records import Turn
from envs import registry
from envs.base import ArenaEnv, Task
from envs.errors import EnvsError

_REMEMBERED_TASKS = 256


class CannotReplay(Exception):
    """The recorded turns can't be played again here; the message says why in a few words."""


class Stage:
    """Environments kept from one turn to the next: some take seconds to start. Not for several threads."""

    def __init__(self) -> None:
        self._envs: dict[tuple[str, str], ArenaEnv] = {}
        self._tools: dict[str, Sequence[Mapping[str, Any]]] = {}

    def tools(self, task: Task, seed: int) -> Sequence[Mapping[str, Any]]:
        """Return the tools that a task offers; none where its environment can't be had."""
        if task.hash not in self._tools:
            while len(self._tools) >= _REMEMBERED_TASKS:
                self._tools.pop(next(iter(self._tools)))
            try:
                env, _ = self.begin(task, seed)
                self._tools[task.hash] = tuple(env.tools())
            except CannotReplay:
                self._tools[task.hash] = ()
        return self._tools[task.hash]

    def begin(self, task: Task, seed: int) -> tuple[ArenaEnv, str]:
        """Return an environment at the start of a task, and its first observation. Raises `CannotReplay`."""
        try:
            env = self._env(task)
            first, _ = env.reset(seed=seed, options={"task": task})
        except EnvsError as error:
            raise CannotReplay(error.message) from error
        except Exception as error:
            raise CannotReplay(f"{task.id} can't be set up: {type(error).__name__}") from error
        return env, first

    def replay(self, task: Task, seed: int, turns: Sequence[Turn]) -> ArenaEnv:
        """Return an environment after the recorded turns, each checked against its record.

        Raises `CannotReplay` where it can't be played here, or leads elsewhere than it did.
        """
        env, _ = self.begin(task, seed)
        for turn in turns:
            if was_played(turn):
                observation, info = step(env, str(turn.action))
                recorded = (turn.outcome, turn.progress, turn.valid)
                if (observation, info["progress"], info["valid"]) != recorded:
                    raise CannotReplay(f"turn {turn.index + 1} leads elsewhere than it did")
        return env

    def close(self) -> None:
        """Close the environments."""
        while self._envs:
            self._envs.popitem()[1].close()

    def _env(self, task: Task) -> ArenaEnv:
        key = task.benchmark, task.source
        if key not in self._envs:
            self._envs[key] = registry.benchmark(task.benchmark).make(task.source)
        return self._envs[key]


def step(env: ArenaEnv, action: str) -> tuple[str, Mapping[str, Any]]:
    """Play an action and return the observation and the info. Raises `CannotReplay` where it crashes."""
    try:
        observation, _, _, _, info = env.step(action)
    except EnvsError as error:
        raise CannotReplay(error.message) from error
    return observation, info


def was_played(turn: Turn) -> bool:
    """Tell whether a turn's action reached its environment, which then answered."""
    crashed = turn.failure is not None and turn.failure.kind is FailureKind.ENVIRONMENT_ERROR
    return turn.action is not None and not crashed and not was_refused(turn.action, turn.outcome)


@cache
def reply_form(benchmark: str) -> Literal["line", "whole"]:
    """Return whether a benchmark takes a line or the whole reply; `line` of benchmarks that are unknown."""
    try:
        module, _, attribute = registry.benchmark(benchmark).env.partition(":")
        env: type[ArenaEnv] = getattr(import_module(module), attribute)
    except (EnvsError, ImportError):
        return "line"
    return env.reply_form
