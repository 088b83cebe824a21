"""What is told of a turn: calls folded or not, replies raw or read, and where they failed."""

from dataclasses import replace

import pytest

from arena.protocol.base import Failure, FailureKind
from tests.tui.fakes import not_json, turn
from tui.calls import folded, unfolded
from tui.sections import Manner, Section, earlier, played

CALL = '{"name":"find","arguments":{"room":"hall","sizes":[1,2]}}'


def by_title(sections: list[Section]) -> dict[str, Section]:
    return {section.title.lstrip("▸▾ "): section for section in sections}


def test_a_call_is_one_line_where_folded_and_an_argument_a_line_where_not():
    assert folded(CALL) == 'find(room="hall", sizes=[1, 2])'
    assert unfolded(CALL) == "find\n  room: hall\n  sizes: [\n      1,\n      2\n    ]"
    assert folded('find with Action Input: {"room": "hall"}') == 'find(room="hall")'


def test_an_action_that_is_no_call_is_one_line_where_folded():
    assert folded("go north") == unfolded("go north") == "go north"
    assert folded("first\nsecond\nthird") == "first second third"
    assert folded('{\n  "thought": "why"\n}') == '{ "thought": "why" }'
    assert folded("word\n" * 100).endswith("word word…")
    assert unfolded("first\nsecond") == "first\nsecond"


@pytest.mark.parametrize("action", ["{" * 5_000, "[" * 20_000, '{"name":' + '{"a":' * 900, "", "x" * 100_000])
def test_any_action_is_drawn_somehow_and_short_where_folded(action: str):
    assert len(folded(action)) <= 300
    assert len(unfolded(action)) < 7_000


def test_failed_calls_are_unfolded_and_others_folded_unless_the_policy_says_otherwise():
    fine, refused = turn(0, action=CALL), turn(0, action=CALL, valid=False)
    unfolds = {
        manner: [
            by_title(played(each, Manner(manner), unlike=False))["action"].title for each in (fine, refused)
        ]
        for manner in ("failures", "all", "never")
    }
    assert unfolds == {
        "failures": ["▸ action", "▾ action"],
        "all": ["▾ action", "▾ action"],
        "never": ["▸ action", "▸ action"],
    }


def test_a_failure_is_a_few_words_where_folded_and_the_whole_diagnosis_where_not():
    said = {
        manner: by_title(played(not_json(0), Manner(manner), unlike=False))
        for manner in ("never", "failures")
    }
    assert said["never"]["action"].text == "not JSON"
    assert "reply" not in said["never"]
    assert "expected a JSON object, got 'move to'" in said["failures"]["action"].text
    assert said["failures"]["reply"].text == "move to"


def test_the_raw_reply_is_exactly_what_was_written():
    reply = "<think>near</think>\nAction: pick ball9"
    parts = by_title(played(turn(0, reply=reply, thought="near"), Manner(), unlike=False))
    assert parts.keys() == {"observation", "thought", "action", "outcome"}
    raw = by_title(played(turn(0, reply=reply, thought="near"), Manner(raw=True), unlike=False))
    assert raw["raw reply"].text == reply
    assert "thought" not in raw


@pytest.mark.parametrize("before", ["", "<think>where?</think>\n", "\x1b[2J ", "line one\n"])
@pytest.mark.parametrize("raw", [True, False])
def test_the_part_at_which_a_reply_failed_is_marked_where_it_is_drawn(before: str, raw: bool):
    reply = before + '{"name": oops}'
    start = reply.index("oops")
    failure = Failure(FailureKind.NOT_JSON, (start, start + 4), "a value", "oops")
    thought = "where?" if "think" in before else ""
    failed = replace(not_json(0), reply=reply, thought=thought, failure=failure)
    section = next(each for each in played(failed, Manner(raw=raw), unlike=False) if each.kind == "reply")
    assert section.span
    assert section.text[slice(*section.span)] == "oops"


def test_a_span_that_lies_outside_the_reply_is_not_marked():
    failure = Failure(FailureKind.NOT_JSON, (90, 99), "a value", "oops")
    failed = replace(not_json(0), failure=failure)
    assert by_title(played(failed, Manner(), unlike=False))["reply"].span is None


def test_earlier_turns_are_a_line_each_and_unfolded_ones_say_what_was_wrong():
    turns = [turn(0, action=CALL), not_json(1)]
    lines = earlier(turns, Manner()).text.split("\n")
    assert lines[0] == "  2 ✗ not JSON"
    assert "expected a JSON object" in lines[1]
    assert lines[-1] == '  1 ✓ find(room="hall", sizes=[1, 2])'
    assert len(earlier(turns, Manner("never")).text.split("\n")) == 2


def test_a_reply_is_shown_where_only_it_holds_what_is_searched_for():
    said = turn(0, reply="I wonder. Action: pick ball0")
    assert "reply" in by_title(played(said, Manner(searched=("WONDER",)), unlike=False))
    assert "reply" not in by_title(played(said, Manner(searched=("ball0",)), unlike=False))
