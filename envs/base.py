"""The contract that every benchmark obeys: a task, and a text environment that plays it."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import gymnasium
import numpy as np
from gymnasium.spaces import Text

from envs.errors import EnvsError

Source = Literal["bundled", "official"]
ToolSchema = Mapping[str, Any]
"""One tool in OpenAI's function format: {"type": "function", "function": {name, description, parameters}}."""

MAX_TEXT_CHARS = 1_000_000


@dataclass(frozen=True)
class Task:
    """One problem instance of a benchmark.

    `id` is how people name it (`benchmark/subset/index`); `hash` is what it *is*: two tasks with the same
    data are the same task, whatever they are called. `goal` may be empty where only the environment knows
    it; `reset` then reports it in `info["goal"]`. `data` is JSON-able and holds all that the environment
    needs to play the task. `reply_tokens` is the longest reply that the benchmark grants, where it says so.
    `grading` says how it is scored where that was chosen: `scoring`, `encoder` (`arena.suite` fills it in).
    `asked` says how agents are asked where a suite wants it otherwise for this task than for its others;
    environments don't read it.
    """

    id: str
    benchmark: str
    subset: str | None
    source: Source
    seed: int
    max_steps: int
    difficulty: Literal["easy", "hard"]
    data: Mapping[str, Any]
    goal: str = ""
    reply_tokens: int | None = None
    grading: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def hash(self) -> str:
        """SHA-256 (first 16 hex digits) of everything that shapes the task; its names don't."""
        content = {
            "benchmark": self.benchmark,
            "source": self.source,
            "seed": self.seed,
            "max_steps": self.max_steps,
            "reply_tokens": self.reply_tokens,
            "data": self.data,
        }
        if self.grading:
            content["grading"] = self.grading
        if self.asked:
            content["asked"] = self.asked
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def copies_apart(tasks: Iterable[Task]) -> Iterator[Task]:
    """Yield tasks of which no two are the same: the nth copy of one has `"copy": n` in its data.

    For official sets in which a record stands twice and counts twice; the first stays as it is.
    """
    copies: Counter[str] = Counter()
    for task in tasks:
        copy = copies[task.hash]
        copies[task.hash] += 1
        yield replace(task, data={**task.data, "copy": copy}) if copy else task


@dataclass(frozen=True)
class Outcome:
    """What one action did. `progress` is the state's own value; the base class keeps the running maximum."""

    observation: str
    progress: float
    valid: bool
    success: bool = False
    done: bool = False
    subgoals: Mapping[str, bool] = field(default_factory=dict)


class FreeText(Text):
    """A Gymnasium text space that holds any string up to `MAX_TEXT_CHARS` characters."""

    def __init__(self) -> None:
        super().__init__(max_length=MAX_TEXT_CHARS, min_length=0)

    def contains(self, x: Any) -> bool:
        """Tell whether `x` is a string of allowed length, whatever its characters."""
        return isinstance(x, str) and len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Draw a short random word; sampling the full length would be useless text."""
        length = int(self.np_random.integers(1, 20))
        return "".join(self.np_random.choice(list(self.character_list), size=length))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FreeText)

    def __hash__(self) -> int:
        return hash(FreeText)


class ArenaEnv(gymnasium.Env[str, str]):
    """A `gymnasium.Env` over text that plays the tasks of one benchmark.

    `reset(options={"task": id_or_Task})` picks the task; without it the seed picks one. `step(action)` takes
    a text action, or a tool call as a JSON object `{"name": …, "arguments": {…}}`. `reward` is the increase
    of the progress rate, so that an episode's return is its progress rate. `info` always has `progress`
    (0..1, running maximum), `success`, `valid` (did the action take effect) and `subgoals` (name -> done);
    `reset` adds `goal` and `task`.

    An environment is used by one episode at a time; many may run at once in one process. A subclass writes
    `_begin` and `_apply`, and what it can of `expert`, `valid_actions`, `tools` and the two call conversions.
    """

    benchmark: ClassVar[str]
    reply_form: ClassVar[Literal["line", "whole"]] = "line"
    """Whether an action is one line (or one tool call), or the whole reply is the action, as in the one-step
    benchmarks, whose observation is the request itself."""
    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own form

    def __init__(self, source: Source = "bundled") -> None:
        if source not in ("bundled", "official"):
            raise EnvsError(f"source {source!r} is not one of bundled, official")
        self.source: Source = source
        self.render_mode = None
        self.observation_space = FreeText()
        self.action_space = FreeText()
        self.task: Task | None = None
        self._progress = 0.0
        self._steps = 0
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Start a task and return its first observation.

        `options["task"]` is a task id or a `Task`; without it, `seed` (or chance) picks one of the source.
        Raises `UnknownTask`, `MissingData`, `MissingPackage` or `EnvironmentCrashed`; then no episode runs.
        """
        super().reset(seed=seed)
        self._over = True  # until the new task has begun: the world of the one before is not to be played on
        self.task = self._choose((options or {}).get("task"), self.np_random)
        self._progress, self._steps = 0.0, 0
        first = self._begin(self.task)
        self._over = False
        # nothing is earned yet: rewards add up to the progress rate even where the start is worth points
        self._progress = float(first.success)
        info = self._info(first)
        info |= {"goal": self.goal(), "task": self.task.id}
        return first.observation, info

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Play one action; anything that is not one is invalid, counts as a step and changes nothing.

        Raises `EnvsError` before the first reset and after the end, `EnvironmentCrashed` when the simulator
        dies; never because of what the action says.
        """
        if self.task is None or self._over:
            raise EnvsError("step() needs a running episode", "call reset() first")
        outcome = self._apply(self._as_text(action))
        self._steps += 1
        before, self._progress = self._progress, max(self._progress, outcome.progress)
        terminated = outcome.done or outcome.success
        truncated = not terminated and self._steps >= self.task.max_steps
        self._over = terminated or truncated
        return outcome.observation, self._progress - before, terminated, truncated, self._info(outcome)

    def goal(self) -> str:
        """Return the running task's goal in words."""
        return self.task.goal if self.task else ""

    def instructions(self) -> str:
        """Return the rules of the running task in words: the actions, when they work, what they do."""
        return ""

    @property
    def reply_json(self) -> bool:
        """Whether the running task's whole reply is to be JSON: one that can't be read is a typed failure."""
        return False

    @property
    def plain_request(self) -> bool:
        """Whether the running task's request is to be sent as it is, without a chat template."""
        return False

    def example(self) -> Sequence[tuple[str, str]]:
        """Return a short worked example as (action, observation) pairs; the first action is empty."""
        return ()

    def messages(self) -> Sequence[Mapping[str, str]]:
        """Return the first observation as chat messages (role, content), where it has roles of its own."""
        return ()

    def tools(self) -> Sequence[ToolSchema]:
        """Return the running task's tools as JSON Schema (OpenAI function format); none by default."""
        return ()

    def call_to_action(self, name: str, arguments: Mapping[str, Any]) -> str | None:
        """Return the text form of a tool call, or None where no tool has this name or these arguments."""
        return None

    def action_to_call(self, action: str) -> dict[str, Any] | None:
        """Return the tool call `{"name", "arguments"}` that means the same as a text action, or None."""
        return None

    def expert(self) -> Sequence[str]:
        """Return text actions that solve the task from its present state.

        Raises `NotImplementedError` where the benchmark has no expert.
        """
        raise NotImplementedError(f"{self.benchmark} has no expert")

    def valid_actions(self) -> Sequence[str]:
        """Return the text actions that would take effect now.

        Raises `NotImplementedError` where the benchmark can't list them.
        """
        raise NotImplementedError(f"{self.benchmark} can't list valid actions")

    def _begin(self, task: Task) -> Outcome:
        raise NotImplementedError

    def _apply(self, action: str) -> Outcome:
        raise NotImplementedError

    def _choose(self, wanted: "str | Task | None", rng: np.random.Generator) -> Task:
        # the registry lists benchmarks by entry point and so imports this module
        from envs import registry

        if isinstance(wanted, Task):
            return wanted
        if wanted is not None:
            return registry.find_task(wanted, self.source)
        tasks = registry.tasks(self.benchmark, self.source)
        return tasks[int(rng.integers(len(tasks)))]

    def _as_text(self, action: str) -> str:
        if not action.lstrip().startswith("{"):
            return action
        call = parse_call(action)
        text = self.call_to_action(call["name"], call["arguments"]) if call else None
        return action if text is None else text

    def _info(self, outcome: Outcome) -> dict[str, Any]:
        return {
            "progress": self._progress,
            "success": outcome.success,
            "valid": outcome.valid,
            "subgoals": dict(outcome.subgoals),
        }


def parse_call(text: str) -> dict[str, Any] | None:
    """Read a tool call `{"name": str, "arguments": object}` written as JSON; None where it isn't one."""
    try:
        call = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        return None
    arguments = call.get("arguments", {})
    return {"name": call["name"], "arguments": arguments} if isinstance(arguments, dict) else None
