import json as stdlib_json
from types import MappingProxyType
from typing import Any

import pytest

from arena.errors import UsageError
from arena.protocol.base import FailureKind, ReplyProtocol
from arena.protocol.signature import type_words
from arena.protocol.tools import toolbox


def tool(parameters: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": "do", "parameters": parameters}}]


def failure_kind(json: ReplyProtocol, parameters: Any, arguments: Any) -> FailureKind | None:
    reply = stdlib_json.dumps({"name": "do", "arguments": arguments})
    failure = json.parse(reply, "stop", tool(parameters)).failure
    return failure.kind if failure else None


def test_the_same_tools_are_compiled_once(tools: list[dict[str, Any]]) -> None:
    assert toolbox(tools) is toolbox([dict(tool) for tool in tools])


def test_tools_may_be_read_only_mappings(tools: list[dict[str, Any]]) -> None:
    assert set(toolbox([MappingProxyType(tool) for tool in tools])) == {"move", "look", "wait"}


def test_tools_may_come_without_their_wrapping(tools: list[dict[str, Any]]) -> None:
    assert set(toolbox([tool["function"] for tool in tools])) == {"move", "look", "wait"}


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ([{}], "a tool has no name"),
        ([{"function": {"name": ""}}], "a tool has no name"),
        ([{"function": 1}], "a tool has no name"),
        (tool({"type": "strin"}), "the schema of tool 'do' is broken: 'strin' is not valid"),
        (tool({"properties": {"a": {"pattern": "("}}}), "the schema of tool 'do' is broken"),
        (tool(None), "the schema of tool 'do' is broken"),
        (tool({"$ref": "#/$defs/a"}), "the schema of tool 'do' refers to '/\\$defs/a', which it lacks"),
        (tool({"properties": {"a": {"$ref": "http://127.0.0.1:9/a"}}}), "refers to 'http://127.0.0.1:9/a'"),
        (tool({"$ref": "#"}), "the schema of tool 'do' never ends"),
        ([{"function": {"name": "do", "parameters": {"default": object()}}}], "the tools are not JSON"),
    ],
)
@pytest.mark.parametrize("asked", ["parse", "describe"])
def test_a_broken_tool_is_a_usage_error(
    json: ReplyProtocol, tools: list[Any], message: str, asked: str
) -> None:
    with pytest.raises(UsageError, match=message):
        json.describe(tools) if asked == "describe" else json.parse("", "stop", tools)


@pytest.mark.parametrize(
    ("parameters", "arguments", "kind"),
    [
        ({"properties": {"a": {}}}, {"b": 1}, FailureKind.UNEXPECTED_ARGUMENT),
        ({"properties": {}}, {"b": 1}, FailureKind.UNEXPECTED_ARGUMENT),
        ({"properties": {"a": {}}, "additionalProperties": True}, {"b": 1}, None),
        (
            {"properties": {"a": {}}, "additionalProperties": {"type": "string"}},
            {"b": 1},
            FailureKind.WRONG_TYPE,
        ),
        ({"properties": {"a": {}}, "patternProperties": {"^b": {}}}, {"b": 1}, None),
        (
            {"properties": {"a": {}}, "patternProperties": {"^b": {}}, "additionalProperties": False},
            {"b": 1, "c": 1},
            FailureKind.UNEXPECTED_ARGUMENT,
        ),
        ({"unevaluatedProperties": False}, {"b": 1}, FailureKind.UNEXPECTED_ARGUMENT),
        ({"type": "object"}, {"b": 1}, None),
        ({}, {"b": 1}, None),
        (True, {"b": 1}, None),
        (False, {}, FailureKind.INVALID_VALUE),
    ],
)
def test_arguments_beside_the_listed_ones_are_refused_unless_the_schema_speaks_of_them(
    json: ReplyProtocol, parameters: Any, arguments: Any, kind: FailureKind | None
) -> None:
    assert failure_kind(json, parameters, arguments) == kind


@pytest.mark.parametrize(
    ("schema", "value", "kind"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None, None),
        ({"anyOf": [{"type": "string", "minLength": 2}, {"type": "null"}]}, "a", FailureKind.INVALID_VALUE),
        (
            {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
            [1],
            FailureKind.WRONG_TYPE,
        ),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, "c", FailureKind.INVALID_VALUE),
        ({"oneOf": [{"type": "integer"}, {"minimum": 1}]}, 2, FailureKind.INVALID_VALUE),
        ({"const": 1}, 2, FailureKind.INVALID_VALUE),
        ({"not": {"type": "string"}}, "a", FailureKind.INVALID_VALUE),
        ({"type": ["string", "integer"]}, None, FailureKind.WRONG_TYPE),
        ({"type": "object", "required": ["x"]}, {}, FailureKind.MISSING_ARGUMENT),
        ({"uniqueItems": True}, [1, True, "1", [1], [True], {"a": 1}, {"a": True}], None),
        ({"uniqueItems": True}, [{"a": 1, "b": [2]}, {"b": [2.0], "a": 1.0}], FailureKind.INVALID_VALUE),
        ({"uniqueItems": False}, [1, 1], None),
        ({"pattern": "^a+$"}, "a" * 4096, None),
        ({"pattern": "^a+$"}, "a" * 4097, FailureKind.INVALID_VALUE),
        ({"format": "date-time"}, "2024-05-01T10:00:00Z", None),
        ({"format": "date-time"}, "2024-05-01T10:00:00.25+02:00", None),
        ({"format": "date-time"}, "2024-05-01 10:00", FailureKind.INVALID_VALUE),
        ({"format": "date-time"}, "2024-13-01T10:00:00Z", FailureKind.INVALID_VALUE),
        ({"format": "time"}, "10:00:00Z", None),
        ({"format": "time"}, "25:00:00Z", FailureKind.INVALID_VALUE),
        ({"format": "date"}, "2024-02-30", FailureKind.INVALID_VALUE),
        ({"format": "email"}, "nobody", FailureKind.INVALID_VALUE),
        ({"format": "uuid"}, "nobody", FailureKind.INVALID_VALUE),
        ({"format": "hostname"}, "no host!", None),
        ({"format": "date-time"}, 7, None),
        ({"format": "time"}, 7, None),
        ({"multipleOf": 0.01}, 10**308, FailureKind.INVALID_VALUE),
    ],
)
def test_a_value_is_held_against_its_schema(
    json: ReplyProtocol, schema: Any, value: Any, kind: FailureKind | None
) -> None:
    assert failure_kind(json, {"properties": {"v": schema}}, {"v": value}) == kind


def test_a_schema_may_refer_to_itself(json: ReplyProtocol) -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#/$defs/tree"}}, "required": ["left"]}
    parameters = {
        "properties": {"t": {"$ref": "#/$defs/tree"}},
        "$defs": {"tree": {"anyOf": [tree, {"type": "null"}]}},
    }
    deep: Any = None
    for _ in range(30):
        deep = {"left": deep}
    assert failure_kind(json, parameters, {"t": None}) is None
    assert failure_kind(json, parameters, {"t": {"left": 1}}) is FailureKind.WRONG_TYPE
    assert failure_kind(json, parameters, {"t": deep["left"]}) is None


def test_a_call_too_deep_for_its_schema_is_a_failure_not_an_exception(json: ReplyProtocol) -> None:
    nested: Any = {"$ref": "#/$defs/d"}
    for _ in range(20):
        nested = {"allOf": [nested]}
    parameters = {"properties": {"t": {"$ref": "#/$defs/d"}}, "$defs": {"d": {"properties": {"d": nested}}}}
    deep: Any = {}
    for _ in range(28):
        deep = {"d": deep}
    assert failure_kind(json, parameters, {"t": deep}) is FailureKind.INVALID_VALUE


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"enum": ["a", 1]}, '"a" | 1'),
        ({"const": "a"}, '"a"'),
        ({"type": ["string", "null"]}, "string | null"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}, {"type": "string"}]}, "string | null"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"type": "array"}, "array"),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, "{a: string}"),
        ({}, "any"),
        (True, "any"),
        ({"type": "array", "items": {"type": "array", "items": {"$ref": "#"}}}, "list of list of any"),
    ],
)
def test_a_type_is_told_in_few_words(schema: Any, words: str) -> None:
    assert type_words(schema) == words
