"""Tools as published by an environment, made ready to check calls against.

A tool is OpenAI's function format with a JSON Schema (Draft 2020-12) for its arguments. No reference leaves
the schema, formats are a fixed set (so that a verdict does not depend on what else is installed), `pattern`
looks at strings of bounded length only, and `uniqueItems` takes linear time.
"""

import datetime
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from arena.errors import UsageError

MAX_PATTERN_CHARS = 4096
"""Longer strings match no pattern: an innocent one such as `[a-z]+@` takes quadratic time."""

NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
"""What OpenAI's format means by leaving `parameters` out."""

_SAYS_WHICH_NAMES = frozenset(
    {
        *("additionalProperties", "unevaluatedProperties", "patternProperties", "propertyNames"),
        *("allOf", "anyOf", "oneOf", "if", "dependentSchemas", "$ref", "$dynamicRef"),
    }
)


@dataclass(frozen=True)
class Tool:
    """One tool. `schema` describes its arguments; `validator` checks them."""

    name: str
    description: str
    schema: Mapping[str, Any]
    validator: Any


def toolbox(tools: Sequence[Mapping[str, Any]]) -> Mapping[str, Tool]:
    """Return tools by name, compiled; the same tools are compiled once. Raises `UsageError`."""
    try:
        text = json.dumps(list(tools), default=dict)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the tools are not JSON: {error}") from error
    return _compiled(text)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Mapping[str, Tool]:
    return {tool.name: tool for tool in map(_tool, json.loads(text))}


def _tool(described: Mapping[str, Any]) -> Tool:
    function = described.get("function", described)
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not name:
        raise UsageError(f"a tool has no name: {json.dumps(described)[:100]}")
    schema = _closed(function.get("parameters", NO_ARGUMENTS))
    try:
        Draft202012Validator.check_schema(schema)
        _check_references(schema)
        validator = _Validator(schema, registry=Registry(), format_checker=_FORMATS)
        next(validator.iter_errors({}), None)  # a reference to itself shows here, not in the middle of a run
    except SchemaError as error:
        raise UsageError(f"the schema of tool {name!r} is broken: {error.message}") from error
    except Unresolvable as error:
        raise UsageError(f"the schema of tool {name!r} refers to {error.ref!r}, which it lacks") from error
    except RecursionError:
        raise UsageError(f"the schema of tool {name!r} never ends") from None
    return Tool(name, str(function.get("description", "")), schema, validator)


def _closed(schema: Any) -> Any:
    # Draft 2020-12 allows names that a schema does not list. A function takes the arguments it declares,
    # so a schema that lists names, and says nothing of others, is meant to be the whole list.
    if isinstance(schema, dict) and "properties" in schema and not _SAYS_WHICH_NAMES & schema.keys():
        return {**schema, "additionalProperties": False}
    return schema


def _check_references(schema: Any) -> None:
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    for reference in _references(schema):
        resolver.lookup(reference)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(schema.get(keyword), str):
                yield schema[keyword]
    members = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for member in members:
        yield from _references(member)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and (
        len(instance) > MAX_PATTERN_CHARS or re.search(pattern, instance) is None
    ):
        yield ValidationError(f"does not match {pattern}")


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(instance, list) and len({_identity(item) for item in instance}) < len(instance):
        yield ValidationError("has an item twice")


def _identity(value: Any) -> Any:
    # JSON Schema's equality: 1 is 1.0, but neither is true
    match value:
        case dict():
            return "object", frozenset((name, _identity(member)) for name, member in value.items())
        case list():
            return "array", tuple(map(_identity, value))
        case _:
            return isinstance(value, bool), value


_Validator = extend(Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique_items})
_FORMATS = FormatChecker(formats=("date", "email", "ipv4", "ipv6", "uuid"))
_RFC3339_TIME = r"\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    shaped = re.fullmatch(r"\d{4}-\d\d-\d\d[Tt]" + _RFC3339_TIME, value, re.ASCII)
    return shaped is not None and bool(datetime.datetime.fromisoformat(value.upper()))


@_FORMATS.checks("time", raises=ValueError)
def _is_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    shaped = re.fullmatch(_RFC3339_TIME, value, re.ASCII)
    return shaped is not None and datetime.time.fromisoformat(value.upper()) is not None
