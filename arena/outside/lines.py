"""Reading JSON Lines that somebody else wrote: a line at a time, so that memory is flat for any file."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from arena.errors import ArenaError, UsageError

MAX_LINE_BYTES = 16 * 1024 * 1024
"""Longer lines are not read; the lines behind them are."""

MAX_FILE_BYTES = 1024 * 1024 * 1024
"""Larger files are not read where a file has to be read as a whole."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Row:
    """One line (from 1) of a file: its value, or the problem that it has none. `read_bytes` up to its end."""

    line: int
    value: Any
    problem: str
    read_bytes: int


class BadLog(ArenaError):
    """A log can't be read; the message names the file and, where known, the line."""


def rows(path: Path) -> Iterator[Row]:
    """Yield the lines of a file that are not blank. Raises `UsageError` where it can't be opened."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    with file:
        for number, raw, read_bytes in _lines(file):
            if raw is None:
                yield Row(number, None, f"longer than {MAX_LINE_BYTES:,} bytes", read_bytes)
            elif raw.strip():
                yield _row(number, raw, read_bytes)


def values(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield each line's number and value. Raises `BadLog` at the first line that has none."""
    for row in rows(path):
        if row.problem:
            raise BadLog(f"{path}:{row.line}: {row.problem}")
        yield row.line, row.value


def whole_file(path: Path) -> Any:
    """Return the value of a file that is one JSON text. Raises `BadLog`."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadLog(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
        value, problem = parsed(path.read_bytes().removeprefix(_BOM))
    except OSError as error:
        raise BadLog(f"{path} can't be read: {error.strerror}") from None
    if problem:
        raise BadLog(f"{path} is {problem}")
    return value


def parsed(text: str | bytes) -> tuple[Any, str]:
    """Return the value of a JSON text and no problem, or None and what is wrong with the text.

    Half surrogate pairs, which JSON can write and no file can hold, become U+FFFD.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        value = json.loads(decoded)
        if _SURROGATE.search(decoded):
            value = json.loads(whole(json.dumps(value, ensure_ascii=False)))
        return value, ""
    except UnicodeDecodeError as error:
        return None, f"not UTF-8: {error.reason} at byte {error.start}"
    except RecursionError:
        return None, "not JSON: nested too deeply"
    except ValueError as error:
        return None, f"not JSON: {error}"[:200]


def whole(text: str) -> str:
    """Return a text in which half surrogate pairs are U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None, int]]:
    number = read_bytes = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        read_bytes += len(raw)
        is_long = len(raw) > MAX_LINE_BYTES
        while len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
            raw = file.readline(MAX_LINE_BYTES + 1)
            read_bytes += len(raw)
        yield number, None if is_long else raw, read_bytes


def _row(number: int, raw: bytes, read_bytes: int) -> Row:
    value, problem = parsed(raw.removeprefix(_BOM) if number == 1 else raw)
    return Row(number, value, problem, read_bytes)
