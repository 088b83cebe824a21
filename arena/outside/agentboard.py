"""AgentBoard's log folder (utils/logging/logger.py): `logs/TASK.jsonl`, a record an episode.

The records are JSON, one after the other, each over many lines. A record has the goal, the actions, what was
observed, the progress rate after each step, and the episode's grounding accuracy. It has neither the first
observation (the first step's takes its place) nor what the model wrote around its action, nor tokens.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arena.outside.lines import MAX_FILE_BYTES, BadLog, parsed
from arena.outside.recorded import Recorded, as_number, object_of, text_of, whole
from arena.records import Turn

MAX_TURNS = 10_000
_TURN = "Interaction Turn "


def is_log_folder(path: Path) -> bool:
    """Tell whether a folder looks like one of AgentBoard's."""
    return (path / "logs").is_dir() and any((path / "logs").glob("*.jsonl"))


def read_agentboard(folder: Path) -> Iterator[Recorded]:
    """Yield the episodes of all tasks in a log folder. Raises `BadLog`."""
    for path in sorted((folder / "logs").glob("*.jsonl")):
        if path.is_file() and not path.is_symlink():
            for number, record in enumerate(_records(path)):
                yield _recorded(record, path.stem, folder.resolve().name, f"{path}, record {number}")


def _records(path: Path) -> Iterator[Any]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadLog(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadLog(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise BadLog(f"{path} can't be read: {error.strerror}") from None
    decoder, at = json.JSONDecoder(), 0
    while True:
        while at < len(text) and text[at] in " \t\r\n":
            at += 1
        if at == len(text):
            return
        try:
            begin, (_, at) = at, decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            line = text.count("\n", 0, getattr(error, "pos", at)) + 1
            raise BadLog(f"{path}:{line}: not JSON: {error}"[:300]) from None
        yield parsed(text[begin:at])[0]


def _recorded(value: Any, benchmark: str, contestant: str, place: str) -> Recorded:
    record = object_of(value, place, "it")
    goal = record.get("goal")
    goal = text_of(goal, place, "goal") if goal is not None else ""
    kind = record.get("task_name")
    index = f"{whole(kind)}/{record.get('id')}" if isinstance(kind, str) else str(record.get("id"))
    progress = as_number(record.get("progress_rate"), place)
    grounding = as_number(record.get("grounding_acc"), place)
    turns = _turns(object_of(record.get("trajectory") or {}, place, "trajectory"), place)
    return Recorded(
        contestant=whole(contestant),
        benchmark=benchmark,
        index=whole(index),
        content="",
        turns=turns,
        goal=goal,
        progress=progress,
        success=record.get("is_done") is True,
        theirs={
            name: value
            for name, value in (("progress_rate", progress), ("grounding_acc", grounding))
            if value is not None
        },
        grading={"by": "progress_rate"},
        grounding=grounding,
        has_turns=bool(turns),
    )


def _turns(trajectory: dict[str, Any], place: str) -> list[Turn]:
    steps = []
    for name, step in trajectory.items():
        number = name.removeprefix(_TURN)
        if not name.startswith(_TURN) or not number.isdecimal() or len(number) > 5:
            raise BadLog(f"{place}: {name[:40]!a} is no {_TURN.strip()!r}")
        steps.append((int(number), object_of(step, place, name)))
    turns: list[Turn] = []
    reached = 0.0
    for _, step in sorted(steps, key=lambda pair: pair[0])[:MAX_TURNS]:
        action = step.get("Action")
        if not isinstance(action, str):
            continue  # the goal alone, of an episode without a step
        reached = max(reached, as_number(step.get("Progress Rate", reached), place) or 0.0)
        observation = step.get("Observation")
        turns.append(
            Turn(
                index=len(turns),
                observation=turns[-1].outcome if turns else "",
                reply=whole(action),
                thought="",
                action=whole(action),
                failure=None,
                outcome=whole(observation) if isinstance(observation, str) else "",
                valid=True,
                progress=reached,
                success=False,
            )
        )
    return turns
