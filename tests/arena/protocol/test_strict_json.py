import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arena.protocol.strict_json import MAX_DEPTH, MAX_VALUES, NotJson, read

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
JSONISH = st.lists(
    st.sampled_from([*'{}[]",:\\', "true", "null", "-", "1", ".5", "e3", '"a"', '"b"', " ", "\\u00e4", "x"]),
    max_size=12,
).map("".join)


@given(VALUES, st.sampled_from([None, 2]))
def test_it_reads_what_json_writes(value: object, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    document = read(text)
    assert document.value == value
    assert document.span == (0, len(text))


@given(VALUES)
def test_every_value_is_where_the_spans_say(value: object) -> None:
    text = json.dumps(value)
    document = read(text)
    for path, (start, end) in document.values.items():
        part = document.value
        for step in path:
            part = part[step]
        assert json.loads(text[start:end]) == part
    for path, (start, end) in document.names.items():
        assert json.loads(text[start:end]) == path[-1]


@given(JSONISH)
@example('{"a":1}')
@example("[1,2")
def test_it_accepts_only_what_json_accepts(text: str) -> None:
    try:
        document = read(text)
    except NotJson:
        return
    assert json.loads(text[: document.span[1]]) == document.value


@given(JSONISH)
def test_what_it_refuses_json_refuses_too_or_has_a_name_twice(text: str) -> None:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a name twice")
        return dict(pairs)

    try:
        read(text)
    except NotJson:
        with pytest.raises(ValueError):
            json.JSONDecoder(object_pairs_hook=once).raw_decode(text)


@pytest.mark.parametrize(
    ("text", "span", "expected", "got"),
    [
        ("", (0, 0), "a value", "the end"),
        ("{", (1, 1), "a name in double quotes or '}'", "the end"),
        ('{"a"', (4, 4), "':'", "the end"),
        ('{"a":', (5, 5), "a value", "the end"),
        ('{"a":1', (6, 6), "',' or '}'", "the end"),
        ('{"a":1,', (7, 7), "a name in double quotes", "the end"),
        ("[1", (2, 2), "',' or ']'", "the end"),
        ("[1,", (3, 3), "a value", "the end"),
        ('"a', (2, 2), "a closing '\"'", "the end"),
        ('"a\\', (3, 3), "a closing '\"'", "the end"),
        ("[tru", (4, 4), "a value", "the end"),
        ("[-", (2, 2), "a value", "the end"),
        ("[1.", (3, 3), "the rest of a number", "the end"),
        ("[1e", (3, 3), "the rest of a number", "the end"),
        ("[1.5E+", (6, 6), "the rest of a number", "the end"),
    ],
)
def test_text_that_ends_too_soon_is_cut(text: str, span: tuple[int, int], expected: str, got: str) -> None:
    with pytest.raises(NotJson) as caught:
        read(text)
    assert (caught.value.span, caught.value.expected, caught.value.got) == (span, expected, got)
    assert caught.value.cut


@pytest.mark.parametrize("size", range(1, 6))
def test_a_cut_unicode_escape_is_cut(size: int) -> None:
    with pytest.raises(NotJson) as caught:
        read('"a' + "\\u00e9"[: size + 1])
    assert caught.value.cut


@pytest.mark.parametrize(
    ("text", "span", "expected", "got"),
    [
        ("{'a':1}", (1, 2), "a name in double quotes or '}'", "'a':1}"),
        ("{a:1}", (1, 2), "a name in double quotes or '}'", "a:1}"),
        ('{"a":1,}', (7, 8), "a name in double quotes", "}"),
        ('{"a" 1}', (5, 6), "':'", "1}"),
        ('{"a":1 "b":2}', (7, 8), "',' or '}'", '"b":2}'),
        ("[1 2]", (3, 4), "',' or ']'", "2]"),
        ("[NaN]", (1, 2), "a value", "NaN]"),
        ("[-Infinity]", (1, 2), "a value", "-Infinity]"),
        ("[True]", (1, 2), "a value", "True]"),
        ("[01]", (2, 3), "',' or ']'", "1]"),
        ("[.5]", (1, 2), "a value", ".5]"),
        ('"a\nb"', (2, 3), "an escape such as \\n", "\\n"),
        ('"a\\xb"', (2, 4), "an escape that JSON knows", "\\x"),
        ('"a\\u12G4"', (2, 4), "an escape that JSON knows", "\\u"),
        ('{"a":1,"a":2}', (7, 10), "every name once", '"a" again'),
        ('["\\ud800"]', (1, 9), "Unicode text", "half a surrogate pair"),
        ('["\udc80"]', (1, 4), "Unicode text", "half a surrogate pair"),
        ("[1e999]", (1, 6), "a number that fits a double", "1e999"),
        (f"[{'9' * 310}]", (1, 311), "a number that fits a double", "9" * 40 + "…"),
        (f"[0.{'1' * 400}]", (1, 403), "a number of at most 320 characters", "402 characters"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    text: str, span: tuple[int, int], expected: str, got: str
) -> None:
    with pytest.raises(NotJson) as caught:
        read(text)
    assert (caught.value.span, caught.value.expected, caught.value.got) == (span, expected, got)
    assert not caught.value.cut


def test_nesting_has_a_limit() -> None:
    assert read("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH).value
    with pytest.raises(NotJson, match="levels of nesting"):
        read("[" * (MAX_DEPTH + 1) + "1" + "]" * (MAX_DEPTH + 1))


def test_the_number_of_values_has_a_limit() -> None:
    assert len(read(json.dumps([0] * (MAX_VALUES - 1))).value) == MAX_VALUES - 1
    with pytest.raises(NotJson, match="10000 values"):
        read(json.dumps([0] * MAX_VALUES))


def test_text_after_the_value_is_not_looked_at() -> None:
    assert read('x {"a":1} }}', 2).span == (2, 9)
