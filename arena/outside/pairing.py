"""Which episodes of two logs are of the same task: by the log's own id, or by what was asked.

Two samples of the same id are the same task unless both logs say what was asked and it differs (a shuffled or
re-numbered set); then, and where there are no ids, the hash of what was asked decides.
"""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from arena.errors import UsageError
from arena.outside.recorded import Recorded
from envs.base import Task

By = Literal["auto", "id", "prompt"]
WAYS: tuple[By, ...] = ("auto", "id", "prompt")

MAX_ID_CHARS = 120


def way(name: str) -> By:
    """Return a way of pairing by name. Raises `UsageError` with the nearest."""
    for each in WAYS:
        if each == name:
            return each
    near = difflib.get_close_matches(name, WAYS, n=1)
    hint = f"did you mean {near[0]}?" if near else ""
    raise UsageError(f"--pair {name!r} is not one of {', '.join(WAYS)}", hint)


@dataclass
class Pairing:
    """Gives each episode its task; the same task for those that pair."""

    by: By
    tasks: dict[str, Task] = field(default_factory=dict)
    """By hash, in the order of their first episode."""
    renamed: int = 0
    """How many episodes were matched by what was asked although their ids differ."""
    clashes: int = 0
    """How many had another's id and were asked something else."""
    _ids: dict[tuple[str, str], str] = field(default_factory=dict)
    _contents: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _content_of: dict[str, str] = field(default_factory=dict)
    _played: set[tuple[str, str, int]] = field(default_factory=set)

    def place(self, episode: Recorded) -> tuple[Task, int]:
        """Return an episode's task and repeat. Raises `UsageError` where its contestant has it already."""
        found = self._by_id(episode) if self.by != "prompt" else None
        if found is None and self.by != "id":
            found = self._by_content(episode)
        if found is None:
            found = self._new(episode)
        repeat = episode.repeat
        if not episode.index:
            while (episode.contestant, found, repeat) in self._played:
                repeat += 1  # the same question asked again
        key = (episode.contestant, found, repeat)
        if key in self._played:
            raise UsageError(
                f"{episode.contestant} has {self.tasks[found].id} twice",
                "name the logs, NAME=LOG, where they are of several contestants",
            )
        self._played.add(key)
        return self.tasks[found], repeat

    def unmatched(self, contestants: Sequence[str]) -> Mapping[str, int]:
        """Return how many tasks each contestant has that not all others have."""
        shared = self.paired(contestants)
        return {name: len(self._tasks_of(name)) - shared for name in contestants}

    def paired(self, contestants: Sequence[str]) -> int:
        """Return how many tasks all contestants have."""
        return len(set.intersection(*map(self._tasks_of, contestants))) if contestants else 0

    def _tasks_of(self, contestant: str) -> set[str]:
        return {task for who, task, _ in self._played if who == contestant}

    @property
    def repeats(self) -> int:
        """How often at most a contestant has played a task."""
        return 1 + max((repeat for _, _, repeat in self._played), default=0)

    def _by_id(self, episode: Recorded) -> str | None:
        found = self._ids.get((episode.benchmark, episode.index)) if episode.index else None
        if found is None or self.by == "id":
            return found
        known = self._content_of[found]
        if known and episode.content and known != episode.content:
            self.clashes += 1
            return None
        return found

    def _by_content(self, episode: Recorded) -> str | None:
        if not episode.content:
            return None
        for found in self._contents.get((episode.benchmark, episode.content), ()):
            # a log may ask the same twice under two ids: those are two tasks
            if not episode.index or (episode.contestant, found, episode.repeat) not in self._played:
                self.renamed += bool(episode.index)
                return found
        return None

    def _new(self, episode: Recorded) -> str:
        alike = self._contents.setdefault((episode.benchmark, episode.content), [])
        identity: dict[str, object] = {"asked": episode.content}
        if self.by != "prompt" or not episode.content:
            identity["id"] = episode.index
        task = _task(episode, identity)
        for copy in range(1, len(alike) + 1):
            if task.hash not in self.tasks:
                break
            task = _task(episode, identity | {"copy": copy})
        self.tasks[task.hash] = task
        alike.append(task.hash)
        self._content_of[task.hash] = episode.content
        if episode.index:
            self._ids.setdefault((episode.benchmark, episode.index), task.hash)
        return task.hash


def _task(episode: Recorded, identity: Mapping[str, object]) -> Task:
    asked = episode.content[:8] or "unnamed"
    return Task(
        id=f"{episode.benchmark}/{_short(episode.index) or asked}",
        benchmark=episode.benchmark,
        subset=None,
        source="imported",  # type: ignore[arg-type]  # neither ours nor of the official copy
        seed=0,
        max_steps=0,
        difficulty="",  # type: ignore[arg-type]  # logs don't say
        data={"imported": identity},
    )


def _short(index: str) -> str:
    plain = "".join(char if char.isprintable() else "_" for char in index)
    if len(plain) <= MAX_ID_CHARS:
        return plain
    return f"{plain[: MAX_ID_CHARS - 9]}~{hashlib.sha256(index.encode()).hexdigest()[:8]}"
