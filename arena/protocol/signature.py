"""How a tool is shown to a model: a line like a function's signature, one more for each described argument.

`- move(room: string, speed?: "slow" | "fast"): Walk to a room.` is far shorter than its JSON Schema.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from arena.protocol import wording
from arena.protocol.quoting import literal
from arena.protocol.tools import Tool

MAX_DEPTH = 4


def signature(tool: Tool) -> str:
    """Return a tool's lines."""
    texts = wording.texts()["json"]
    line = texts["tool_with_description" if tool.description else "tool"]
    arguments = ", ".join(_arguments(tool.schema))
    head = line.format(name=tool.name, arguments=arguments, description=_one_line(tool.description))
    return "\n".join([head, *_descriptions(tool.schema)])


def type_words(schema: Any, depth: int = 0) -> str:
    """Return what a JSON Schema allows, in few words: `string`, `"a" | "b"`, `list of integer`, `any`."""
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return "any"
    if "enum" in schema:
        return " | ".join(map(literal, schema["enum"]))
    if "const" in schema:
        return literal(schema["const"])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " | ".join(dict.fromkeys(type_words(branch, depth + 1) for branch in schema[choice]))
    match schema.get("type"):
        case "array" if "items" in schema:
            return f"list of {type_words(schema['items'], depth + 1)}"
        case "object" if "properties" in schema:
            return "{" + ", ".join(_arguments(schema, depth + 1)) + "}"
        case str(name):
            return name
        case list(names):
            return " | ".join(map(str, names))
    return "any"


def _arguments(schema: Any, depth: int = 0) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        return
    required = schema.get("required", ())
    for name, argument in schema.get("properties", {}).items():
        mark = "" if name in required else "?"
        yield f"{name}{mark}: {type_words(argument, depth)}"


def _descriptions(schema: Any) -> Iterator[str]:
    members = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    for name, argument in members.items():
        if isinstance(argument, Mapping) and argument.get("description"):
            text = _one_line(str(argument["description"]))
            yield wording.texts()["json"]["argument"].format(name=name, description=text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
