import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.significance import paired_difference

SCORES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=20)


def test_a_clear_drop_is_significant_and_its_interval_is_below_zero():
    base = np.array([1.0, 0.9, 1.0, 0.8, 1.0, 0.9, 1.0, 1.0, 0.7, 1.0])
    other = base - np.array([0.5, 0.4, 0.6, 0.3, 0.5, 0.4, 0.5, 0.6, 0.2, 0.5])
    difference = paired_difference(base, other)
    assert difference.delta == pytest.approx(-0.45)
    assert difference.low < -0.45 < difference.high < 0
    assert difference.p < 0.01


def test_noise_around_zero_is_not_significant():
    rng = np.random.default_rng(1)
    base = rng.random(40)
    difference = paired_difference(base, np.clip(base + rng.normal(0, 0.1, 40), 0, 1))
    assert difference.low < 0 < difference.high
    assert difference.p > 0.05


def test_equal_scores_give_an_interval_that_is_honest_about_the_number_of_tasks():
    few, many = paired_difference([1.0] * 5, [1.0] * 5), paired_difference([1.0] * 500, [1.0] * 500)
    assert few.delta == many.delta == 0
    assert few.p == many.p == 1
    # with no differing task in n, a share of 1 - 0.025^(1/n) of differing tasks can't be ruled out
    assert few.high == pytest.approx(stats.beta.ppf(0.975, 1, 5))
    assert few.low == pytest.approx(-few.high)
    assert many.high < 0.01


def test_one_pair_is_never_significant():
    assert paired_difference([1.0], [0.0]).p == 1
    assert paired_difference([1.0], [0.0]).high > 0 or paired_difference([1.0], [0.0]).low == -1


def test_small_samples_get_the_exact_sign_flip_p_value():
    # 6 pairs, all negative and unequal: 2 of the 2^6 sign patterns are as extreme
    assert paired_difference([1, 1, 1, 1, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).p == pytest.approx(2 / 64)


@given(SCORES)
@settings(max_examples=15, deadline=None)
def test_swapping_the_two_sides_mirrors_the_difference(pairs: list[tuple[float, float]]):
    first, second = zip(*pairs, strict=True)
    there, back = paired_difference(first, second), paired_difference(second, first)
    assert there.delta == pytest.approx(-back.delta)
    assert there.low <= there.delta + 1e-9
    assert there.delta <= there.high + 1e-9


@pytest.mark.parametrize("sides", [([], []), ([1.0], [1.0, 0.0])])
def test_unpaired_scores_are_refused(sides: tuple[list[float], list[float]]):
    with pytest.raises(ValueError, match="paired scores"):
        paired_difference(*sides)
