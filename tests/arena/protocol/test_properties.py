"""What holds for every reply, whatever its text."""

import json as stdlib_json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.protocol import protocol
from arena.protocol.base import Decision, FailureKind, failure_from_json, failure_to_json

PIECES = [
    *(
        "<think>",
        "</think>",
        "<THINKING>",
        "</reasoning>",
        "Thought: ",
        "Action: ",
        "next action:",
        " is to ",
    ),
    *(
        "look with Action Input: ",
        "<tool_call>",
        "</tool_call>",
        "[TOOL_CALLS]",
        "<|python_tag|>",
        "```json\n",
    ),
    *(
        '{"name":',
        '"name"',
        '"move"',
        '"arguments":',
        '"parameters":',
        '"room"',
        "'",
        '"',
        "\\",
        "\\u",
        "\\ud800",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "1",
        "-",
        "1e999",
        "NaN",
        "true",
        "null",
        " ",
        "\n",
        "\u2028",
        "\ud800",
        "é",
    ),
]
REPLIES = st.text() | st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
FINISH_REASONS = st.sampled_from(["stop", "length"])
NAMES = st.sampled_from(["name", "arguments", "room", "steps", "id", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
SCHEMAS = st.recursive(
    st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"]).map(
        lambda t: {"type": t}
    )
    | st.just({"enum": ["a", 1, None]})
    | st.just({"type": "string", "pattern": "[a-z]+@", "minLength": 1})
    | st.just({"type": "string", "format": "date-time"})
    | st.just({"type": "number", "multipleOf": 0.1, "exclusiveMaximum": 3}),
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items, "uniqueItems": True}, inner)
        | st.builds(lambda one, two: {"anyOf": [one, two]}, inner, inner)
        | st.builds(lambda one, two: {"oneOf": [one, two]}, inner, inner)
        | st.builds(
            lambda members, required: {"type": "object", "properties": members, "required": required},
            st.dictionaries(NAMES, inner, max_size=3),
            st.lists(NAMES, max_size=2, unique=True),
        )
    ),
    max_leaves=6,
)
TOOLS = st.lists(
    st.builds(
        lambda name, members: {
            "type": "function",
            "function": {"name": name, "parameters": {"type": "object", "properties": members}},
        },
        st.sampled_from(["move", "look"]),
        st.dictionaries(NAMES, SCHEMAS, max_size=3),
    ),
    max_size=2,
)


def assert_sound(reply: str, decision: Decision) -> None:
    assert (decision.action is None) != (decision.failure is None)
    if decision.failure is None:
        return
    start, end = decision.failure.span
    assert 0 <= start <= end <= len(reply)
    assert decision.failure.kind is not FailureKind.ENVIRONMENT_ERROR
    assert len(decision.failure.expected) + len(decision.failure.got) < 1000
    stored = stdlib_json.loads(stdlib_json.dumps(failure_to_json(decision.failure)))
    assert failure_from_json(stored) == decision.failure


@pytest.mark.parametrize("name", ["text", "json"])
@settings(max_examples=200)
@given(reply=REPLIES, finish_reason=FINISH_REASONS, tools=TOOLS)
def test_any_reply_is_one_action_or_one_failure(
    name: str, reply: str, finish_reason: Any, tools: Any
) -> None:
    decision = protocol(name).parse(reply, finish_reason, tools)
    assert_sound(reply, decision)
    if decision.failure:
        sentence = protocol(name).complaint(decision.failure)
        assert sentence
        assert len(sentence.splitlines()) == 1


@settings(max_examples=200)
@given(value=VALUES, tools=TOOLS)
def test_any_json_value_is_one_action_or_one_failure(value: Any, tools: Any) -> None:
    reply = stdlib_json.dumps({"name": "move", "arguments": value})
    assert_sound(reply, protocol("json").parse(reply, "stop", tools))


@given(reply=REPLIES, finish_reason=FINISH_REASONS, tools=TOOLS)
def test_an_action_read_again_is_the_same_action(reply: str, finish_reason: Any, tools: Any) -> None:
    action = protocol("json").parse(reply, finish_reason, tools).action
    if action is not None:
        assert protocol("json").parse(action, "stop", tools).action == action


CALLS = st.builds(
    lambda name, arguments: {"name": name, "arguments": arguments},
    st.text(max_size=8),
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=5,
        ),
        max_size=3,
    ),
)


@given(CALLS)
def test_the_reply_that_means_a_call_is_read_as_that_call(call: dict[str, Any]) -> None:
    rendered = protocol("json").render("", call)
    action = protocol("json").parse(rendered).action
    assert action == rendered
    assert stdlib_json.loads(action) == call


@given(CALLS, st.data())
def test_a_call_that_is_cut_anywhere_is_truncated_or_repeated(
    call: dict[str, Any], data: st.DataObject
) -> None:
    reply = protocol("json").render("", call)
    reply = reply[: data.draw(st.integers(1, len(reply) - 1))]
    if any(tag in reply for tag in ("<", "[TOOL")):
        return
    cut = protocol("json").parse(reply, "length").failure
    stopped = protocol("json").parse(reply, "stop").failure
    assert cut is not None
    assert stopped is not None
    assert (cut.kind, stopped.kind) in {
        (FailureKind.TRUNCATED, FailureKind.NOT_JSON),
        (FailureKind.REPEATED, FailureKind.REPEATED),
    }
    assert cut.span[1] == len(reply)


@given(CALLS, st.sampled_from(["Sure: ", "I look.\n", "```json\n"]), st.sampled_from(["", "\n```", " Done."]))
def test_a_call_with_text_around_it_is_told_from_a_call(
    call: dict[str, Any], before: str, after: str
) -> None:
    reply = protocol("json").render("", call)
    failure = protocol("json").parse(before + reply + after).failure
    if "<" in reply:
        return
    assert failure is not None
    assert (failure.kind, failure.repair) == (FailureKind.TRAILING_TEXT, reply)
    assert failure.span == (0, len(before.rstrip()))


@given(CALLS)
def test_a_call_written_as_a_string_has_the_wrong_shape(call: dict[str, Any]) -> None:
    failure = protocol("json").parse(stdlib_json.dumps(protocol("json").render("", call))).failure
    assert failure is not None
    assert (failure.kind, failure.json_path) == (FailureKind.WRONG_SHAPE, "$")


@given(CALLS, st.data())
def test_a_stray_character_between_tokens_is_not_json(call: dict[str, Any], data: st.DataObject) -> None:
    reply = protocol("json").render("", call)
    place = data.draw(st.sampled_from([1, 7, len('{"name":')]))
    failure = protocol("json").parse(reply[:place] + ";" + reply[place:]).failure
    assert failure is not None
    if failure.kind is FailureKind.NOT_JSON:
        assert failure.span == (place, place + 1)
        assert failure.got.startswith(";")
    else:
        # json-like text in the call's own strings may look like a call of its own, and its end like a loop
        assert failure.kind in (FailureKind.REPEATED, FailureKind.TRAILING_TEXT)


def repeat(unit: str, before: str = "", after: str = "") -> Callable[[int], str]:
    return lambda count: before + unit * count + after


HOSTILE = {
    "letters": repeat("a"),
    "lines": repeat("a\n"),
    "blanks": repeat(" \n"),
    "brackets": repeat("["),
    "braces": repeat("{ "),
    "half objects": repeat('{"a":1 '),
    "objects": repeat('{"a":1} '),
    "nested": repeat('{"a":'),
    "broken strings": repeat('{"a\n'),
    "escapes": repeat("\\"),
    "quotes": repeat('"'),
    "open thoughts": repeat("<think>"),
    "thoughts": repeat("<think>a</think>"),
    "thoughts in text": repeat("a <think>"),
    "closed thoughts": repeat("</think>"),
    "actions": repeat("action:\n"),
    "announced": repeat("next action:\n\n"),
    "thought lines": repeat("Thought: a\n"),
    "markers": repeat("<tool_call>"),
    "names": lambda count: '{"name":"a","arguments":{' + ",".join(f'"{i}":1' for i in range(count)),
    "items": repeat("1,", '{"name":"move","arguments":{"room":[', "1]}}"),
    "string": repeat("x", '{"name":"move","arguments":{"room":"', '"}}'),
}


def lines_run(name: str, reply: str, tools: list[Any]) -> int:
    """Count the lines of our own code that a parse runs: its work, without a clock."""
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        if "arena/protocol" not in frame.f_code.co_filename.replace("\\", "/"):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        protocol(name).parse(reply, "length", tools)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", ["text", "json"])
@pytest.mark.parametrize("label", HOSTILE)
def test_twice_the_reply_is_at_most_twice_the_work(name: str, label: str, tools: list[Any]) -> None:
    once, twice = (lines_run(name, HOSTILE[label](count), tools) for count in (1500, 3000))
    assert twice <= 2.2 * once + 500


@pytest.mark.parametrize("name", ["text", "json"])
@pytest.mark.parametrize("label", HOSTILE)
def test_a_megabyte_of_anything_is_one_action_or_one_failure(name: str, label: str, tools: list[Any]) -> None:
    unit = len(HOSTILE[label](1000)) // 1000
    reply = HOSTILE[label](1_000_000 // max(unit, 1))
    assert_sound(reply, protocol(name).parse(reply, "length", tools))
