"""Our runs as JSON Lines: the plan, then each task before its first episode, each episode, its turns.

`{"arena": 1, "plan": …}`, `{"task": …}`, `{"episode": …}`, `{"turn": …}`: one a line, so that no line grows
with its episode.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from arena.outside.lines import BadLog, values
from arena.outside.own import (
    Whole,
    checked_plan,
    head_record,
    read_run,
    task_of,
    task_record,
    turn_record,
    whole_of,
)
from arena.outside.recorded import object_of
from envs.base import Task

VERSION = 1


def write_lines(run: Path, file: TextIO) -> None:
    """Write a run."""
    plan, episodes = read_run(run)
    _write(file, {"arena": VERSION, "plan": plan})
    written: set[str] = set()
    for episode in episodes:
        if episode.task.hash not in written:
            written.add(episode.task.hash)
            _write(file, {"task": task_record(episode.task)})
        _write(file, {"episode": head_record(episode)})
        for turn in episode.turns:
            _write(file, {"turn": turn_record(turn)})


def is_own_line(first: Any) -> bool:
    """Tell whether a file's first value begins an export of ours."""
    return isinstance(first, dict) and "arena" in first and "plan" in first


def read_lines(path: Path) -> tuple[dict[str, Any], Iterator[Whole]]:
    """Return the plan and the episodes of an export. Raises `BadLog`."""
    lines = values(path)
    _, first = next(lines)
    if first.get("arena") != VERSION:
        raise BadLog(
            f"{path} is an export of version {str(first.get('arena'))[:20]}, this Arena reads {VERSION}"
        )
    return checked_plan(first["plan"], f"{path}:1"), _episodes(path, lines)


def _episodes(path: Path, lines: Iterator[tuple[int, Any]]) -> Iterator[Whole]:
    tasks: dict[str, Task] = {}
    head: Any = None
    turns: list[Any] = []
    begun = ""
    for line, value in lines:
        place = f"{path}:{line}"
        record = object_of(value, place, "it")
        if "turn" in record and head is not None:
            turns.append(record["turn"])
            continue
        if head is not None:
            yield whole_of(head, turns, tasks, begun)
            head = None
        if "task" in record:
            task = task_of(record["task"], place)
            tasks[task.hash] = task
        elif "episode" in record:
            head, turns, begun = record["episode"], [], place
        else:
            raise BadLog(f"{place}: neither a task nor an episode nor a turn of one")
    if head is not None:
        yield whole_of(head, turns, tasks, begun)


def _write(file: TextIO, record: dict[str, Any]) -> None:
    file.write(json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")
