from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arena.engines.base import FinishReason
from arena.protocol.base import FailureKind, ReplyProtocol

TOOL_LINE = 'get_weather with Action Input: {"city": "Bern"}'


@pytest.mark.parametrize(
    ("reply", "action"),
    [
        ("go north", "go north"),
        ("  go north \n", "go north"),
        ("\n\ngo north\nand then east", "go north"),
        ("Action: go north", "go north"),
        ("action: go north", "go north"),
        ("Sure!\nAction: go north", "go north"),
        ("My action would be: go north", "go north"),
        ("Action: go north\nObservation: a wall\nAction: go east", "go north"),
        ("Action: say: hello", "say: hello"),
        ("hint: go north\nlater: go east", "hint: go north"),
        ("Action:\nAction: go north", "go north"),
        ("Here is the next action to take:\n\ngo north", "go north"),
        ("Here is the next action: go north", "go north"),
        ("The best action is to go north", "go north"),
        ("The best action is to go north, the worst is to wait", "go north, the worst"),
        ("'go north'", "go north"),
        ('"go north"', "go north"),
        ("/go north/", "go north"),
        ("Action: 'go north'", "go north"),
        ('say "hello"', 'say "hello"'),
        ('"hello" is what I say', '"hello" is what I say'),
        (TOOL_LINE, TOOL_LINE),
        (f"Action: {TOOL_LINE}", TOOL_LINE),
        (f"Sure:\n{TOOL_LINE}\nObservation: rain", TOOL_LINE),
        ("go north\r\nand east", "go north"),
        ("go north\u2028and east", "go north"),
    ],
)
def test_the_action_is_read_as_agentboard_reads_it(text: ReplyProtocol, reply: str, action: str) -> None:
    decision = text.parse(reply)
    assert (decision.action, decision.thought) == (action, "")


@pytest.mark.parametrize(
    ("reply", "thought", "action"),
    [
        ("Thought: I am cold.\nAction: go in", "I am cold.", "go in"),
        ("Think: I am cold.\ngo in", "I am cold.", "go in"),
        ("THOUGHTS: a\nThought 2: b\nAction: go in", "a\nb", "go in"),
        ("Thought: which action: in or out?\nAction: go in", "which action: in or out?", "go in"),
        ("Action: go in\nThought: done", "", "go in"),
        ("<think>I am\ncold.</think>go in", "I am\ncold.", "go in"),
        ("<think>Action: go out</think>\nThought: b\nAction: go in", "Action: go out\nb", "go in"),
        ("maybe\nAction: go out</think>go in", "maybe\nAction: go out", "go in"),
        ("Action: go in\n<think>and now", "and now", "go in"),
    ],
)
def test_thoughts_are_kept_apart_from_the_action(
    text: ReplyProtocol, reply: str, thought: str, action: str
) -> None:
    decision = text.parse(reply)
    assert (decision.action, decision.thought) == (action, thought)


@pytest.mark.parametrize(
    ("reply", "finish_reason", "kind", "span", "got"),
    [
        ("", "stop", FailureKind.EMPTY, (0, 0), "nothing"),
        (" \n ", "stop", FailureKind.EMPTY, (0, 3), "nothing"),
        ("<think>hm</think>\n", "stop", FailureKind.EMPTY, (0, 18), "nothing"),
        ("Action: ''", "stop", FailureKind.EMPTY, (0, 10), "Action: ''"),
        ("Action:\ngo north", "stop", FailureKind.EMPTY, (0, 7), "Action:"),
        ('""', "stop", FailureKind.EMPTY, (0, 2), '""'),
        ("<think>Action: go in", "stop", FailureKind.UNFINISHED_THOUGHT, (0, 20), "none"),
        ("<think>Action: go in", "length", FailureKind.UNFINISHED_THOUGHT, (0, 20), "none"),
        ("Sure.\n<think>Action: go in", "stop", FailureKind.UNFINISHED_THOUGHT, (6, 26), "none"),
        ("Action: ''\n<think>Action: go in", "stop", FailureKind.UNFINISHED_THOUGHT, (11, 31), "none"),
        ("Thought: I am cold.", "stop", FailureKind.NO_ACTION, (0, 19), "only thoughts"),
        ("Thought: I am", "length", FailureKind.NO_ACTION, (0, 13), "only thoughts"),
        ("<think>a</think>\nThink: b\nThink: c\n", "stop", FailureKind.NO_ACTION, (17, 34), "only thoughts"),
        ("go no", "length", FailureKind.TRUNCATED, (0, 5), "the token limit"),
        ("Thought: a\nAction: go no", "length", FailureKind.TRUNCATED, (11, 24), "the token limit"),
        ("Thought: a\nAction:", "length", FailureKind.TRUNCATED, (11, 18), "the token limit"),
        ("go " * 20, "length", FailureKind.REPEATED, (0, 60), "'go ' 20 times"),
        ("Action: go" + " on" * 20, "length", FailureKind.REPEATED, (10, 70), "' on' 20 times"),
        ("Thought: hm\n" * 5, "stop", FailureKind.REPEATED, (0, 60), "'Thought: hm\\\\n' 5 times"),
    ],
)
def test_a_reply_without_an_action_is_one_failure(
    text: ReplyProtocol,
    reply: str,
    finish_reason: FinishReason,
    kind: FailureKind,
    span: tuple[int, int],
    got: str,
) -> None:
    failure = text.parse(reply, finish_reason).failure
    assert failure is not None
    assert (failure.kind, failure.span, failure.got) == (kind, span, got)
    assert (failure.json_path, failure.repair) == (None, None)


@pytest.mark.parametrize(
    "reply", ["go north\n", "go north\nand the", "go north\n" * 20, "Action: go north\nObs"]
)
def test_an_action_line_that_ended_is_played_although_the_reply_was_cut(
    text: ReplyProtocol, reply: str
) -> None:
    assert text.parse(reply, "length").action == "go north"


@pytest.mark.parametrize("reply", ["go " * 20, "go go go go"])
def test_a_loop_that_the_model_ended_itself_is_its_action(text: ReplyProtocol, reply: str) -> None:
    assert text.parse(reply, "stop").action == reply.strip()


@given(
    st.text(st.characters(exclude_categories=["Cc", "Zl", "Zp", "Cs"]), min_size=1)
    .map(str.strip)
    .filter(bool)
)
@example("take action: now")
@example("the action is to wait")
@example("Thought: nothing")
@example("Action: Action: go")
@example("look with action input: 'x'")
@example('"quoted"')
@example("'quoted'")
@example("next action:")
@example(TOOL_LINE)
@example("<think>")
def test_the_reply_that_means_a_line_is_read_as_that_line(text: ReplyProtocol, action: str) -> None:
    assert text.parse(text.render(action, None)).action == action


@pytest.mark.parametrize("action", ["go north", TOOL_LINE, "examine the desk's drawer"])
def test_a_plain_action_is_rendered_as_it_is(text: ReplyProtocol, action: str) -> None:
    assert text.render(action, None) == action


@pytest.mark.parametrize("action", ["", " ", "go\nnorth", " go", "say </think> now"])
def test_an_action_that_no_line_means_is_refused(text: ReplyProtocol, action: str) -> None:
    with pytest.raises(ValueError, match="no line of text"):
        text.render(action, None)


def test_the_example_in_the_instructions_is_read_as_an_action(text: ReplyProtocol, tools: list[Any]) -> None:
    words = text.describe(tools)
    (line,) = [line for line in words.splitlines() if line.startswith("Action:")]
    assert text.parse(line).action == "look around"


@pytest.mark.parametrize("kind", ["empty", "unfinished_thought", "truncated", "no_action", "repeated"])
def test_every_failure_gets_a_sentence_of_its_own(text: ReplyProtocol, kind: str) -> None:
    replies = {
        "empty": ("", "stop"),
        "unfinished_thought": ("<think>", "stop"),
        "truncated": ("go", "length"),
        "no_action": ("Thought: a", "stop"),
        "repeated": ("go " * 20, "length"),
    }
    failure = text.parse(*replies[kind]).failure
    assert failure is not None
    assert failure.kind == kind
    sentence = text.complaint(failure)
    assert sentence.startswith("Your ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
