"""The tools of each subset as published: OpenAI's function format, from `schemas/SUBSET.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from envs.base import ToolSchema


@dataclass(frozen=True)
class Signature:
    """What a tool takes: the names of all its arguments, and of those it can't do without."""

    arguments: frozenset[str]
    required: tuple[str, ...]


@cache
def tools(subset: str) -> tuple[ToolSchema, ...]:
    """Return a subset's tools; callers must not change them."""
    text = files("envs.tools").joinpath(f"schemas/{subset}.json").read_text(encoding="utf-8")
    return tuple(json.loads(text))


@cache
def signatures(subset: str) -> Mapping[str, Signature]:
    """Return what each tool of a subset takes, by tool name in published order."""
    functions = [tool["function"] for tool in tools(subset)]
    return {
        function["name"]: Signature(
            frozenset(function["parameters"]["properties"]), tuple(function["parameters"]["required"])
        )
        for function in functions
    }


@cache
def described(subset: str) -> str:
    """Return a subset's tools in words, a paragraph each, for agents that read text."""
    return "\n\n".join(in_words(tool["function"]) for tool in tools(subset))


def in_words(function: Mapping[str, Any]) -> str:
    """Return a tool in words: its name, arguments and what it does, then a line for each argument."""
    parameters = function["parameters"]
    properties, required = parameters["properties"], parameters["required"]
    lines = [f"{function['name']}({', '.join(properties)}): {function['description']}"]
    for name, schema in properties.items():
        optional = "" if name in required else ", optional"
        lines.append(f"- {name} ({_type(schema)}{optional}): {schema['description']}")
    return "\n".join(lines)


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    types: Sequence[str] | str = schema["type"]
    return types if isinstance(types, str) else " | ".join(types)
