import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.multiple import holm
from analysis.repeats import pass_hat_k


def test_holm_is_the_published_procedure():
    # statsmodels' multipletests(method="holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_a_p_value_nor_changes_their_order(p_values: list[float]):
    adjusted = holm(p_values)
    assert all(1 >= after >= before for before, after in zip(p_values, adjusted, strict=True))
    ranked = [after for _, after in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)


def test_one_comparison_needs_no_allowance():
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


def test_pass_hat_k_counts_the_ways_to_draw_k_successes():
    # 3 of 4: 3 of the 6 pairs are two successes; 4 of 4: all; 1 of 4: none
    assert pass_hat_k([(4, 3)], 2) == pytest.approx(0.5)
    assert pass_hat_k([(4, 3), (4, 4), (4, 1)], 2) == pytest.approx((0.5 + 1 + 0) / 3)
    assert pass_hat_k([(4, 3)], 1) == 0.75
    assert pass_hat_k([(4, 3)], 4) == 0


def test_tasks_with_fewer_tries_are_left_out():
    assert pass_hat_k([(2, 2), (4, 0)], 3) == 0
    assert pass_hat_k([(2, 2)], 3) is None
