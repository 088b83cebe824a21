import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.protocol.loops import WINDOW_CHARS, tail_loop


@pytest.mark.parametrize(
    ("text", "span", "unit", "repeats"),
    [
        ("go " * 20, (0, 60), "go ", 20),
        ("Well:" + "go " * 20, (5, 65), "go ", 20),
        ("Well:" + "go " * 20 + "g", (5, 66), "go ", 20),
        ("x" * 40, (0, 40), "x", 40),
        ('{"name": "x"' + "\n" * 50, (12, 62), "\n", 50),
        ("abcdefghij" * 4, (0, 40), "abcdefghij", 4),
        ("a" * 20_000, (0, 20_000), "a", 20_000),
    ],
)
def test_a_loop_is_found_with_its_unit_and_place(
    text: str, span: tuple[int, int], unit: str, repeats: int
) -> None:
    loop = tail_loop(text)
    assert loop is not None
    assert (loop.span, loop.unit, loop.repeats) == (span, unit, repeats)


@pytest.mark.parametrize(
    "text",
    ["", "go north", "go " * 20 + "north", "x" * 39, "abcdefghijk" * 3 + "abcdefghij", "No, no, no, no."],
)
def test_what_is_short_or_ends_is_no_loop(text: str) -> None:
    assert tail_loop(text) is None


@given(st.text("ab", min_size=1, max_size=30), st.integers(4, 12), st.text("abc", max_size=20))
def test_every_long_repetition_at_the_end_is_found(unit: str, repeats: int, before: str) -> None:
    loop = tail_loop(before + unit * repeats)
    if len(unit) * repeats < 40:
        return
    assert loop is not None
    start, end = loop.span
    assert end == len(before) + len(unit) * repeats
    assert start <= len(before)
    assert len(loop.unit) <= len(unit)
    text = (before + unit * repeats)[start:end]
    assert (loop.unit * (loop.repeats + 1)).startswith(text)


def test_a_unit_longer_than_a_quarter_of_the_window_is_not_looked_for() -> None:
    unit = "".join(chr(0x4E00 + i) for i in range(WINDOW_CHARS // 4 + 1))
    assert tail_loop(unit * 8) is None
    assert tail_loop(unit[:-1] * 8) is not None
