import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.prediction import rank_correlation, rank_interval, spearman


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=12))
@settings(max_examples=60)
def test_spearman_is_scipys(pairs: list[tuple[int, int]]):
    first, second = zip(*pairs, strict=True)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert math.isnan(spearman(first, second))
    else:
        assert spearman(first, second) == pytest.approx(stats.spearmanr(first, second).statistic)


def test_a_metric_that_orders_contestants_as_their_drops_do_has_a_rho_of_one():
    damage = np.linspace(0, 1, 8)
    drops = damage[:, None] + np.zeros((8, 20))
    found = rank_correlation(damage**3, drops)
    assert found.rho == pytest.approx(1)
    assert (found.low, found.high) == (pytest.approx(0.93, abs=0.01), pytest.approx(1, abs=1e-3))
    assert rank_correlation(-damage, drops).rho == pytest.approx(-1)


@pytest.mark.parametrize("count", [4, 5, 6, 7])
def test_an_order_of_a_few_counts_where_the_exact_test_says_so(count: int):
    orders = [spearman(range(count), order) for order in itertools.permutations(range(count))]
    for rho in sorted({round(each, 9) for each in orders}):
        p = sum(abs(each) >= abs(rho) - 1e-9 for each in orders) / len(orders)
        low, high = rank_interval(rho, count)
        assert (low > 0 or high < 0) == (p < 0.05), (count, rho, p)
        assert (low <= rho + 1e-9 and rho - 1e-9 <= high) or abs(rho) > 0.999


def test_noise_in_the_tasks_widens_the_interval():
    rng = np.random.default_rng(3)
    damage = np.linspace(0, 0.3, 8)
    few = rank_correlation(damage, damage[:, None] + rng.normal(0, 0.5, (8, 4)))
    many = rank_correlation(damage, damage[:, None] + rng.normal(0, 0.5, (8, 400)))
    assert few.low <= few.rho <= few.high
    assert many.high - many.low < few.high - few.low
    assert many.low > 0


def test_unrelated_numbers_have_an_interval_around_zero():
    rng = np.random.default_rng(0)
    found = rank_correlation(rng.random(12), rng.random((12, 1)) + rng.random((12, 30)))
    assert found.low < 0 < found.high


def test_contestants_that_lost_nothing_correlate_with_nothing():
    found = rank_correlation([1.0, 2.0, 3.0, 4.0], np.zeros((4, 5)))
    assert math.isnan(found.rho)
    assert math.isnan(found.low)


@pytest.mark.parametrize(
    ("metric", "drops", "why"),
    [
        ([1, 2, 3], np.zeros((3, 5)), "too few"),
        ([1, 2, 3, 4], np.zeros((3, 5)), "does not fit"),
        ([1, 2, 3, 4], np.zeros((4, 0)), "does not fit"),
        ([1, 2, 3, math.nan], np.zeros((4, 5)), "finite"),
    ],
)
def test_what_can_not_be_correlated_is_refused(metric: list[float], drops: np.ndarray, why: str):
    with pytest.raises(ValueError, match=why):
        rank_correlation(metric, drops)
