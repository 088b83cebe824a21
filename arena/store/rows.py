"""Turns and episodes as rows of the store, and back."""

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from types import UnionType
from typing import Any

from arena.errors import StoreError
from arena.protocol.base import Failure, failure_from_json, failure_to_json
from arena.records import Episode, EpisodeKey, Turn
from envs.base import Task

TURN_COLUMNS = (
    "episode_id",
    "idx",
    "reply",
    "thought",
    "action",
    "failure_kind",
    "failure",
    "outcome",
    "valid",
    "progress",
    "success",
    "subgoals",
    "scores",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "thought_tokens",
    "latency_s",
    "env_s",
    "prompt_hash",
    "dropped_items",
)
INSERT_TURN = f"INSERT INTO turn ({', '.join(TURN_COLUMNS)}) VALUES ({', '.join('?' * len(TURN_COLUMNS))})"  # noqa: S608


def turn_values(episode_id: int, turn: Turn) -> tuple[Any, ...]:
    """Return a turn's values in the order of `TURN_COLUMNS`."""
    failure = turn.failure
    return (
        episode_id,
        turn.index,
        turn.reply,
        turn.thought,
        turn.action,
        failure.kind.value if failure else None,
        to_json(failure_to_json(failure)) if failure else None,
        turn.outcome,
        turn.valid,
        turn.progress,
        turn.success,
        to_json(turn.subgoals),
        to_json(turn.scores),
        turn.finish_reason,
        turn.prompt_tokens,
        turn.completion_tokens,
        turn.cached_tokens,
        turn.thought_tokens,
        turn.latency_s,
        turn.env_s,
        turn.prompt_hash,
        turn.dropped_items,
    )


_WHOLE = ("idx", "valid", "success", "prompt_tokens", "completion_tokens", "cached_tokens", "thought_tokens")
_KINDS: Mapping[str, type | UnionType] = {
    **dict.fromkeys(("reply", "thought", "outcome", "finish_reason", "prompt_hash"), str),
    **dict.fromkeys(("contestant", "task", "task_hash", "goal", "first_observation", "error"), str),
    **dict.fromkeys((*_WHOLE, "dropped_items", "turns", "seed", "repeat", "attempt"), int),
    **dict.fromkeys(("progress", "latency_s", "env_s", "started_at", "ended_at"), int | float),
    "action": str | None,
}
"""What is in a column: SQLite keeps whatever is written into it."""


def check_row(row: sqlite3.Row) -> None:
    """Raise `StoreError` where a column of a row holds what Arena never writes there."""
    for column in row.keys():  # noqa: SIM118  (a row is a sequence of its values)
        kind, value = _KINDS.get(column), row[column]
        is_right = kind is None or isinstance(value, kind)
        if is_right and isinstance(value, float):
            is_right = -1e-9 <= value <= 1 + 1e-9 if column == "progress" else math.isfinite(value)
        if not is_right:
            raise StoreError(f"the column {column} of the run holds {value!r:.40}", "was it edited?")


def turn_from_row(row: sqlite3.Row, observation: str) -> Turn:
    """Return a row of `turn` as a Turn; `observation` is the outcome of the turn before.

    Raises `StoreError` where it is not as written.
    """
    check_row(row)
    return Turn(
        index=row["idx"],
        observation=observation,
        reply=row["reply"],
        thought=row["thought"],
        action=row["action"],
        failure=failure_from_row(row),
        outcome=row["outcome"],
        valid=bool(row["valid"]),
        progress=row["progress"],
        success=bool(row["success"]),
        subgoals=json_from_row(row, "subgoals"),
        scores=json_from_row(row, "scores"),
        finish_reason=row["finish_reason"],
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        cached_tokens=row["cached_tokens"],
        thought_tokens=row["thought_tokens"],
        latency_s=row["latency_s"],
        env_s=row["env_s"],
        prompt_hash=row["prompt_hash"],
        dropped_items=row["dropped_items"],
    )


def read_turns(db: sqlite3.Connection, episode_id: int, first_observation: str) -> list[Turn]:
    """Return an episode's turns in order; each sees the outcome of the one before."""
    turns: list[Turn] = []
    for row in db.execute("SELECT * FROM turn WHERE episode_id = ? ORDER BY idx", (episode_id,)):
        turns.append(turn_from_row(row, turns[-1].outcome if turns else first_observation))
    return turns


def episode_from_row(row: sqlite3.Row) -> Episode:
    """Return a row of `episode` as an Episode. Raises `StoreError` where it is not as written."""
    check_row(row)
    return Episode(
        id=row["id"],
        key=EpisodeKey(row["contestant"], row["task"], row["task_hash"], row["seed"], row["repeat"]),
        status=row["status"],
        attempt=row["attempt"],
        goal=row["goal"],
        first_observation=row["first_observation"],
        turns=row["turns"],
        progress=row["progress"],
        success=bool(row["success"]),
        error=row["error"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


def task_to_json(task: Task) -> str:
    """Return the whole task as JSON."""
    return to_json(asdict(task))


def task_from_json(text: str) -> Task:
    """Return the task that `task_to_json` wrote. Raises `StoreError` where it is not as written."""
    with _as_written("a task"):
        return Task(**json.loads(text))


def failure_from_row(row: sqlite3.Row) -> Failure | None:
    """Return why a row of `turn` holds no action. Raises `StoreError` where that is not as written."""
    with _as_written("a turn's failure"):
        return failure_from_json(json.loads(row["failure"])) if row["failure"] else None


def json_from_row(row: sqlite3.Row, column: str) -> Any:
    """Return the JSON object of one column. Raises `StoreError` where it holds none."""
    with _as_written(f"the column {column}"):
        found = json.loads(row[column])
        if not isinstance(found, dict):
            raise TypeError("it is no object")
        return found


@contextmanager
def _as_written(what: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StoreError(f"{what} of the run can't be read: {error}", "was it edited?") from None


def to_json(value: Mapping[str, Any]) -> str:
    """Return compact JSON, the text as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
