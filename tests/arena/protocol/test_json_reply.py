"""Whole replies that were to be JSON: the same kinds of failure as tool calls have."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.protocol.base import FailureKind
from arena.protocol.json_reply import diagnose


@pytest.mark.parametrize(
    ("reply", "finish_reason", "kind", "marked"),
    [
        ("I would call the weather tool.", "stop", FailureKind.NO_ACTION, "I would call the weather tool."),
        ("Sure: {'name': 'rain'}", "stop", FailureKind.NOT_JSON, "'"),
        ('{"name": "rain"', "length", FailureKind.TRUNCATED, '{"name": "rain"'),
        ('{"name": "rain"', "stop", FailureKind.NOT_JSON, ""),
        ('So: {"tool": "rain"} ok', "stop", FailureKind.WRONG_SHAPE, '{"tool": "rain"}'),
        ("[" + "1, 2, " * 60, "length", FailureKind.REPEATED, None),
        ("[" + "12, " * 60 + "\n", "length", FailureKind.REPEATED, None),
        ("\n\nI would call it.\n", "stop", FailureKind.NO_ACTION, ""),
    ],
)
def test_each_way_to_fail_has_its_kind_and_its_place(reply, finish_reason, kind, marked):
    failure = diagnose(reply, finish_reason)
    assert failure.kind is kind
    if marked is not None:
        assert reply[slice(*failure.span)].startswith(marked)


def test_a_repair_is_what_the_json_would_have_been():
    assert json.loads(diagnose("{'name': 'rain', 'args': {}}").repair) == {"name": "rain", "args": {}}
    assert diagnose("[[[").repair is None


@given(st.text(max_size=300))
def test_any_reply_is_diagnosed_within_its_own_length(reply):
    failure = diagnose(reply)
    assert 0 <= failure.span[0] <= failure.span[1] <= max(1, len(reply) + 1)
