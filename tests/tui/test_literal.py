import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from arena.literal import literal_json
from tui.literal import clipped, literal, literal_line
from tui.wrap import wrap

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text(
    st.sampled_from("ab \t\r\n\x00\x1b[]\x9b\u202e\u2066\u200b\u200d\ud800\u2028e\u0301日👩")
)
CONTROLS = ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")


@pytest.mark.parametrize(
    ("hostile", "drawn"),
    [
        ("[red]stop[/red] [@click=app.quit]x[/]", "[red]stop[/red] [@click=app.quit]x[/]"),
        ("\x1b[2J\x1b[31m", "␛[2J␛[31m"),
        ("\x1b]8;;http://evil\x1b\\click\x1b]8;;\x07", "␛]8;;http://evil␛\\click␛]8;;␇"),
        ("\x9b2J", "<U+009B>2J"),
        ("abc\u202edcba", "abc<U+202E>dcba"),
        ("\u2066x\u2069\u200e", "<U+2066>x<U+2069><U+200E>"),
        ("nul\x00del\x7f", "nul␀del␡"),
        ("half \ud83d a character", "half <U+D83D> a character"),
        ("hid\u200bden \U000e0041", "hid<U+200B>den <U+E0041>"),
        ("a\tb", "a    b"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo␍three\nfour"),
        ("👩\u200d👧", "👩👧"),
        ("e" + "\u0301" * 500, "e" + "\u0301" * 3),
    ],
)
def test_what_a_terminal_would_act_on_becomes_visible(hostile: str, drawn: str):
    assert literal(hostile) == drawn


@given(ANY_TEXT)
def test_no_text_at_all_can_control_a_terminal(text: str):
    for character in literal(text):
        assert character == "\n" or unicodedata.category(character) not in (
            "Cc",
            "Cf",
            "Cs",
            "Cn",
            "Zl",
            "Zp",
        )


@given(ANY_TEXT)
def test_a_literal_line_is_one_line_of_bounded_length(text: str):
    line = literal_line(text, 20)
    assert "\n" not in line
    assert len(line) <= 20


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"])))
def test_harmless_text_is_drawn_as_it_is(text: str):
    assert literal(text) == text


def test_a_long_text_is_clipped_in_the_middle_and_the_loss_is_counted():
    head, left_out, tail = clipped("a" * 700 + "b" * 300, 100)
    assert (head, left_out, tail) == ("a" * 75, 900, "b" * 25)
    assert clipped("short", 100) == ("short", 0, "")


@given(ANY_TEXT, st.integers(2, 30))
def test_folded_lines_fit_and_lose_nothing_but_spaces(text: str, width: int):
    safe = literal(text)
    lines = wrap(safe, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(safe.split())


def test_lines_break_between_words_and_keep_their_indentation():
    assert wrap("  pick the red ball\nnow", 10) == ["  pick the", "red ball", "now"]
    assert wrap("abcdefghijkl", 5) == ["abcde", "fghij", "kl"]
    assert wrap("日本語のテキスト", 6) == ["日本語", "のテキ", "スト"]


@given(ANY_TEXT)
def test_a_json_document_of_any_text_is_the_same_and_controls_no_terminal(text: str):
    document = literal_json({"reply": text}, indent=2)
    assert json.loads(document) == json.loads(json.dumps({"reply": text}))
    assert all(
        character == "\n" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Cn"}
        for character in document
    )


def test_a_json_document_keeps_what_can_be_read():
    assert literal_json(["日本 é", "\x9b2J", "\u202e"]) == '["日本 é", "\\u009b2J", "\\u202e"]'
