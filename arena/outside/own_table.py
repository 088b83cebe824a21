"""Our runs as a table, one row a turn, in CSV or Parquet.

What is long stands once: the plan in the first row, a task in the first row of its first episode, an
episode's head in its first row. An episode without turns has one row without an index. Objects are JSON.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from arena.errors import UsageError
from arena.outside.lines import MAX_LINE_BYTES, BadLog, parsed
from arena.outside.own import (
    NUMBER,
    TURN_FIELDS,
    Whole,
    checked_plan,
    head_record,
    read_run,
    task_of,
    task_record,
    turn_record,
    whole_of,
)
from envs.base import Task

IDENTITY = ("contestant", "task", "task_hash", "seed", "repeat")
"""Columns that every row has; the columns of the turn follow, then what stands once."""
ONCE = ("episode", "task_data", "plan")
COLUMNS = (*IDENTITY, *TURN_FIELDS, *ONCE)
INTEGERS = frozenset({"seed", "repeat", *(name for name, kind in TURN_FIELDS.items() if kind is int)})
FLOATS = frozenset(name for name, kind in TURN_FIELDS.items() if kind == NUMBER)
BOOLEANS = frozenset(name for name, kind in TURN_FIELDS.items() if kind is bool)
OBJECTS = frozenset(name for name, kind in TURN_FIELDS.items() if kind in (dict, (dict, type(None))))

ROWS_A_GROUP = 1000

Row = dict[str, Any]


def write_csv(run: Path, file: TextIO) -> None:
    """Write a run as CSV (RFC 4180, UTF-8). `file` must be open with `newline=""`."""
    writer = csv.DictWriter(file, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(_rows(run))


def write_parquet(run: Path, path: Path) -> None:
    """Write a run as Parquet. Raises `UsageError` where pyarrow is not installed."""
    arrow, parquet = _arrow()
    types = {
        **dict.fromkeys(INTEGERS, arrow.int64()),
        **dict.fromkeys(FLOATS, arrow.float64()),
        **dict.fromkeys(BOOLEANS, arrow.bool_()),
    }
    schema = arrow.schema([(name, types.get(name, arrow.string())) for name in COLUMNS])
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in _grouped(_rows(run)):
            writer.write_table(arrow.Table.from_pylist(rows, schema))


def read_csv(path: Path) -> tuple[dict[str, Any], Iterator[Whole]]:
    """Return the plan and the episodes of a CSV export. Raises `BadLog`."""
    return _read(path, _csv_rows(path))


def read_parquet(path: Path) -> tuple[dict[str, Any], Iterator[Whole]]:
    """Return the plan and the episodes of a Parquet export. Raises `BadLog`; without pyarrow `UsageError`."""
    return _read(path, _parquet_rows(path))


def _rows(run: Path) -> Iterator[Row]:
    plan, episodes = read_run(run)
    seen: set[str] = set()
    first: Row = {"plan": _json(plan)}
    for episode in episodes:
        key = episode.head.key
        identity = {name: getattr(key, name) for name in IDENTITY}
        once = first | {"episode": _json(head_record(episode))}
        first = {}
        if key.task_hash not in seen:
            seen.add(key.task_hash)
            once["task_data"] = _json(task_record(episode.task))
        for turn in episode.turns:
            yield identity | _cells(turn_record(turn)) | once
            once = {}
        if once:
            yield identity | once
    if first:
        yield first


def _cells(record: Mapping[str, Any]) -> Row:
    return {
        name: _json(value) if name in OBJECTS and value is not None else value
        for name, value in record.items()
    }


def _read(path: Path, rows: Iterator[tuple[int, Row]]) -> tuple[dict[str, Any], Iterator[Whole]]:
    number, first = next(rows, (0, {}))
    if not first.get("plan"):
        raise BadLog(f"{path} is no table of an Arena run: its first row has no plan")
    place = f"{path}, row {number}"
    return checked_plan(_value(first["plan"], place), place), _episodes(path, rows, first)


def _episodes(path: Path, rows: Iterable[tuple[int, Row]], first: Row) -> Iterator[Whole]:
    tasks: dict[str, Task] = {}
    head: Any = None
    turns: list[Row] = []
    begun = ""
    for number, row in _chained((1, first), rows):
        place = f"{path}, row {number}"
        if row.get("task_data"):
            task = task_of(_value(row["task_data"], place), place)
            tasks[task.hash] = task
        if row.get("episode"):
            if head is not None:
                yield whole_of(head, turns, tasks, begun)
            head, turns, begun = _value(row["episode"], place), [], place
        if row.get("index") is not None:
            turns.append(_turn(row, place))
    if head is not None:
        yield whole_of(head, turns, tasks, begun)


def _chained(first: tuple[int, Row], rows: Iterable[tuple[int, Row]]) -> Iterator[tuple[int, Row]]:
    yield first
    yield from rows


def _turn(row: Row, place: str) -> Row:
    turn = {name: row.get(name) for name in TURN_FIELDS}
    for name in OBJECTS:
        turn[name] = _value(turn[name], place) if turn[name] else None
    for name in ("reply", "thought", "outcome", "finish_reason", "prompt_hash"):
        turn[name] = turn[name] or ""
    # an empty cell is no action where there is a failure, and an empty action where there is none
    if not turn["action"]:
        turn["action"] = None if turn["failure"] else ""
    return turn


def _csv_rows(path: Path) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(MAX_LINE_BYTES)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if list(reader.fieldnames or ()) != list(COLUMNS):
                raise BadLog(f"{path} is no table of an Arena run: its columns are others")
            for row in reader:
                yield (
                    reader.line_num,
                    {name: _typed(name, row[name], path, reader.line_num) for name in COLUMNS},
                )
    except UnicodeDecodeError as error:
        raise BadLog(f"{path} is not UTF-8: {error.reason}") from None
    except (csv.Error, OSError) as error:
        raise BadLog(f"{path} can't be read: {error}") from None


def _typed(name: str, text: str | None, path: Path, line: int) -> Any:
    if not text:
        return None
    try:
        if name in INTEGERS:
            return int(text)
        if name in FLOATS:
            return float(text)
        return {"True": True, "False": False}[text] if name in BOOLEANS else text
    except (ValueError, KeyError):
        raise BadLog(f"{path}:{line}: {name} is of the wrong type") from None


def _parquet_rows(path: Path) -> Iterator[tuple[int, Row]]:
    arrow, parquet = _arrow()
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            if file.schema_arrow.names != list(COLUMNS):
                raise BadLog(f"{path} is no table of an Arena run: its columns are others")
            for batch in file.iter_batches(ROWS_A_GROUP):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadLog(f"{path} can't be read: {error}"[:300]) from None


def _value(text: Any, place: str) -> Any:
    value, problem = parsed(text) if isinstance(text, str) else (None, "no text")
    if problem:
        raise BadLog(f"{place}: a cell is {problem}")
    return value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _grouped(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    group: list[Row] = []
    for row in rows:
        group.append(row)
        if len(group) == ROWS_A_GROUP:
            yield group
            group = []
    if group:
        yield group


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow", "pip install pyarrow, or take --format jsonl or csv"
        ) from None
    return pyarrow, pyarrow.parquet
