"""Formulas: what they are worth, and that nothing else is computed."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envs.tools import formula

CELLS: dict[str, list[formula.Value]] = {"A1": [2.0], "A2": [3.0], "A3": ["text"], "A4": [None], "A5": ["7"]}
CELLS["A1:A4"] = [2.0, 3.0, "text", None]


def lookup(start: str, end: str) -> list[formula.Value]:
    if (start if start == end else f"{start}:{end}") not in CELLS:
        raise formula.FormulaError("#REF!")
    return CELLS[start if start == end else f"{start}:{end}"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1+2*3", 7.0),
        ("(1+2)*3", 9.0),
        ("2^3^2", 512.0),
        ("-2^2", 4.0),
        ("10%*50", 5.0),
        ("7-2-1", 4.0),
        ("8/4/2", 1.0),
        ("1.5e2 + .5", 150.5),
        ("A1*$A$2", 6.0),
        ("A4+1", 1.0),
        ("A5+1", 8.0),
        ("a1+sum(a1:a4)", 7.0),
        ("SUM(A1,A2,10)", 15.0),
        ("AVERAGE(A1:A4)", 2.5),
        ("COUNT(A1:A4)", 2.0),
        ("MAX(A1:A4)-MIN(A1:A4)", 1.0),
        ("PRODUCT(A1:A4)", 6.0),
        ("MINUS(A2,A1)", 1.0),
        ("SUM(A3)", 0.0),
        ("SUM(A1+1, 2)", 5.0),
    ],
)
def test_a_formula_has_the_value_that_a_spreadsheet_gives_it(text: str, value: float) -> None:
    assert formula.evaluate(text, lookup) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1/0", "#DIV/0!"),
        ("AVERAGE(A3)", "#DIV/0!"),
        ("A3+1", "#VALUE!"),
        ("MINUS(A1:A4)", "#N/A"),
        ("EXEC(1)", "#NAME?"),
        ("Z99", "#REF!"),
        ("9^9^9^9", "#NUM!"),
        ("(0-8)^0.5", "#NUM!"),
        ("1e308*10", "#NUM!"),
        ("", "#ERROR!"),
        ("1+", "#ERROR!"),
        ("(1", "#ERROR!"),
        ("SUM(A1:)", "#ERROR!"),
        ("SUM", "#ERROR!"),
        ("__import__('os')", "#ERROR!"),
        ("1 2", "#ERROR!"),
        ("(" * 200 + "1" + ")" * 200, "#ERROR!"),
        ("1+" * 400 + "1", "#ERROR!"),
    ],
)
def test_what_can_not_be_computed_is_an_error_value(text: str, error: str) -> None:
    assert formula.evaluate(text, lookup) == error


@given(st.text(alphabet="A1:()+-*/^%,. SUMe9$'\"", max_size=80) | st.text(max_size=40))
def test_any_text_gives_a_number_or_an_error_value(text: str) -> None:
    value = formula.evaluate(text, lookup)
    assert value.startswith("#") if isinstance(value, str) else math.isfinite(value)


@example("SUM", [[math.inf, -math.inf]])
@example("AVERAGE", [[math.inf], [-math.inf]])
@given(
    st.sampled_from(formula.OPERATORS),
    st.lists(st.lists(st.floats() | st.text(max_size=3) | st.none() | st.booleans())),
)
def test_any_operator_takes_any_cells(operator: str, cells: list[list[formula.Value]]) -> None:
    value = formula.apply(operator, cells)
    assert value.startswith("#") if isinstance(value, str) else math.isfinite(value)


def test_infinite_cells_of_both_signs_have_no_sum() -> None:
    assert formula.evaluate("SUM(A1:A2)", lambda start, end: [math.inf, -math.inf]) == "#NUM!"
