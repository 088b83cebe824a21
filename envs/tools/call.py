"""Tool calls written as text: `NAME with Action Input: {arguments}`, on one line.

From AgentBoard (agentboard/utils/tool/helpers.py), which evaluates the arguments as Python. Here they are
read as JSON, or else as a Python literal, within limits. Python's sets, bytes and complex numbers are
refused: a set has no order, so that what a tool says of one differs from process to process.
"""

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envs.base import parse_call

MAX_ARGUMENT_CHARS = 50_000
MAX_LITERAL_CHARS = 20_000
MAX_DEPTH = 50
"""How deep brackets may nest in the arguments (those inside strings count too)."""
MAX_INTEGER = 10**300
"""A larger integer is no number for a tool: a double does not hold it, and Python won't write it out."""

_MARK = re.compile(r"\bwith\s*+Action Input:")


class BadArguments(ValueError):
    """What stands where the arguments should is neither a JSON object nor a Python dict, or is too much."""


@dataclass(frozen=True)
class Call:
    """One tool call. `arguments` come from outside: any types, any names."""

    name: str
    arguments: Mapping[str, Any]


def read(action: str) -> Call | None:
    """Read a call, also one written as JSON; None where the action is neither. Raises `BadArguments`."""
    if action.lstrip().startswith("{"):
        _check_size(action)
        call = parse_call(action)
        return Call(call["name"], _checked(call["arguments"])) if call else None
    line = action.strip().partition("\n")[0]
    mark = _MARK.search(line)
    if mark is None:
        return None
    name = line[: mark.start()].removeprefix("Action:").strip()
    return Call(name, _arguments(line[mark.end() :].strip()))


def write(call: Call) -> str:
    """Return the line that `read` reads as this call."""
    text = json.dumps(call.arguments, ensure_ascii=False)
    if len(text.splitlines()) > 1 or not text.isprintable():
        text = json.dumps(call.arguments)
    return f"{call.name} with Action Input: {text}"


def _arguments(text: str) -> Mapping[str, Any]:
    _check_size(text)
    value = _value(text)
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise BadArguments("the arguments are not an object with named values")
    return _checked(value)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    if len(text) > MAX_LITERAL_CHARS:
        raise BadArguments("the arguments are not JSON")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise BadArguments("the arguments are neither JSON nor a Python literal") from None


def _checked(arguments: dict[str, Any]) -> dict[str, Any]:
    left: list[Any] = [arguments]
    while left:
        match left.pop():
            case dict() as value:
                left += value.keys()
                left += value.values()
            case list() | tuple() as value:
                left += value
            case int() as value if abs(value) > MAX_INTEGER:
                raise BadArguments("a number in the arguments is too large")
            case None | str() | int() | float():
                pass
            case value:
                raise BadArguments(f"the arguments hold a Python {type(value).__name__}")
    return arguments


def _check_size(text: str) -> None:
    if len(text) > MAX_ARGUMENT_CHARS or _depth(text) > MAX_DEPTH:
        raise BadArguments("the arguments are too long or too deep")


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "[{(":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]})":
            depth -= 1
    return deepest
