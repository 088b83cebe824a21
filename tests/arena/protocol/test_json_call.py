from typing import Any

import pytest

from arena.engines.base import FinishReason
from arena.protocol.base import Failure, FailureKind, ReplyProtocol

LOOK = '{"name":"look","arguments":{}}'
MOVE = '{"name":"move","arguments":{"room":"hall","steps":2}}'
NEEDS = '"room":"hall","steps":2'


def failure_of(
    json: ReplyProtocol, reply: str, tools: list[Any], finish_reason: FinishReason = "stop"
) -> Failure:
    decision = json.parse(reply, finish_reason, tools)
    assert decision.failure is not None, decision.action
    start, end = decision.failure.span
    assert 0 <= start <= end <= len(reply)
    return decision.failure


@pytest.mark.parametrize(
    ("reply", "action"),
    [
        (LOOK, LOOK),
        (MOVE, MOVE),
        ('\n { "name" : "look" , "arguments" : { } } \n', LOOK),
        ('{"arguments":{},"name":"look"}', LOOK),
        (
            '{"name":"move","arguments":{"steps":2,"room":"hall"}}',
            MOVE.replace(f"{NEEDS}", '"steps":2,"room":"hall"'),
        ),
        ('{"name":"move","arguments":{"room":"caf\\u00e9","steps":2}}', MOVE.replace("hall", "café")),
        ('{"name":"move","arguments":"{\\"room\\":\\"hall\\",\\"steps\\":2}"}', MOVE),
        (f"<tool_call>\n{LOOK}\n</tool_call>", LOOK),
        (f"<tool_call>{LOOK}", LOOK),
        (f"{LOOK}\n</tool_call>", LOOK),
        (f"[TOOL_CALLS] [{LOOK}]", LOOK),
        ('[TOOL_CALLS][{"name":"look","arguments":{},"id":"a1b2c3d4e"}]', LOOK),
        (f"<|python_tag|>{LOOK}", LOOK),
        ('<|python_tag|>{"name":"look","parameters":{}}', LOOK),
        ('<|python_tag|>{"type":"function","name":"look","parameters":{}}', LOOK),
        (MOVE.replace("hall", "<tool_call> </think> <think> [TOOL_CALLS]"),) * 2,
        ('{"name":"move","arguments":{"room":"hall","steps":2.0}}', MOVE.replace("2}", "2.0}")),
    ],
)
def test_a_reply_that_is_one_call_is_an_action(
    json: ReplyProtocol, tools: list[Any], reply: str, action: str
) -> None:
    decision = json.parse(reply, "stop", tools)
    assert (decision.action, decision.thought) == (action, "")
    assert json.parse(action, "stop", tools).action == action


@pytest.mark.parametrize(
    ("reply", "thought"),
    [
        (f"<think>hm</think>{LOOK}", "hm"),
        (f"<think>{MOVE}</think>\n\n{LOOK}", MOVE),
        (f"I try {MOVE}</think>\n{LOOK}", f"I try {MOVE}"),
        (f"<think>a</think><think>b</think><tool_call>{LOOK}</tool_call>", "a\nb"),
    ],
)
def test_a_call_in_a_thought_is_not_played(
    json: ReplyProtocol, tools: list[Any], reply: str, thought: str
) -> None:
    decision = json.parse(reply, "stop", tools)
    assert (decision.action, decision.thought) == (LOOK, thought)


def test_without_tools_any_well_shaped_call_is_an_action(json: ReplyProtocol) -> None:
    assert (
        json.parse('{"name":"fly","arguments":{"high":true}}').action
        == '{"name":"fly","arguments":{"high":true}}'
    )


@pytest.mark.parametrize(
    ("reply", "span"),
    [("", (0, 0)), (" \n\t", (0, 3)), ("<think>hm</think>\n", (0, 18)), ("hm</think>", (0, 10))],
)
def test_nothing_but_thoughts_is_empty(
    json: ReplyProtocol, tools: list[Any], reply: str, span: tuple[int, int]
) -> None:
    failure = failure_of(json, reply, tools)
    assert failure == Failure(FailureKind.EMPTY, span, "a tool call", "nothing")


@pytest.mark.parametrize("reply", [f"<think>hm {LOOK}", f"<THOUGHT>{LOOK}</think>", f"{LOOK}\n<think>wait"])
def test_a_thought_without_end_is_unfinished(json: ReplyProtocol, tools: list[Any], reply: str) -> None:
    failure = failure_of(json, reply, tools, "length")
    span = (reply.lower().index("<th"), len(reply))
    assert failure == Failure(FailureKind.UNFINISHED_THOUGHT, span, "the end of the thought", "none")


@pytest.mark.parametrize("finish_reason", ["stop", "length"])
@pytest.mark.parametrize(
    ("reply", "got"),
    [
        ("go north", "go north"),
        ("  I would look(around) first.\n", "I would look(around) first."),
        ("[1] First, look around", "[1] First, look around"),
        ("The set {a, b} is open", "The set {a, b} is open"),
    ],
)
def test_prose_is_no_action(
    json: ReplyProtocol, tools: list[Any], reply: str, got: str, finish_reason: FinishReason
) -> None:
    failure = failure_of(json, reply, tools, finish_reason)
    start = reply.index(got)
    assert failure == Failure(FailureKind.NO_ACTION, (start, start + len(got)), "a tool call", got)


@pytest.mark.parametrize(
    ("reply", "span", "expected", "got", "repair"),
    [
        (
            str({"name": "look", "arguments": {}}),
            (1, 2),
            "a name in double quotes or '}'",
            "'name': 'loo",
            LOOK,
        ),
        ('{"name":"look","arguments":{}', (29, 29), "',' or '}'", "the end", LOOK),
        ('{"name":"look","arguments":{},}', (30, 31), "a name in double quotes", "}", LOOK),
        ('{name:"look",arguments:{}}', (1, 2), "a name in double quotes or '}'", 'name:"look",', LOOK),
        ('Sure: {"name":"look" "arguments":{}}', (21, 22), "',' or '}'", '"arguments":', LOOK),
        (
            '<tool_call>{"name":"look","arguments":{}</tool_call>',
            (40, 41),
            "',' or '}'",
            "</tool_call>",
            LOOK,
        ),
        ("<tool_call>look</tool_call>", (11, 12), "a value", "look</tool_c", None),
        ('{"name":"move","arguments":{"room":NaN}}', (35, 36), "a value", "NaN}}", None),
        ('{"name":"fly","arguments":{}', (28, 28), "',' or '}'", "the end", None),
        ('{"name":"look","name":"look","arguments":{}}', (15, 21), "every name once", '"name" again', LOOK),
    ],
)
def test_a_call_that_is_no_json_says_where_and_what_a_repair_gives(
    json: ReplyProtocol,
    tools: list[Any],
    reply: str,
    span: tuple[int, int],
    expected: str,
    got: str,
    repair: str | None,
) -> None:
    assert failure_of(json, reply, tools) == Failure(FailureKind.NOT_JSON, span, expected, got, None, repair)


@pytest.mark.parametrize(
    ("reply", "start", "expected", "repair"),
    [
        ('{"name":"look","arguments":{', 0, "a name in double quotes or '}'", LOOK),
        ('{"name":"move","arguments":{"room":"hall","steps":2', 0, "',' or '}'", MOVE),
        ('{"name":"move","arguments":{"room":"ha', 0, "a closing '\"'", None),
        ('<tool_call>\n{"name":"lo', 0, "a closing '\"'", None),
        ('<think>a</think>{"name":"look","arguments":{}', 16, "',' or '}'", LOOK),
        ("<tool_call>", 0, "a value", None),
        ("{", 0, "a name in double quotes or '}'", None),
    ],
)
def test_a_call_that_the_token_limit_cut_is_truncated(
    json: ReplyProtocol, tools: list[Any], reply: str, start: int, expected: str, repair: str | None
) -> None:
    span = (start, len(reply))
    cut = failure_of(json, reply, tools, "length")
    assert cut == Failure(FailureKind.TRUNCATED, span, expected, "the token limit", None, repair)
    assert failure_of(json, reply, tools, "stop").kind is FailureKind.NOT_JSON


def test_a_call_that_was_broken_before_the_token_limit_is_not_json(
    json: ReplyProtocol, tools: list[Any]
) -> None:
    assert failure_of(json, "{'name': 'lo", tools, "length").kind is FailureKind.NOT_JSON


@pytest.mark.parametrize(
    ("reply", "span"),
    [
        ('{"name":"move","arguments":{"room":"' + "ha" * 30, (36, 96)),
        ("{" + '"a":1,' * 3 + '"b":{' + '"c":{' * 9, (21, 69)),
        ("look, then " * 8, (0, 88)),
        ('{"name":"look",' + "\n" * 60, (15, 75)),
    ],
)
@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_a_reply_that_ends_in_a_loop_is_repeated(
    json: ReplyProtocol, tools: list[Any], reply: str, span: tuple[int, int], finish_reason: FinishReason
) -> None:
    failure = failure_of(json, reply, tools, finish_reason)
    assert (failure.kind, failure.span, failure.repair) == (FailureKind.REPEATED, span, None)


@pytest.mark.parametrize(
    ("reply", "extra"),
    [
        (f"Sure: {LOOK}", "Sure:"),
        (f"{LOOK}\nDone.", "Done."),
        (f"```json\n{LOOK}\n```", "```json"),
        (f"I look.\n<tool_call>{LOOK}</tool_call>", "I look."),
        (f"<tool_call>{LOOK}</tool_call> Done.", "Done."),
        (f"{LOOK}; {MOVE}", f"; {MOVE}"),
        (f"<tool_call>{LOOK}</tool_call>\n<tool_call>{LOOK}</tool_call>", f"<tool_call>{LOOK}</tool_call>"),
        (f'Use {{"x": 1}} or {LOOK}', 'Use {"x": 1} or'),
    ],
)
@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_a_call_with_text_around_it_names_the_text(
    json: ReplyProtocol, tools: list[Any], reply: str, extra: str, finish_reason: FinishReason
) -> None:
    failure = failure_of(json, reply, tools, finish_reason)
    assert (failure.kind, failure.repair) == (FailureKind.TRAILING_TEXT, LOOK)
    assert reply[slice(*failure.span)] == extra
    assert failure.got == extra[:40] + ("…" if len(extra) > 40 else "")


def test_text_around_a_call_that_the_tools_refuse_has_no_repair(
    json: ReplyProtocol, tools: list[Any]
) -> None:
    failure = failure_of(json, 'Sure: {"name":"fly","arguments":{}}', tools)
    assert (failure.kind, failure.repair) == (FailureKind.TRAILING_TEXT, None)


OBJECT = 'an object with "name" and "arguments"'


@pytest.mark.parametrize(
    ("reply", "span", "path", "expected", "got", "repair"),
    [
        ("42", (0, 2), "$", OBJECT, "integer 42", None),
        ("null", (0, 4), "$", OBJECT, "null", None),
        ('"look"', (0, 6), "$", OBJECT, 'string "look"', None),
        (f"[{LOOK}]", (0, 32), "$", OBJECT, "array of 1", LOOK),
        (f"[{LOOK},{LOOK}]", (0, 63), "$", OBJECT, "array of 2", None),
        (f"Calls: [{LOOK},{LOOK}]", (7, 70), "$", OBJECT, "array of 2", None),
        (f"[TOOL_CALLS]{LOOK}", (12, 42), "$", "a list with one call", "object with name, arguments", LOOK),
        (f"[TOOL_CALLS][{LOOK},{LOOK}]", (12, 75), "$", "a list with one call", "array of 2", None),
        ("{}", (0, 2), "$.name", "a string", "nothing", None),
        ('{"tool":"look","args":{}}', (0, 25), "$.name", "a string", "only tool, args", None),
        ('{"name":7,"arguments":{}}', (8, 9), "$.name", "a string", "integer 7", None),
        ('{"function":{"name":"look","arguments":{}}}', (0, 43), "$.name", "a string", "only function", LOOK),
        ('{"name":"look"}', (0, 15), "$.arguments", "an object", "only name", LOOK),
        (
            '{"name":"look","parameters":{}}',
            (0, 31),
            "$.arguments",
            "an object",
            "only name, parameters",
            LOOK,
        ),
        ('{"name":"look","arguments":[]}', (27, 29), "$.arguments", "an object", "array of 0", None),
        ('{"name":"look","arguments":"x"}', (27, 30), "$.arguments", "an object", 'string "x"', None),
        ('{"name":"look","arguments":"{"}', (27, 30), "$.arguments", "an object", 'string "{"', LOOK),
        (
            '{"name":"look","arguments":{},"id":1}',
            (35, 36),
            "$.id",
            'only "name" and "arguments"',
            "integer 1",
            LOOK,
        ),
    ],
)
def test_json_of_another_shape_says_what_is_amiss(
    json: ReplyProtocol,
    tools: list[Any],
    reply: str,
    span: tuple[int, int],
    path: str,
    expected: str,
    got: str,
    repair: str | None,
) -> None:
    failure = failure_of(json, reply, tools)
    assert failure == Failure(FailureKind.WRONG_SHAPE, span, expected, got, path, repair)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mov", "move"),
        ("Look", "look"),
        ("wiat", "wait"),
        ("teleport", "one of move, look, wait"),
        ("", "one of move, look, wait"),
    ],
)
def test_an_unknown_tool_is_told_with_the_nearest_names(
    json: ReplyProtocol, tools: list[Any], name: str, expected: str
) -> None:
    failure = failure_of(json, f'{{"name":"{name}","arguments":{{}}}}', tools)
    span = (8, 10 + len(name))
    assert failure == Failure(FailureKind.UNKNOWN_TOOL, span, expected, f'"{name}"', "$.name")


@pytest.mark.parametrize(
    ("arguments", "where", "path", "expected", "got"),
    [
        ("{}", "{}", "$.arguments.room", "room (string)", "nothing"),
        ('{"steps":2}', '{"steps":2}', "$.arguments.room", "room (string)", "steps"),
        ('{"room":"hall"}', '{"room":"hall"}', "$.arguments.steps", "steps (integer)", "room"),
        (f'{{{NEEDS},"door":{{}}}}', "{}", "$.arguments.door.id", "id (integer)", "nothing"),
    ],
)
def test_a_missing_argument_is_named(
    json: ReplyProtocol, tools: list[Any], arguments: str, where: str, path: str, expected: str, got: str
) -> None:
    check(json, tools, FailureKind.MISSING_ARGUMENT, arguments, where, path, expected, got)


@pytest.mark.parametrize(
    ("arguments", "where", "path", "got"),
    [
        (f'{{{NEEDS},"speed":9}}', '"speed":9', "$.arguments.speed", "integer 9"),
        (f'{{"a b":null,{NEEDS},"c":1}}', '"a b":null', '$.arguments["a b"]', "null"),
        (f'{{{NEEDS},"door":{{"id":1,"key":"x"}}}}', None, None, None),
        (f'{{{NEEDS},"Room" : "x"}}', '"Room" : "x"', "$.arguments.Room", 'string "x"'),
    ],
)
def test_an_argument_that_the_tool_does_not_have_is_named(
    json: ReplyProtocol, tools: list[Any], arguments: str, where: str | None, path: str, got: str
) -> None:
    if where is None:  # only a tool's own arguments are a closed list
        assert json.parse(f'{{"name":"move","arguments":{arguments}}}', "stop", tools).action
        return
    expected = "only room, steps, mode, note, via, on, code, door"
    check(json, tools, FailureKind.UNEXPECTED_ARGUMENT, arguments, where, path, expected, got)


@pytest.mark.parametrize(
    ("arguments", "where", "path", "expected", "got"),
    [
        ('{"room":7,"steps":2}', "7", "$.arguments.room", "string", "integer 7"),
        ('{"room":"hall","steps":"2"}', '"2"', "$.arguments.steps", "integer", 'string "2"'),
        ('{"room":"hall","steps":true}', "true", "$.arguments.steps", "integer", "boolean true"),
        ('{"room":"hall","steps":1.5}', "1.5", "$.arguments.steps", "integer", "number 1.5"),
        (f'{{{NEEDS},"mode":null}}', "null", "$.arguments.mode", "string", "null"),
        (f'{{{NEEDS},"note":[]}}', "[]", "$.arguments.note", "string or null", "array of 0"),
        (f'{{{NEEDS},"via":["a",{{}}]}}', "{}", "$.arguments.via[1]", "string", "empty object"),
        (f'{{{NEEDS},"door":{{"id":"x"}}}}', '"x"', "$.arguments.door.id", "integer", 'string "x"'),
    ],
)
def test_an_argument_of_the_wrong_type_is_named(
    json: ReplyProtocol, tools: list[Any], arguments: str, where: str, path: str, expected: str, got: str
) -> None:
    check(json, tools, FailureKind.WRONG_TYPE, arguments, where, path, expected, got)


@pytest.mark.parametrize(
    ("arguments", "where", "path", "expected", "got"),
    [
        ('{"room":"hall","steps":0}', "0", "$.arguments.steps", "minimum 1", "integer 0"),
        (f'{{{NEEDS},"mode":"x"}}', '"x"', "$.arguments.mode", 'one of "slow", "fast"', 'string "x"'),
        (f'{{{NEEDS},"code":"A1"}}', '"A1"', "$.arguments.code", 'pattern "^[a-z]+$"', 'string "A1"'),
        (f'{{{NEEDS},"on":"May 1"}}', '"May 1"', "$.arguments.on", 'format "date"', 'string "May 1"'),
        (f'{{{NEEDS},"via":["a","a"]}}', '["a","a"]', "$.arguments.via", "uniqueItems true", "array of 2"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(
    json: ReplyProtocol, tools: list[Any], arguments: str, where: str, path: str, expected: str, got: str
) -> None:
    check(json, tools, FailureKind.INVALID_VALUE, arguments, where, path, expected, got)


def check(
    json: ReplyProtocol,
    tools: list[Any],
    kind: FailureKind,
    arguments: str,
    where: str,
    path: str,
    expected: str,
    got: str,
) -> None:
    reply = f'<think>hm</think>{{"name":"move","arguments":{arguments}}}'
    failure = failure_of(json, reply, tools)
    start = reply.index(where, reply.index(arguments))
    assert failure == Failure(kind, (start, start + len(where)), expected, got, path)


@pytest.mark.parametrize(
    ("arguments", "kind", "path"),
    [
        ('{"speed":1,"steps":"x"}', FailureKind.MISSING_ARGUMENT, "$.arguments.room"),
        ('{"room":1,"steps":0,"speed":1}', FailureKind.UNEXPECTED_ARGUMENT, "$.arguments.speed"),
        ('{"steps":0,"room":1}', FailureKind.WRONG_TYPE, "$.arguments.room"),
        ('{"steps":"x","room":1}', FailureKind.WRONG_TYPE, "$.arguments.steps"),
        ('{"room":1,"steps":"x"}', FailureKind.WRONG_TYPE, "$.arguments.room"),
        ('{"mode":"x","room":"hall","steps":0}', FailureKind.INVALID_VALUE, "$.arguments.mode"),
    ],
)
def test_of_several_faults_the_first_by_kind_then_by_place_is_told(
    json: ReplyProtocol, tools: list[Any], arguments: str, kind: FailureKind, path: str
) -> None:
    failure = failure_of(json, f'{{"name":"move","arguments":{arguments}}}', tools)
    assert (failure.kind, failure.json_path) == (kind, path)


def test_a_fault_in_arguments_written_as_a_string_points_at_the_string(
    json: ReplyProtocol, tools: list[Any]
) -> None:
    reply = '{"name":"move","arguments":"{\\"room\\":1,\\"steps\\":2}"}'
    failure = failure_of(json, reply, tools)
    assert (failure.kind, failure.json_path) == (FailureKind.WRONG_TYPE, "$.arguments.room")
    assert reply[slice(*failure.span)] == '"{\\"room\\":1,\\"steps\\":2}"'


def test_a_fault_behind_mistrals_marker_points_into_the_list(json: ReplyProtocol, tools: list[Any]) -> None:
    reply = '[TOOL_CALLS][{"name":"move","arguments":{"room":1,"steps":2}}]'
    failure = failure_of(json, reply, tools)
    assert (reply[slice(*failure.span)], failure.json_path) == ("1", "$.arguments.room")


def test_a_call_is_rendered_as_canonical_json(json: ReplyProtocol) -> None:
    assert json.render("look", {"name": "look", "arguments": {}}) == LOOK
    with pytest.raises(ValueError, match="can't be written as a tool call"):
        json.render("look", None)


def test_the_instructions_show_every_tool_and_argument(json: ReplyProtocol, tools: list[Any]) -> None:
    words = json.describe(tools)
    assert "- look()\n" in words
    assert "- wait(minutes?: number): Rest." in words
    assert '- move(room: string, steps: integer, mode?: "slow" | "fast", note?: string | null, ' in words
    assert "via?: list of string" in words
    assert "door?: {id: integer}): Walk.\n    room: where to\n" in words


def test_without_tools_the_instructions_name_none(json: ReplyProtocol) -> None:
    assert json.describe().endswith('{"name": "TOOL", "arguments": {"ARGUMENT": VALUE}}')


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (
            '{"a" 1}',
            "Your tool call is not valid JSON: at character 5, expected ':', got 1}.",
        ),
        (
            MOVE.replace("2", '"2"'),
            'The argument $.arguments.steps has the wrong type: expected integer, got string "2".',
        ),
        ('{"name":"loo","arguments":{}}', 'There is no tool called "loo": use look.'),
    ],
)
def test_a_complaint_says_what_was_wrong_and_where(
    json: ReplyProtocol, tools: list[Any], reply: str, sentence: str
) -> None:
    assert json.complaint(failure_of(json, reply, tools)) == sentence


def test_a_long_thought_behind_the_answer_is_no_loop(json: ReplyProtocol):
    thought = (
        "<think>\nThe hall is next to the kitchen, and the kitchen is where the pot should be.\n</think>"
    )
    after, loop = (json.parse(f"Okay.{rest}").failure for rest in (f"\n{thought}", "\n" * 90))
    assert after is not None
    assert loop is not None
    assert (after.kind, loop.kind) == (FailureKind.NO_ACTION, FailureKind.REPEATED)
