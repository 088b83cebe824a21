"""Actions as a person reads them: a tool call folded into one line, or unfolded with an argument a line."""

import json
from typing import Any

from envs.tools import call as tool_calls
from envs.tools.call import BadArguments, Call
from tui.literal import clipped, literal, literal_line

MOST_CHARS = 6_000
"""A longer action is drawn as the text that it is."""

FOLDED_CHARS = 240


def folded(action: str) -> str:
    """Return an action as one literal line: `name(argument=value, …)`, else its words, as far as they fit."""
    call = _call(action)
    if call is not None:
        inside = ", ".join(f"{name}={_json(value)}" for name, value in call.arguments.items())
        return literal_line(f"{call.name}({inside})", FOLDED_CHARS)
    return literal_line(action, FOLDED_CHARS)


def unfolded(action: str) -> str:
    """Return an action as literal lines: a call's name, and each argument; else the action as it is."""
    call = _call(action)
    if call is None or not call.arguments:
        return folded(action) if call else _cut(action.strip())
    arguments = [_argument(name, value) for name, value in call.arguments.items()]
    return "\n".join([literal_line(call.name, FOLDED_CHARS), *arguments])


def _call(action: str) -> Call | None:
    if len(action) > MOST_CHARS:
        return None
    try:
        return tool_calls.read(action)
    except (BadArguments, ValueError, RecursionError):
        return None


def _argument(name: str, value: Any) -> str:
    words = value if isinstance(value, str) else _json(value, indent=2)
    first, *more = _cut(words).split("\n")
    head = f"  {literal_line(name, 60)}: "
    return "\n".join([head + first, *(" " * 4 + line for line in more)])


def _json(value: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent)
    except (TypeError, ValueError):  # a Python literal may hold bytes or sets
        return repr(value)


def _cut(text: str) -> str:
    head, left_out, tail = clipped(text, MOST_CHARS)
    if not left_out:
        return literal(head)
    return f"{literal(head)}\n… {left_out:,} characters are not drawn …\n{literal(tail)}"
