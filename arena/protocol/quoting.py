"""How pieces of a reply, and values in it, are named in a failure: short, on one line, printable."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

Path = tuple[str | int, ...]
"""Where a value stands in a JSON value: names and indices from the outside in."""

Span = tuple[int, int]
"""Character offsets in a reply, end exclusive."""

MAX_EXCERPT_CHARS = 40
MAX_LIST_CHARS = 200


def excerpt(text: str, limit: int = MAX_EXCERPT_CHARS) -> str:
    """Return the beginning of a text, at most `limit` characters of it; what is not printable is escaped."""
    shown = "".join(map(_printable, text[:limit]))
    return shown + "…" if len(text) > limit else shown


def _printable(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")


def described(value: Any) -> str:
    """Return a JSON value's type and a look at it: `string "four"`, `array of 3`, `object with name, id`."""
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean {json.dumps(value)}"
        case int():
            return f"integer {excerpt(str(value))}"
        case float():
            return f"number {value}"
        case str():
            return f'string "{excerpt(value)}"'
        case list():
            return f"array of {len(value)}"
        case _:
            return f"object with {listed(value)}" if value else "empty object"


def listed(words: Iterable[str]) -> str:
    """Return words joined by commas, cut where the list gets long."""
    shown = ""
    for word in words:
        piece = excerpt(word)
        if len(shown) + len(piece) > MAX_LIST_CHARS:
            return shown + ", …"
        shown += f", {piece}" if shown else piece
    return shown


def literal(value: Any) -> str:
    """Return a value of a tool's schema as JSON, cut where it gets long."""
    return excerpt(json.dumps(value, ensure_ascii=False, default=dict), MAX_LIST_CHARS)


def json_path(path: Path) -> str:
    """Return a path as JSONPath (RFC 9535): `$.arguments.rooms[0]`, `$.arguments["odd name"]`."""
    return "$" + "".join(_step(step) for step in path)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    plain = step.isidentifier() and len(step) <= MAX_EXCERPT_CHARS
    return f".{step}" if plain else f"[{json.dumps(excerpt(step), ensure_ascii=False)}]"


def names_of(value: Mapping[str, Any]) -> str:
    """Return which names an object has, for a failure's `got`."""
    return listed(value) if value else "nothing"
