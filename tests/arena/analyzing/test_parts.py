import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.analyzing.parts import PARTS, parts_of_reply, parts_of_tokens
from arena.records import Turn

CALL = '{"name": "go", "arguments": {"room": "Küche", "n": [1, 2]}}'


def turn(reply: str, action: str | None = None) -> Turn:
    return Turn(0, "", reply, "", action, None, "", True, 0.0, False)


def texts(reply: str, protocol: str, action: str | None = None) -> dict[str, str]:
    """The text of each part, in order of appearance."""
    parts = parts_of_reply(turn(reply, action), protocol)
    assert len(parts) == len(reply)
    return {
        part: "".join(char for char, each in zip(reply, parts, strict=True) if PARTS[each] == part)
        for part in PARTS
        if (parts == PARTS.index(part)).any()
    }


def test_a_call_has_a_name_arguments_and_syntax():
    found = texts(CALL, "json")
    assert found["tool name"] == "go"
    assert found["argument name"] == "roomn"
    assert found["argument value"] == "Küche12"
    assert found["syntax"] == '{"name": "", "arguments": {"": "", "": [, ]}}'


def test_thoughts_and_text_around_a_call_are_told_apart():
    found = texts(f"<think>go to the {{kitchen}}</think>\nSure!\n{CALL} bye", "json")
    assert found["thought"] == "<think>go to the {kitchen}</think>"
    assert found["tool name"] == "go"
    assert found["other text"] == "\nSure!\n bye"


def test_families_of_models_write_their_calls_in_their_own_ways():
    hermes = texts(f"<tool_call>\n{CALL}\n</tool_call>", "json")
    assert (hermes["tool name"], hermes["argument value"]) == ("go", "Küche12")
    mistral = texts(f"[TOOL_CALLS] [{CALL}]", "json")
    assert (mistral["tool name"], mistral["argument name"]) == ("go", "roomn")
    llama = texts('<|python_tag|>{"name": "go", "parameters": {"room": "a"}}', "json")
    assert (llama["tool name"], llama["argument value"]) == ("go", "a")
    string = texts('{"name": "go", "arguments": "{\\"room\\": 1}"}', "json")
    assert string["argument value"] == '{\\"room\\": 1}'


def test_what_is_no_call_is_other_text():
    assert texts("I would go to the kitchen.", "json").keys() == {"other text"}
    assert texts('{"name": "go", "argum', "json").keys() == {"other text"}


def test_a_text_reply_has_thought_label_and_action():
    reply = "Thought: the ball is there.\nAction: pick up ball\nObservation: you"
    found = texts(reply, "text", "pick up ball")
    assert found["thought"] == "Thought: the ball is there."
    assert found["syntax"] == "Action: "
    assert found["action"] == "pick up ball"
    assert found["other text"] == "\n\nObservation: you"


def test_a_whole_reply_is_one_answer():
    assert texts("any text", "whole") == {"answer": "any text"}


@given(st.text(alphabet='{}[]":, \n<>/thinkaction1é', max_size=60), st.sampled_from(["json", "text"]))
@settings(max_examples=200)
def test_any_reply_has_parts(reply: str, protocol: str):
    assert len(parts_of_reply(turn(reply, reply[:3] or None), protocol)) == len(reply)


def test_a_token_belongs_to_what_it_has_most_of_and_rather_not_to_syntax():
    parts = parts_of_reply(turn('{"name": "go", "arguments": {}}'), "json")
    start = '{"name": '.__len__()
    spans = [(0, 4), (start, start + 2), (start + 1, start + 3), (start + 1, start + 6), (5, 5)]
    # `{"na`; `"g` has one of each; `go`; `go", ` has more syntax; an empty span follows its neighbour
    assert parts_of_tokens(parts, spans) == ["syntax", "tool name", "tool name", "syntax", "syntax"]


@pytest.mark.parametrize("offsets", [[], [(0, 0)]])
def test_tokens_without_characters_have_a_part_all_the_same(offsets: list[tuple[int, int]]):
    assert parts_of_tokens(np.zeros(0, dtype=np.int8), offsets) == ["other text"] * len(offsets)


@pytest.mark.parametrize(
    ("dialect", "reply"),
    [
        ("hermes", '<tool_call>{"name": "go", "arguments": {"room": "hall", "n": 2}}</tool_call>'),
        ("auto", '<tool_call>{"name": "go", "arguments": {"room": "hall", "n": 2}}</tool_call>'),
        ("mistral", '[TOOL_CALLS] [{"name": "go", "arguments": {"room": "hall", "n": 2}}]'),
        ("llama3", '{"name": "go", "parameters": {"room": "hall", "n": 2}}'),
        ("internlm", '<|action_start|><|plugin|>{"name": "go", "parameters": {"room": "hall", "n": 2}}'),
        ("mistral", '[TOOL_CALLS]go[ARGS]{"room": "hall", "n": 2}'),
        ("pythonic", '[go(room="hall", n=2)]'),
    ],
)
def test_a_call_in_a_dialect_has_the_same_parts(dialect: str, reply: str):
    parts = parts_of_reply(turn(reply), "json", dialect)
    found = {
        part: "".join(char for char, each in zip(reply, parts, strict=True) if PARTS[each] == part)
        for part in PARTS
    }
    assert (found["tool name"], found["argument name"], found["argument value"]) == ("go", "roomn", "hall2")
    assert found["other text"].strip() in ("", "<tool_call></tool_call>")


@given(
    st.text(max_size=60) | st.text("[](){}go=\"',: ", max_size=60),
    st.sampled_from(["pythonic", "auto", "deepseek"]),
)
def test_any_reply_in_a_dialect_has_parts(reply: str, dialect: str):
    assert len(parts_of_reply(turn(reply), "json", dialect)) == len(reply)
