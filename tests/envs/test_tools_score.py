"""How tool episodes are scored, and where faithful and strict part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.tools import score

START = [["Name", "Mark"], ["Bo", "1"], ["Ada", "2"]]
TARGET = [["Name", "Mark"], ["Ada", "2"], ["Bo", "1"]]


def test_each_result_counts_for_one_expectation_only() -> None:
    assert score.obtained([1, 1, 2], [1, 3, 2]) == [True, False, True]
    assert score.obtained([1, 1], [1, 1]) == [True, True]
    assert score.obtained([{"a": [1]}], [{"a": [1]}, {"a": [2]}]) == [True]
    assert score.obtained(["2"], [2]) == [False]


def test_doing_nothing_scores_the_untouched_cells_faithfully_and_nothing_strictly() -> None:
    assert score.matching_faithful(START, TARGET) == pytest.approx(2 / 6)
    assert score.matching_strict(START, TARGET, START) == 0.0


def test_a_sheet_cut_down_to_its_titles_is_right_faithfully_and_wrong_strictly() -> None:
    assert score.matching_faithful(TARGET[:1], TARGET) == 1.0
    assert score.matching_strict(TARGET[:1], TARGET, START) == 0.0


def test_half_of_what_was_to_change_is_half_of_the_score() -> None:
    half = [["Name", "Mark"], ["Ada", "2"], ["Ada", "2"]]
    assert score.matching_strict(half, TARGET, START) == 0.5


def test_an_empty_sheet_scores_nothing_in_both() -> None:
    assert score.matching_faithful([], TARGET) == score.matching_strict([], TARGET, START) == 0.0


def test_rows_are_right_as_far_as_the_target_goes_faithfully_and_as_a_whole_strictly() -> None:
    wider = [["Name", "Mark", "Extra"]]
    assert score.rows_right(wider, TARGET, faithful=True) == [True, False, False]
    assert score.rows_right(wider, TARGET, faithful=False) == [False, False, False]


TABLES = st.lists(st.lists(st.sampled_from("abc"), max_size=4), max_size=4)


@given(TABLES, TABLES, TABLES)
def test_scores_are_rates_and_the_target_scores_one(sheet: list, target: list, start: list) -> None:
    assert 0.0 <= score.matching_strict(sheet, target, start) <= 1.0
    assert score.matching_strict(target, target, start) == 1.0
    rectangle = [row[:1] for row in sheet if row]
    assert 0.0 <= score.matching_faithful(rectangle, [["a"], ["b"]]) <= 1.0
