"""The shape of a tool call: an object with a name and arguments, in the forms that model families write.

Accepted are `{"name": string, "arguments": object}`, with the arguments also as a string that holds the
object (OpenAI's wire form), and nothing beside the two. A family's marker allows what the family writes:

- `<tool_call>` … `</tool_call>` (Hermes, Qwen): the call as above; either marker may be missing;
- `[TOOL_CALLS]` (Mistral): a list with exactly one call, which may carry an `id`;
- `<|python_tag|>` (Llama 3): `parameters` for `arguments`, and a `type`.

All else is the wrong shape, such as OpenAI's `{"type": "function", "function": {…}}`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arena.protocol.base import Failure, FailureKind
from arena.protocol.quoting import Path, Span, described, json_path, names_of
from arena.protocol.strict_json import Document, NotJson, read, skip_space

HERMES, MISTRAL, LLAMA = "<tool_call>", "[TOOL_CALLS]", "<|python_tag|>"
HERMES_END = "</tool_call>"

_EXTRA_NAMES = {MISTRAL: ("id",), LLAMA: ("type",)}


@dataclass(frozen=True)
class Call:
    """A tool call, and where its parts stand in the reply."""

    name: str
    arguments: Mapping[str, Any]
    document: Document
    prefix: Path
    """Where the arguments stand in the document."""

    @property
    def name_span(self) -> Span:
        """Where the name stands."""
        return self.document.values[(*self.prefix[:-1], "name")]

    def span(self, path: Path, *, with_name: bool) -> Span:
        """Return where an argument, or a part of one, stands; `with_name`: from its name on.

        Where the arguments are written as a string, that is the string.
        """
        whole = (*self.prefix, *path)
        if whole not in self.document.values:
            return self.document.values[self.prefix]
        start, end = self.document.values[whole]
        return (self.document.names[whole][0] if with_name else start), end

    @property
    def canonical(self) -> str:
        """The call as JSON without white space, arguments in the reply's order: what an environment gets."""
        return canonical(self.name, self.arguments)


def canonical(name: str, arguments: Mapping[str, Any]) -> str:
    """Write a call as canonical JSON. Raises `ValueError` or `TypeError` where it holds no JSON value."""
    call = {"name": name, "arguments": arguments}
    return json.dumps(call, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def call_in(document: Document, marker: str = "") -> Call | Failure:
    """Return the call that a JSON value is, or how its shape is wrong."""
    value, base = document.value, ()  # type: Any, Path
    if marker == MISTRAL:
        if not isinstance(value, list) or len(value) != 1:
            return _wrong(document, (), "a list with one call", described(value))
        value, base = value[0], (0,)
    if not isinstance(value, dict):
        got = described(value)
        return _wrong(document, base, 'an object with "name" and "arguments"', got)
    if not isinstance(value.get("name"), str):
        return _wrong_member(document, base, value, "name", "a string")
    key = "parameters" if marker == LLAMA and "arguments" not in value else "arguments"
    arguments = value.get(key)
    if isinstance(arguments, str):
        arguments = _object_in(arguments)
    if not isinstance(arguments, dict):
        return _wrong_member(document, base, value, key, "an object")
    for name in value:
        if name not in ("name", key, *_EXTRA_NAMES.get(marker, ())):
            expected = f'only "name" and "{key}"'
            return _wrong(document, (*base, name), expected, described(value[name]), shown=(name,))
    return Call(value["name"], arguments, document, (*base, key))


def _object_in(text: str) -> Any:
    start = skip_space(text, 0)
    try:
        document = read(text, start)
    except NotJson:
        return None
    return document.value if skip_space(text, document.span[1]) == len(text) else None


def _wrong_member(
    document: Document, base: Path, value: Mapping[str, Any], name: str, expected: str
) -> Failure:
    if name in value:
        return _wrong(document, (*base, name), expected, described(value[name]), shown=(name,))
    return _wrong(document, base, expected, f"only {names_of(value)}" if value else "nothing", shown=(name,))


def _wrong(document: Document, place: Path, expected: str, got: str, shown: Path = ()) -> Failure:
    span = document.values[place]
    return Failure(FailureKind.WRONG_SHAPE, span, expected, got, json_path(shown))
