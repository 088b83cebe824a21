# ruff: noqa: RUF001 - DeepSeek's markers are made of such letters
"""The json protocol in the dialects of model families: told, read, shown and remembered in one form."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.contestant import agent_settings
from arena.engines.registry import parse_contestant
from arena.errors import UsageError
from arena.protocol import protocol
from arena.protocol.base import FailureKind
from arena.protocol.dialects import dialects
from arena.protocol.markers import broken_marker, marker_in
from arena.suite import SuiteSettings

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "go",
            "description": "Walk.",
            "parameters": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
        },
    }
]
NAMES = (*dialects(), "auto")
MARKERS = sorted({text for each in dialects().values() for pair in each.markers for text in pair})


def call(to: str) -> dict:
    return {"name": "go", "arguments": {"to": to}}


@pytest.mark.parametrize("name", NAMES)
@given(to=st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.sampled_from(MARKERS)))
def test_a_call_reads_back_as_it_was_written_whatever_its_arguments_hold(name: str, to: str):
    spoken = protocol("json", name)
    decision = spoken.parse(spoken.render("", call(to)), "stop", TOOLS)
    assert decision.action is not None
    assert json.loads(decision.action) == call(to)
    assert decision.thought == ""


@pytest.mark.parametrize("name", sorted(set(dialects()) - {"llama3", "pythonic"}))
def test_no_marker_leaks_into_the_thought_or_the_action(name: str):
    spoken = protocol("json", name)
    decision = spoken.parse("I walk.\n" + spoken.render("", call("hall")), "stop", TOOLS)
    assert json.loads(decision.action or "null") == call("hall")
    assert decision.thought == "I walk."


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_that_came_in_pieces_means_what_the_whole_means(name: str):
    spoken = protocol("json", name)
    reply = spoken.render("", call('the "hall"]'))
    for size in (1, 3, 7):
        pieces = [reply[start : start + size] for start in range(0, len(reply), size)]
        assert spoken.parse("".join(pieces), "stop", TOOLS) == spoken.parse(reply, "stop", TOOLS)


@pytest.mark.parametrize("name", sorted(dialects()))
def test_a_model_is_told_and_shown_its_own_form(name: str):
    spoken = protocol("json", name)
    form = spoken.render("", {"name": "TOOL", "arguments": {"ARGUMENT": "VALUE"}})
    assert form in spoken.describe(TOOLS)
    assert "go(to: string): Walk." in spoken.describe(TOOLS)
    action = json.dumps(call("hall"))
    assert spoken.in_history(action) == spoken.render("", call("hall"))


def test_without_a_dialect_and_with_auto_the_plain_form_is_told_and_remembered():
    plain, auto = protocol("json"), protocol("json", "auto")
    assert auto.describe(TOOLS) == plain.describe(TOOLS)
    action = json.dumps(call("hall"))
    assert plain.in_history(action) == auto.in_history(action) == action


@pytest.mark.parametrize("name", sorted(set(dialects()) - {"llama3", "pythonic"}))
def test_auto_reads_every_marked_dialect_and_plain_json(name: str):
    auto = protocol("json", "auto")
    assert auto.parse(protocol("json", name).render("", call("hall")), "stop", TOOLS).action
    assert auto.parse(json.dumps(call("hall")), "stop", TOOLS).action


def test_a_named_dialect_reads_no_other():
    decision = protocol("json", "hermes").parse(json.dumps(call("hall")), "stop", TOOLS)
    assert decision.failure is not None
    assert decision.failure.kind is FailureKind.NO_ACTION


@pytest.mark.parametrize("name", ["hermes", "mistral", "internlm", "phi", "deepseek"])
def test_a_broken_call_in_a_dialect_has_a_repair(name: str):
    spoken = protocol("json", name)
    broken = spoken.render("", call("hall")).replace('"hall"', "hall'", 1)
    failure = spoken.parse(broken, "stop", TOOLS).failure
    assert failure is not None
    assert failure.kind is FailureKind.NOT_JSON
    assert failure.repair is not None
    assert json.loads(failure.repair)["name"] == "go"


def test_text_behind_a_call_leaves_the_call_as_the_repair():
    reply = protocol("json", "hermes").render("", call("hall")) + " Done."
    failure = protocol("json", "hermes").parse(reply, "stop", TOOLS).failure
    assert failure is not None
    assert failure.kind is FailureKind.TRAILING_TEXT
    assert json.loads(failure.repair or "null") == call("hall")


def test_a_call_that_a_family_cannot_write_is_refused_and_remembered_plainly():
    pythonic = protocol("json", "pythonic")
    odd = {"name": "go-to", "arguments": {}}
    with pytest.raises(ValueError, match="Python"):
        pythonic.render("", odd)
    assert pythonic.in_history(json.dumps(odd)) == json.dumps(odd)


def test_unknown_dialects_are_refused_by_name():
    with pytest.raises(UsageError):
        protocol("json", "klingon")
    with pytest.raises(UsageError, match="klingon"):
        parse_contestant("random,dialect=klingon")


def test_the_dialect_is_an_option_of_a_contestant_and_part_of_its_settings():
    spec = parse_contestant("random,dialect=hermes")
    assert spec.settings == {"dialect": "hermes"}
    suite = SuiteSettings(protocol="json")
    assert agent_settings(suite, spec.settings).dialect == "hermes"
    assert agent_settings(suite, {}).dialect is None


@pytest.mark.parametrize(
    ("reply", "where"),
    [
        ('<tool_call {"name": "go"', "<tool_call"),
        ('tool_call>\n{"name": "go"', "tool_call>"),
        ("<tool_call><tool_call>{", "<tool_call>"),
        ('{"name": "go"}</tool_call>', "</tool_call>"),
        ("TOOL_CALLS] [{", "TOOL_CALLS]"),
        ("<|tool_call>{", "<|tool_call>"),
        ("<|python_tag {", "<|python_tag"),
    ],
)
def test_broken_markers_are_found_where_they_are(reply: str, where: str):
    broken = broken_marker(reply)
    assert broken is not None
    assert reply[slice(*broken.span)].strip() == where


@pytest.mark.parametrize("name", sorted(dialects()))
def test_whole_markers_are_not_broken(name: str):
    assert broken_marker(protocol("json", name).render("", call("hall"))) is None


@pytest.mark.parametrize("text", ["I would make a tool call.", '{"name": "tool_call"}', "", "[ARGS]"])
def test_what_is_no_broken_marker_is_let_be(text: str):
    assert broken_marker(text) is None


def test_a_marker_inside_the_failing_value_is_found():
    reply = '{"name": "go<tool_call>"}'
    stray = marker_in(reply, (9, 24))
    assert stray is not None
    assert reply[slice(*stray.span)] == "<tool_call>"


@given(st.text(st.sampled_from("<|>/[]tool_call python_tag{}\n\"'｜▁ARGS"), max_size=60))
def test_looking_for_broken_markers_raises_nothing(reply: str):
    broken = broken_marker(reply)
    assert broken is None or 0 <= broken.span[0] < broken.span[1] <= len(reply)


@pytest.mark.skipif(find_spec("canitoolcall") is None, reason="needs the package canitoolcall")
def test_the_conformance_fixtures_of_the_families_mean_what_they_should():
    import canitoolcall

    folder = Path(canitoolcall.__file__).parent / "_data/fixtures/qwen3-hermes"
    fixtures = [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    single = [each for each in fixtures if len(each.get("expected", {}).get("tool_calls", ())) == 1]
    read = [protocol("json", "hermes").parse(each["raw_output"]) for each in single]
    right = [
        decision.action is not None and json.loads(decision.action) == each["expected"]["tool_calls"][0]
        for decision, each in zip(read, single, strict=True)
    ]
    assert len(single) > 5
    assert sum(right) >= 0.8 * len(single)
