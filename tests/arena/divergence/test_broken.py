"""The parts of calls that broke."""

import numpy as np
import pytest

from arena.analyzing.parts import OTHER, PARTS
from arena.divergence.broken import name_parts


def parts_of(reply: str) -> list[tuple[str, str]]:
    """The reply in runs of one part each, white space left out."""
    parts = np.full(len(reply), PARTS.index(OTHER), dtype=np.int8)
    name_parts(parts, reply)
    runs: list[tuple[str, str]] = []
    for char, part in zip(reply, parts.tolist(), strict=True):
        if runs and runs[-1][1] == PARTS[part]:
            runs[-1] = (runs[-1][0] + char, PARTS[part])
        else:
            runs.append((char, PARTS[part]))
    return [(text.strip(), part) for text, part in runs if text.strip()]


def test_a_call_without_its_end_keeps_the_names_of_its_parts():
    assert parts_of('{"name":"go","arguments":{"room":"kit') == [
        ('{"name":"', "syntax"),
        ("go", "tool name"),
        ('","arguments":{"', "syntax"),
        ("room", "argument name"),
        ('":"', "syntax"),
        ("kit", "argument value"),
    ]


def test_what_a_list_holds_is_values():
    found = parts_of('{"name":"add","arguments":{"rows":["alpha","beta",["c"],"gamma"],"n":[1,2],"m')
    values = [text for text, part in found if part == "argument value"]
    assert values == ["alpha", "beta", "c", "gamma", "1", "2"]
    assert [text for text, part in found if part == "argument name"] == ["rows", "n", "m"]


def test_a_missing_colon_is_in_the_syntax():
    found = parts_of('{"name":"go","argumentsb1. right","x"}')
    assert found[:2] == [('{"name":"', "syntax"), ("go", "tool name")]
    assert {part for _, part in found[2:]} == {"syntax"}


def test_text_around_the_call_is_other_text():
    found = parts_of('Sure: {"name":"go","arguments":{}} done')
    assert (found[0], found[-1]) == (("Sure:", "other text"), ("done", "other text"))


@pytest.mark.parametrize("reply", ["", "no call", "{", '{"', "}{", '{"\\', "[" * 5000, '{"a":' * 5000])
def test_any_reply_is_read(reply: str):
    parts_of(reply)
