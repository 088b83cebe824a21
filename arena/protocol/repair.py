"""What a repair would have made of a broken call: a diagnosis, never played.

Two means: `json-repair` for text that is not JSON, and the call forms of other model families for JSON of the
wrong shape (one call in a list, OpenAI's nested `function`, `parameters` for `arguments`, arguments left
out, names beside the two). Names that nobody's format has, such as `{"tool": …}`, are not guessed.
json-repair's work is bounded by counting the characters it reads, so the verdict never depends on the clock.
"""

import json
from collections.abc import Mapping
from typing import Any

from json_repair import repair_json

from arena.protocol.base import Failure
from arena.protocol.call import Call, call_in, canonical
from arena.protocol.schema import check
from arena.protocol.strict_json import NotJson, read
from arena.protocol.tools import Tool

MAX_CHARS = 4096
MAX_READS = 100_000
"""json-repair reads a repairable call two to five times; nested rubbish it reads hundreds of times."""


def repaired_text(text: str, tools: Mapping[str, Tool]) -> str | None:
    """Return the canonical call that json-repair makes of a text, where that is a call the tools allow."""
    value = _repaired(text)
    return None if value is None else repaired_value(value, tools)


def repaired_value(value: Any, tools: Mapping[str, Tool]) -> str | None:
    """Return the canonical call that a JSON value means in some family's form, where the tools allow it."""
    plain = _plain_call(value)
    return allowed(plain, tools) if isinstance(plain, Call) else None


def repaired_json(text: str) -> str | None:
    """Return the JSON object or array that json-repair makes of a text, where there is anything in it."""
    value = _repaired(text)
    try:
        return json.dumps(value, ensure_ascii=False) if value and isinstance(value, dict | list) else None
    except (TypeError, ValueError, RecursionError):
        return None


def allowed(call: Call, tools: Mapping[str, Tool]) -> str | None:
    """Return a call in canonical JSON where the tools allow it, else None."""
    return None if check(call, tools) else call.canonical


class _OutOfReads(Exception):
    pass


class _MeteredText(str):
    """A text that can be read for so long only."""

    reads = 0

    def __getitem__(self, key: Any) -> str:
        found = super().__getitem__(key)
        self.reads += len(found)
        if self.reads > MAX_READS:
            raise _OutOfReads
        return found


def _repaired(text: str) -> Any:
    if len(text) > MAX_CHARS:
        return None
    try:
        return repair_json(_MeteredText(text), return_objects=True, skip_json_loads=True)
    except (_OutOfReads, RecursionError):
        return None
    except Exception:  # noqa: BLE001 - a heuristic parser on hostile text: whatever it trips over, no repair
        return None


def _plain_call(value: Any) -> Call | Failure | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    arguments = value.get("arguments", value.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = _repaired(arguments)
    if not isinstance(arguments, dict):
        return None
    try:
        # through text and back, so that a repair obeys the same limits as a reply
        return call_in(read(canonical(value["name"], arguments)))
    except (NotJson, ValueError, TypeError, RecursionError):
        return None
