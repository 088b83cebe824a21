"""Looking at every record of a data file before it is let in.

What is wrong is one `BadData` that names file and line, never what the file holds. The benchmark's own reader
looks again afterwards; these checks make sure that it meets text, records and types that it can expect.
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from envs import datafile
from envs.errors import BadData
from envs.official.catalogue import DataFile

MAX_RECORD_BYTES = 8 * 2**20
"""Longest record: LongBench's longest documents have a tenth of it."""
MAX_STORY_BYTES = 2**20
_STORY_HEADER_BYTES = 64
_TABLE_COLUMNS = 6

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "int": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "any": lambda value: True,
}


def check(path: Path, file: DataFile) -> int:
    """Look through a file of a data set and return how many records it holds (1 where it has none inside).

    Where the file picks some records of several kinds (`file.only`), the others are taken out of it; there
    may be none left. Raises `BadData` naming file and line.
    """
    if file.form == "lines":
        return _pick(path, file) if file.only else _count(_line_records(path), path, file)
    if file.form == "array":
        return _count(datafile.array_items(path), path, file)
    if file.form == "object":
        return _count(((line, value) for line, _, value in datafile.object_items(path)), path, file)
    if file.form == "table":
        return _table(path)
    _WHOLE[file.form](path)
    return 1


def _line_records(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield records with their lines; a huge line is refused before it is read whole."""
    with path.open("rb") as stream:
        for number, raw in enumerate(iter(lambda: stream.readline(MAX_RECORD_BYTES + 1), b""), 1):
            if len(raw) > MAX_RECORD_BYTES:
                raise BadData(f"{path}:{number} is longer than {MAX_RECORD_BYTES:,} bytes")
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                if line.strip():
                    yield number, datafile.json_value(line)
            except UnicodeDecodeError as error:
                raise BadData(f"{path}:{number} is not UTF-8: {error.reason} at byte {error.start}") from None
            except (ValueError, RecursionError) as error:
                raise BadData(f"{path}:{number} is not JSON: {error}"[:300]) from None


def _count(records: Iterator[tuple[int, Any]], path: Path, file: DataFile) -> int:
    count = 0
    for line, record in records:
        _record(record, f"{path}:{line}", file)
        count += 1
    if not count:
        raise BadData(f"{path} holds no records")
    return count


def _pick(path: Path, file: DataFile) -> int:
    assert file.only
    name, wanted = file.only
    numbers = {line for line, record in _line_records(path) if _field(record, name) == wanted}
    lines = path.read_bytes().split(b"\n")
    if len(numbers) < sum(1 for line in lines if line.strip()):
        # the other kinds' records are another file's; line numbers stay what they are in the original
        path.write_bytes(b"\n".join(line if n in numbers else b"" for n, line in enumerate(lines, 1)))
    return _count(_line_records(path), path, file) if numbers else 0


def _record(record: Any, place: str, file: DataFile) -> None:
    if file.fields and not isinstance(record, dict):
        raise BadData(f"{place} is not a record (a JSON object)")
    for name, kind in file.fields.items():
        value = _field(record, name)
        if value is _ABSENT:
            raise BadData(f"{place} has no {name}")
        if not any(_TYPES[each](value) for each in kind.split("|")):
            raise BadData(f"{place}: {name} must be {kind.replace('|', ' or ')}, not {type(value).__name__}")
    try:
        size = len(json.dumps(record, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise BadData(f"{place} holds half a character (a lone surrogate)") from None
    if size > MAX_RECORD_BYTES:
        raise BadData(f"{place} is longer than {MAX_RECORD_BYTES:,} bytes")


_ABSENT = object()


def _field(record: Any, name: str) -> Any:
    for part in name.split("."):
        if not isinstance(record, dict) or part not in record:
            return _ABSENT
        record = record[part]
    return record


def _table(path: Path) -> int:
    count, rows = 0, csv.reader(io.StringIO(datafile.text_of(path), newline=""))
    try:
        for row in rows:
            if len(row) != _TABLE_COLUMNS:
                raise BadData(f"{path}:{rows.line_num} has {len(row)} columns, not {_TABLE_COLUMNS}")
            count += 1
    except csv.Error as error:
        raise BadData(f"{path}:{rows.line_num} is not CSV: {error}") from None
    if not count:
        raise BadData(f"{path} holds no rows")
    return count


def _text(path: Path) -> None:
    text = datafile.text_of(path)
    if not text.strip():
        raise BadData(f"{path} is empty")
    if "\0" in text:
        raise BadData(
            f"{path}:{text[: text.index(chr(0))].count(chr(10)) + 1} holds a zero byte: it is no text"
        )


def _pddl(path: Path) -> None:
    _text(path)
    if not re.search(r"\(\s*define\s*\(\s*problem\b", datafile.text_of(path), re.IGNORECASE):
        raise BadData(f"{path} is no PDDL problem: it defines none")


def _story(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as stream:
        header = stream.read(_STORY_HEADER_BYTES)
    if len(header) < _STORY_HEADER_BYTES or not 1 <= header[0] <= 8 or size > MAX_STORY_BYTES:
        raise BadData(f"{path} is no Z-machine story file")


def _workbook(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            archive.getinfo("xl/workbook.xml")
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise BadData(f"{path} is no .xlsx workbook: {error}"[:300]) from None


_WHOLE: Mapping[str, Callable[[Path], None]] = {
    "text": _text,
    "pddl": _pddl,
    "story": _story,
    "workbook": _workbook,
}
