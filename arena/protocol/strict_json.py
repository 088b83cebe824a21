"""A strict reader of one JSON value that knows where everything stood.

It accepts I-JSON (RFC 7493): every name once, no half surrogate pairs, numbers within a double's range; and,
as RFC 8259 section 9 allows, sets limits on nesting, number of values and length of numbers, so that no text
makes it slow. One pass from left to right; it never looks back.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from arena.protocol.quoting import Path, Span, excerpt

MAX_DEPTH = 32
MAX_VALUES = 10_000
MAX_NUMBER_CHARS = 320
MAX_SHOWN_CHARS = 12
"""How much is shown of what can't be read."""

_SPACE = re.compile(r"[ \t\n\r]*+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)((?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)")
_CUT_NUMBER = re.compile(r"(?:\.|[eE][+-]?)\Z")
_CUT_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,4})?\Z")
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_LITERALS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
_STRINGS = json.JSONDecoder()


@dataclass(frozen=True)
class Document:
    """One JSON value, where it stood, and where each value and each name in it stood, by path."""

    value: Any
    span: Span
    values: Mapping[Path, Span]
    names: Mapping[Path, Span]


class NotJson(Exception):
    """The text can't be read: where, what was expected, what was there. `cut`: the text ended too soon."""

    def __init__(self, span: Span, expected: str, got: str, cut: bool = False) -> None:
        super().__init__(f"at character {span[0]}: expected {expected}, got {got}")
        self.span = span
        self.expected = expected
        self.got = got
        self.cut = cut


def skip_space(text: str, at: int) -> int:
    """Return the offset of the first character from `at` on that is not JSON white space."""
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def read(text: str, start: int = 0) -> Document:
    """Read the JSON value that begins at `start`; text after it is not looked at. Raises `NotJson`."""
    reader = _Reader(text)
    value, end = reader.value(start, ())
    return Document(value, (start, end), reader.spans, reader.names)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: dict[Path, Span] = {}
        self.names: dict[Path, Span] = {}

    def value(self, at: int, path: Path) -> tuple[Any, int]:
        if len(path) > MAX_DEPTH:
            raise NotJson((at, at + 1), f"at most {MAX_DEPTH} levels of nesting", "more")
        if len(self.spans) >= MAX_VALUES:
            raise NotJson((at, at), f"at most {MAX_VALUES} values", "more")
        self.spans[path] = (at, at)  # counted when it begins: what never ends shall count too
        value: Any
        match self.text[at : at + 1]:
            case "{":
                value, end = self.object(at, path)
            case "[":
                value, end = self.array(at, path)
            case '"':
                value, end = self.string(at)
            case _:
                value, end = self.scalar(at)
        self.spans[path] = (at, end)
        return value, end

    def object(self, at: int, path: Path) -> tuple[dict[str, Any], int]:
        value: dict[str, Any] = {}
        at = skip_space(self.text, at + 1)
        if self.text[at : at + 1] == "}":
            return value, at + 1
        while True:
            if self.text[at : at + 1] != '"':
                self.fail(at, "a name in double quotes" if value else "a name in double quotes or '}'")
            name, end = self.string(at)
            if name in value:
                raise NotJson((at, end), "every name once", f"{self.shown(at, end)} again")
            inner = (*path, name)
            self.names[inner] = (at, end)
            at = skip_space(self.text, end)
            if self.text[at : at + 1] != ":":
                self.fail(at, "':'")
            value[name], at = self.value(skip_space(self.text, at + 1), inner)
            at = skip_space(self.text, at)
            match self.text[at : at + 1]:
                case "}":
                    return value, at + 1
                case ",":
                    at = skip_space(self.text, at + 1)
                case _:
                    self.fail(at, "',' or '}'")

    def array(self, at: int, path: Path) -> tuple[list[Any], int]:
        value: list[Any] = []
        at = skip_space(self.text, at + 1)
        if self.text[at : at + 1] == "]":
            return value, at + 1
        while True:
            item, at = self.value(at, (*path, len(value)))
            value.append(item)
            at = skip_space(self.text, at)
            match self.text[at : at + 1]:
                case "]":
                    return value, at + 1
                case ",":
                    at = skip_space(self.text, at + 1)
                case _:
                    self.fail(at, "',' or ']'")

    def string(self, at: int) -> tuple[str, int]:
        try:
            value, end = _STRINGS.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            raise self.broken_string(error) from None
        if _HALF_PAIR.search(value):
            raise NotJson((at, end), "Unicode text", "half a surrogate pair")
        return value, end

    def broken_string(self, error: json.JSONDecodeError) -> NotJson:
        if error.msg.startswith("Invalid control"):
            span = (error.pos, error.pos + 1)
            return NotJson(span, "an escape such as \\n", self.shown(*span))
        if error.msg.startswith("Invalid"):
            slash = self.text.rindex("\\", 0, error.pos + 1)
            if not _CUT_ESCAPE.match(self.text, slash):
                span = (slash, slash + 2)
                return NotJson(span, "an escape that JSON knows", self.shown(*span))
        size = len(self.text)
        return NotJson((size, size), "a closing '\"'", "the end", cut=True)

    def scalar(self, at: int) -> tuple[Any, int]:
        for word, value in _LITERALS.items():
            if self.text.startswith(word, at):
                return value, at + len(word)
        match = _NUMBER.match(self.text, at)
        if match is None:
            self.fail(at, "a value")
        if _CUT_NUMBER.match(self.text, match.end()):
            self.fail(len(self.text), "the rest of a number")
        if len(match[0]) > MAX_NUMBER_CHARS:
            got = f"{len(match[0])} characters"
            raise NotJson(match.span(), f"a number of at most {MAX_NUMBER_CHARS} characters", got)
        number = float(match[0]) if match[1] else int(match[0])
        if not _fits_double(number):
            raise NotJson(match.span(), "a number that fits a double", self.shown(*match.span()))
        return number, match.end()

    def fail(self, at: int, expected: str) -> NoReturn:
        rest = self.text[at : at + len("false")]
        cut = at + len(rest) == len(self.text) and (rest == "-" or any(w.startswith(rest) for w in _LITERALS))
        if cut and (not rest or expected == "a value"):
            raise NotJson((len(self.text), len(self.text)), expected, "the end", cut=True)
        raise NotJson((at, at + 1), expected, self.shown(at, at + MAX_SHOWN_CHARS))

    def shown(self, start: int, end: int) -> str:
        return excerpt(self.text[start:end])


def _fits_double(number: float) -> bool:
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False
