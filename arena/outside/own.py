"""A run of ours as records (plain JSON values), and back: what all exports are made of.

An export holds the plan, the tasks, and of each episode that counts (attempts that were superseded are left
out) its head, its provenance and its turns. Records that come back are untrusted: every field is checked.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from arena.deciding import stopped_early
from arena.outside.lines import BadLog
from arena.outside.recorded import object_of
from arena.plan import contestant_names, read_plan
from arena.planned import what_is_wrong
from arena.protocol.base import failure_from_json, failure_to_json
from arena.records import Episode, EpisodeKey, Turn
from arena.store.files import connect
from arena.store.rows import episode_from_row, json_from_row, read_turns, task_from_json
from envs.base import Task

STOPPED = "stopped"
STATUSES = ("running", "done", "error")
ROUNDING = 1e-9
"""By so much sums of shares go beyond 1."""

NUMBER = (int, float)
_TASK = {
    "id": str,
    "benchmark": str,
    "source": str,
    "difficulty": str,
    "goal": str,
    "data": dict,
    "seed": int,
    "max_steps": int,
    "subset": (str, type(None)),
    "reply_tokens": (int, type(None)),
}
_HEAD = {
    "contestant": str,
    "task": str,
    "task_hash": str,
    "seed": int,
    "repeat": int,
    "attempt": int,
    "status": str,
    "goal": str,
    "first_observation": str,
    "error": str,
    "provenance": dict,
    "progress": NUMBER,
    "success": bool,
    "started_at": NUMBER,
    "ended_at": NUMBER,
}
TURN_FIELDS = {
    "index": int,
    "reply": str,
    "thought": str,
    "action": (str, type(None)),
    "failure": (dict, type(None)),
    "outcome": str,
    "valid": bool,
    "progress": NUMBER,
    "success": bool,
    "subgoals": dict,
    "scores": dict,
    "finish_reason": str,
    "prompt_tokens": int,
    "completion_tokens": int,
    "cached_tokens": int,
    "thought_tokens": int,
    "latency_s": NUMBER,
    "env_s": NUMBER,
    "prompt_hash": str,
    "dropped_items": int,
}


@dataclass(frozen=True)
class Whole:
    """One episode with all that is recorded of it."""

    head: Episode
    provenance: Mapping[str, Any]
    turns: Sequence[Turn]
    task: Task


def read_run(run: Path) -> tuple[dict[str, Any], Iterator[Whole]]:
    """Return a run's plan, and its episodes by contestant (the baseline's first). Raises `StoreError`.

    Where the run was stopped for what it showed, the plan says why (`STOPPED`): its intervals depend on it.
    """
    with closing(connect(run)) as db:
        why = stopped_early(db)
    return read_plan(run) | ({STOPPED: why} if why else {}), _episodes(run)


def _episodes(run: Path) -> Iterator[Whole]:
    db = connect(run)
    try:
        tasks = {row["hash"]: row["data"] for row in db.execute("SELECT hash, data FROM task")}
        for name in contestant_names(run):
            query = "SELECT * FROM episode WHERE contestant = ? AND status != 'superseded' ORDER BY id"
            for row in db.execute(query, (name,)):
                head = episode_from_row(row)
                turns = read_turns(db, head.id, head.first_observation)
                yield Whole(
                    head, json_from_row(row, "provenance"), turns, task_from_json(tasks[row["task_hash"]])
                )
    finally:
        db.close()


def task_record(task: Task) -> dict[str, Any]:
    """Return a task as a record."""
    return asdict(task)


def head_record(episode: Whole) -> dict[str, Any]:
    """Return an episode as a record, without its turns."""
    head = episode.head
    return {
        **asdict(head.key),
        **{name: getattr(head, name) for name in ("attempt", "status", "goal", "first_observation", "error")},
        **{name: getattr(head, name) for name in ("progress", "success", "started_at", "ended_at")},
        "provenance": dict(episode.provenance),
    }


def turn_record(turn: Turn) -> dict[str, Any]:
    """Return a turn as a record; what it saw is the outcome of the one before."""
    record = {name: getattr(turn, name) for name in TURN_FIELDS}
    record["failure"] = failure_to_json(turn.failure) if turn.failure else None
    record["subgoals"], record["scores"] = dict(turn.subgoals), dict(turn.scores)
    return record


def task_of(record: Any, place: str) -> Task:
    """Read a task; exports of older runs say nothing of grading. Raises `BadLog`."""
    fields = object_of(record, place, "it")
    grading = object_of(fields.get("grading", {}), place, "grading")
    if not all(isinstance(value, str) for value in grading.values()):
        raise BadLog(f"{place}: grading is missing or of the wrong type")
    asked = object_of(fields.get("asked", {}), place, "asked")
    return Task(**_checked(fields, _TASK, place), grading=grading, asked=asked)


def whole_of(head: Any, turns: Sequence[Any], tasks: Mapping[str, Task], place: str) -> Whole:
    """Read an episode; `tasks` by hash. Raises `BadLog`."""
    fields = _checked(head, _HEAD, place)
    if fields["status"] not in STATUSES:
        raise BadLog(f"{place}: status is not one of {', '.join(STATUSES)}")
    if fields["task_hash"] not in tasks:
        raise BadLog(f"{place}: its task is not in the file")
    if not 0 <= fields["progress"] <= 1 + ROUNDING:
        raise BadLog(f"{place}: progress is not from 0 to 1")
    provenance = _checked_provenance(fields.pop("provenance"), place)
    names = ("contestant", "task", "task_hash", "seed", "repeat")
    key = EpisodeKey(**{name: fields.pop(name) for name in names})
    read = turns_of(turns, fields["first_observation"], place)
    return Whole(Episode(id=0, key=key, turns=len(read), **fields), provenance, read, tasks[key.task_hash])


def turns_of(records: Sequence[Any], first_observation: str, place: str) -> list[Turn]:
    """Read an episode's turns. Raises `BadLog`."""
    turns: list[Turn] = []
    for number, record in enumerate(records):
        fields = _checked(record, TURN_FIELDS, f"{place}, turn {number}")
        if fields["index"] != number:
            raise BadLog(f"{place}: turn {number} is missing, or stands elsewhere")
        try:
            failure = failure_from_json(fields.pop("failure") or {}) if fields["failure"] else None
        except ValueError as error:
            raise BadLog(f"{place}, turn {number}: {error}") from None
        fields.pop("failure", None)
        seen = turns[-1].outcome if turns else first_observation
        turns.append(Turn(observation=seen, failure=failure, **fields))
    return turns


def checked_plan(value: Any, place: str) -> dict[str, Any]:
    """Return a plan that has what reports and screens need of it. Raises `BadLog`."""
    document = object_of(value, place, "the plan")
    try:
        json.dumps(document, allow_nan=False)
    except (ValueError, RecursionError):
        raise BadLog(f"{place}: the plan holds numbers that are none") from None
    if wrong := what_is_wrong(document):
        raise BadLog(f"{place}: the plan is not as Arena writes it: {wrong}")
    return document


def _checked_provenance(provenance: dict[str, Any], place: str) -> dict[str, Any]:
    absent = provenance.get("absent", [])
    if not isinstance(absent, list) or not all(isinstance(each, str) for each in absent):
        raise BadLog(f"{place}: provenance.absent is no list of names")
    kinds: Mapping[str, Any] = {"grounding": NUMBER, "grading_version": int}
    for name in kinds.keys() & {key for key, value in provenance.items() if value is not None}:
        if not isinstance(provenance[name], kinds[name]):
            raise BadLog(f"{place}: provenance.{name} is of the wrong type")
    return provenance


def _checked(record: Any, types: Mapping[str, Any], place: str) -> dict[str, Any]:
    fields = object_of(record, place, "it")
    for name, wanted in types.items():
        value = fields.get(name)
        fits = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
        if not fits or not _is_finite(value):
            raise BadLog(f"{place}: {name} is missing or of the wrong type")
        if isinstance(value, int) and abs(value) >= 2**63:
            raise BadLog(f"{place}: {name} is too large")
    return {name: fields.get(name) for name in types}


def _is_finite(value: Any) -> bool:
    """Tell whether no number in a value is NaN or infinite: SQLite reads no JSON that has them."""
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
