# ruff: noqa: RUF001 - DeepSeek's markers are made of such letters
"""Calls in the dialects of model families: what they mean, and how they fail."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.errors import UsageError
from arena.protocol.base import FailureKind
from arena.protocol.dialects import decide, dialect, dialects, listen, marked_dialect

MARKERS = (
    *("<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "[THINK]", "[/THINK]", "<think>", "</think>"),
    *("<|python_tag|>", "<|python_start|>", "<|python_end|>", "<|action_start|><|plugin|>", "<|action_end|>"),
    *("<|tool_call|>", "<|/tool_call|>", "functools", "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"),
    *(
        "function<｜tool▁sep｜>go\n```json\n",
        "\n```<｜tool▁call▁end｜>",
        "<｜tool▁calls▁end｜>",
        ";",
        "[",
        "]",
    ),
)
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "go",
            "parameters": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
        },
    }
]


def written(form: str, name: str, arguments: dict) -> str:
    """A call as a family writes it."""
    text = json.dumps(arguments, ensure_ascii=False)
    call = f'{{"name": {json.dumps(name)}, "arguments": {text}}}'
    return {
        "hermes": f"<tool_call>\n{call}\n</tool_call>",
        "mistral v3": f"[TOOL_CALLS] [{call}]",
        "mistral v11": f"[TOOL_CALLS]{name}[ARGS]{text}",
        "mistral id": f"[TOOL_CALLS]{name}[CALL_ID]x01[ARGS]{text}",
        "llama3": call.replace('"arguments"', '"parameters"', 1),
        "llama3 tag": f'<|python_tag|>{{"type": "function", "name": "{name}", "parameters": {text}}}',
        "internlm": f'<|action_start|><|plugin|>\n{{"name": "{name}", "parameters": {text}}}<|action_end|>',
        "phi": f"<|tool_call|>[{call}]<|/tool_call|>",
        "phi functools": f"functools[{call}]",
        "deepseek v3": (
            f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n{text}\n```"
            "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
        ),
        "deepseek v31": (
            f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{text}"
            "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
        ),
        "pythonic": f"[{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})]",
    }[form]


FORMS = (
    *("hermes", "mistral v3", "mistral v11", "mistral id", "llama3", "llama3 tag", "internlm", "phi"),
    *("phi functools", "deepseek v3", "deepseek v31", "pythonic"),
)


def of(form: str):
    return dialect(form.partition(" ")[0])


def kind(reply: str, form: str, finish_reason: str = "stop") -> str | None:
    decision = decide(reply, of(form), finish_reason, TOOLS)  # type: ignore[arg-type]
    return decision.failure.kind.value if decision.failure else None


words = st.lists(st.sampled_from((*MARKERS, '{"a": 1}', '"', "\\", "\n", " ", "é")), max_size=4).map("".join)
values = words | st.integers(-(2**40), 2**40) | st.booleans()
arguments = st.dictionaries(st.sampled_from(("to", "a", "b_1")), values, max_size=3)


@given(form=st.sampled_from(FORMS), arguments=arguments)
def test_a_call_is_read_whatever_its_arguments_say(form: str, arguments: dict):
    reply = written(form, "go", arguments)
    spoken = listen(reply, of(form))
    assert [(call.name, call.arguments) for call in spoken.calls] == [("go", arguments)]
    assert (spoken.broken, spoken.rest, spoken.content.strip()) == (None, None, "")
    action = decide(reply, of(form)).action
    assert action is not None
    assert json.loads(action) == {"name": "go", "arguments": arguments}


@given(st.lists(st.sampled_from((*MARKERS, "{", "}", '"name": ', '"go"', "(", "to=", "1", " ")), max_size=12))
def test_any_text_means_an_action_or_one_failure_inside_it(pieces: list[str]):
    reply = "".join(pieces)
    for each in dialects().values():
        decision = decide(reply, each, "length", TOOLS)
        if decision.failure:
            start, end = decision.failure.span
            assert 0 <= start <= end <= len(reply)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("llama3", "pythonic")])
def test_text_before_a_call_is_a_thought_and_text_behind_it_is_a_failure(form: str):
    call = written(form, "go", {"to": "here"})
    before = decide(f"Let me see. {call}", of(form), "stop", TOOLS)
    assert (before.thought, before.action) == ("Let me see.", '{"name":"go","arguments":{"to":"here"}}')
    behind = decide(f"{call} That is all.", of(form), "stop", TOOLS)
    assert behind.failure is not None
    assert behind.failure.kind is FailureKind.TRAILING_TEXT
    assert behind.failure.got == "That is all."


@pytest.mark.parametrize("form", FORMS)
def test_calls_fail_by_the_kinds_of_the_taxonomy(form: str):
    assert kind(written(form, "go", {"to": "here"}), form) is None
    assert kind(written(form, "fly", {"to": "here"}), form) == "unknown_tool"
    assert kind(written(form, "go", {}), form) == "missing_argument"
    assert kind(written(form, "go", {"to": 5}), form) == "wrong_type"
    assert kind(written(form, "go", {"to": "a", "at": "b"}), form) == "unexpected_argument"
    assert kind("", form) == "empty"
    assert kind("Nothing to do.", form) == "no_action"


@pytest.mark.parametrize("form", [form for form in FORMS if form != "pythonic"])
def test_a_call_that_is_cut_is_truncated_or_broken(form: str):
    call = written(form, "go", {"to": "somewhere"})
    cut = call[: call.index("somewhere") + 4]
    assert kind(cut, form, "length") == "truncated"
    assert kind(cut, form, "stop") == "not_json"
    assert listen(cut, of(form)).calls == ()


@pytest.mark.parametrize("form", ["hermes", "mistral v11", "deepseek v31", "llama3 tag"])
def test_several_calls_are_all_read_and_are_one_too_many(form: str):
    first, second = (written(form, "go", {"to": where}) for where in ("here", "there"))
    reply = f"{first}; {second}" if form.startswith("llama3") else f"{first}\n{second}"
    assert [call.arguments["to"] for call in listen(reply, of(form)).calls] == ["here", "there"]
    assert kind(reply, form) == "wrong_shape"


@pytest.mark.parametrize(
    ("name", "reply", "thought", "content"),
    [
        ("hermes", "<think>hm</think>\nHi", "hm", "Hi"),
        ("hermes", "hm\n</think>\nHi", "hm", "Hi"),
        ("hermes", "<think>never ends", "never ends", ""),
        ("mistral", "[THINK]a [TOOL_CALLS] is text[/THINK]Hi", "a [TOOL_CALLS] is text", "Hi"),
        ("llama3", '{"capital": "Paris"} is it', "", '{"capital": "Paris"} is it'),
        ("mistral", "Let me.[TOOL_CALLS]", "", "Let me."),
    ],
)
def test_thoughts_and_answers_are_told_apart(name: str, reply: str, thought: str, content: str):
    spoken = listen(reply, dialect(name))
    assert (spoken.thought, spoken.content.strip(), spoken.calls) == (thought, content, ())


def test_python_calls_are_data_and_nothing_is_run():
    pythonic = dialect("pythonic")
    (call,) = listen("[files.open(path='a', tags=['x', None], at={'n': -1.5})]", pythonic).calls
    assert call.name == "files.open"
    assert call.arguments == {"path": "a", "tags": ["x", None], "at": {"n": -1.5}}
    for inside in (
        "to=__import__('os').getcwd()",
        "'here'",
        "**{'to': 'x'}",
        "to=1e999",
        "to={1}",
        "to='\\ud800'",
    ):
        assert decide(f"[go({inside})]", pythonic).action is None


def test_a_dialect_is_known_by_its_marker_only():
    for form in FORMS:
        found = marked_dialect("so: " + written(form, "go", {"to": "<tool_call>"}))
        expected = None if form in ("llama3", "pythonic") else of(form)
        if expected:
            assert found is expected
    assert marked_dialect('{"name": "go", "arguments": {}}') is None
    assert marked_dialect("[go(to='here')]") is None


def test_an_unknown_dialect_is_said_with_those_there_are():
    with pytest.raises(UsageError) as raised:
        dialect("hermess")
    assert "hermes, mistral, llama3" in raised.value.next_step


def test_a_long_reply_of_markers_takes_linear_time():
    for each in dialects().values():
        for marker in MARKERS:
            listen(marker * 20_000, each)
            listen((marker + " ") * 20_000, each)


class _Metered:
    """A pattern that counts the characters it is looked for in."""

    def __init__(self, pattern: re.Pattern[str]):
        self.pattern, self.read = pattern, 0

    def search(self, text: str, at: int = 0) -> re.Match[str] | None:
        found = self.pattern.search(text, at)
        self.read += (found.end() if found else len(text)) - at
        return found


@pytest.mark.parametrize("reply", [";{}" * 2000, "<|python_tag|>{}" + ";{}" * 2000, "{};" * 2000])
def test_each_form_is_looked_for_once_in_a_reply(reply: str):
    llama = dialect("llama3")
    metered = [_Metered(form.begin) for form in llama.forms]
    forms = tuple(replace(form, begin=each) for form, each in zip(llama.forms, metered, strict=True))
    listen(reply, replace(llama, forms=forms))
    assert max(each.read for each in metered) <= 2 * len(reply)


def test_a_thought_that_never_ends_and_a_loop_are_called_so_in_a_dialect_too():
    assert kind("<think>\nI should go", "hermes", "length") == "unfinished_thought"
    assert kind("<think>\nI should go", "mistral", "length") == "no_action"  # no thought of that family's
    assert kind("I go there. " * 30, "hermes", "length") == "repeated"
    assert (
        kind('<tool_call>{"name": "go", "arguments": {"to": "' + "hall " * 40, "hermes", "length")
        == "repeated"
    )
    assert kind(f"<think>{'hm ' * 60}</think>\nHi", "hermes") == "no_action"


def test_the_second_of_two_calls_is_the_one_too_many():
    first, second = (written("hermes", "go", {"to": where}) for where in ("here", "there"))
    reply = f"{first}\n{second}"
    failure = decide(reply, dialect("hermes"), "stop", TOOLS).failure
    assert failure is not None
    assert json.loads(reply[slice(*failure.span)])["arguments"] == {"to": "there"}


@pytest.mark.parametrize(
    ("reply", "failed"),
    [
        ('[go(to="here")]\nThis goes [there].', "trailing_text"),
        ('[go(to="a ] b")]', None),
        ("[go(to='it\\'s ] here')]", None),
        ('[go(to="here"', "not_json"),
    ],
)
def test_a_python_list_ends_at_its_own_bracket(reply: str, failed: str | None):
    assert kind(reply, "pythonic") == failed
