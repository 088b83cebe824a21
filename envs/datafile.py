"""Reading records from the user's data files: whatever is wrong is one error that names file and line."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envs.errors import BadData

MAX_FILE_BYTES = 500_000_000
_SPACE = " \t\r\n"
_HALF_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def text_of(path: Path) -> str:
    """Return a file's text. Raises `BadData` where it can't be read, is too large or not UTF-8."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadData(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadData(f"{path}:{line} is not UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise BadData(f"{path} can't be read: {error.strerror}") from None


def array_items(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the items of a JSON array with the lines they begin in. Raises `BadData`."""
    for line, _, value in _items(path, "[]"):
        yield line, value


def object_items(path: Path) -> Iterator[tuple[int, str, Any]]:
    """Yield the members of a JSON object with the lines they begin in. Raises `BadData`."""
    yield from _items(path, "{}")


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the values of a file that holds one JSON value a line, with their lines. Raises `BadData`."""
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if line.strip():
            yield number, _parsed(path, number, line)


def json_value(text: str) -> Any:
    """Read one JSON value. Raises `ValueError` where it is none, or has half a character (a lone surrogate).

    Raises `RecursionError` where it nests too deep.
    """
    value = json.loads(text)
    check_characters(value, text)
    return value


def check_characters(value: Any, text: str, start: int = 0, end: int | None = None) -> None:
    """Raise `ValueError` where a value, read from this part of a text, has half a character in it.

    Such text can't be written as UTF-8, so that no model could be asked.
    """
    if not _HALF_ESCAPE.search(text, start, len(text) if end is None else end):
        return
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("half a character (a lone surrogate) in a text") from None


def _parsed(path: Path, number: int, line: str) -> Any:
    try:
        return json_value(line)
    except (ValueError, RecursionError) as error:
        raise BadData(f"{path}:{number} is not JSON: {error}"[:300]) from None


def _items(path: Path, brackets: str) -> Iterator[tuple[int, str, Any]]:
    text = text_of(path)
    starts = [-1, *(i for i, character in enumerate(text) if character == "\n")]
    decoder = json.JSONDecoder()

    def line(at: int) -> int:
        return bisect_right(starts, at - 1)

    def fail(at: int, what: str) -> BadData:
        return BadData(f"{path}:{line(at)}: {what}"[:300])

    def read(at: int) -> tuple[Any, int]:
        try:
            value, end = decoder.raw_decode(text, at)
            check_characters(value, text, at, end)
            return value, end
        except (ValueError, RecursionError) as error:
            raise fail(getattr(error, "pos", at), f"not JSON: {error}") from None

    at = _skip(text, 0)
    if text[at : at + 1] != brackets[0]:
        kind = "array" if brackets == "[]" else "object"
        raise fail(at, f"a JSON {kind} of records is expected")
    at = _skip(text, at + 1)
    if text[at : at + 1] == brackets[1]:
        return
    while True:
        begin, key = at, ""
        if brackets == "{}":
            key, at = read(at)
            at = _skip(text, at)
            if not isinstance(key, str) or text[at : at + 1] != ":":
                raise fail(begin, "a name and a colon are expected")
            at = _skip(text, at + 1)
        value, at = read(at)
        yield line(begin), key, value
        at = _skip(text, at)
        if text[at : at + 1] == brackets[1]:
            return
        if text[at : at + 1] != ",":
            raise fail(at, f"a comma or {brackets[1]} is expected")
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
