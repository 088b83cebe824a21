"""Tool calls as text: read and written, nothing evaluated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.tools.call import BadArguments, Call, read, write

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.from_regex(r"[A-Za-z_0-9]{1,20}", fullmatch=True), st.dictionaries(st.text(), JSON, max_size=4))
def test_what_is_written_is_one_line_and_read_as_the_same_call(name: str, arguments: dict) -> None:
    line = write(Call(name, arguments))
    assert len(line.splitlines()) == 1
    line.encode("utf-8")
    assert read(line) == Call(name, arguments)


@given(st.text() | st.text().map(lambda text: f"x with Action Input: {text}"))
def test_any_text_is_a_call_none_or_bad_arguments(text: str) -> None:
    try:
        call = read(text)
    except BadArguments:
        return
    assert call is None or isinstance(call.arguments, dict)


@pytest.mark.parametrize(
    "line",
    [
        'Action: add with Action Input: {"n": 1}',
        "  add with Action Input:{'n': 1}\nand more",
        "add  with  Action Input: {'n': 1,}",
        '{"name": "add", "arguments": {"n": 1}}',
    ],
)
def test_usual_ways_to_write_a_call_are_understood(line: str) -> None:
    assert read(line) == Call("add", {"n": 1})


def test_a_call_as_json_holds_no_number_that_a_double_does_not() -> None:
    with pytest.raises(BadArguments):
        read('{"name": "add", "arguments": {"n": [1' + "0" * 401 + "]}}")
    assert read(f'{{"name": "add", "arguments": {{"n": {10**300}}}}}') == Call("add", {"n": 10**300})


@pytest.mark.parametrize("line", ["add", "add {}", "add with action input: {}", "", "{}", '{"name": 3}', "{"])
def test_what_is_no_call_is_none(line: str) -> None:
    assert read(line) is None


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "3",
        "[1]",
        "open('x')",
        "{'a': open}",
        "{1: 2}",
        "{" * 99,
        "{'a': " + "9" * 60_000 + "}",
        "lambda: 0",
        "{'a': {'x', 'y'}}",
        "{'a': [b'x']}",
        "{'a': {'b': 1j}}",
        "{'a': ...}",
        "{'a': 0x" + "f" * 5000 + "}",
        "{'a': {1" + "0" * 401 + ": 1}}",
        '{"a": -1' + "0" * 401 + "}",
        '{"a": ' + "[" * 60 + "]" * 60 + "}",
    ],
)
def test_other_arguments_are_bad(arguments: str) -> None:
    with pytest.raises(BadArguments):
        read(f"add with Action Input: {arguments}")
