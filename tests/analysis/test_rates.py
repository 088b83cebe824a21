import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.rates import (
    PairedOutcomes,
    mcnemar_p,
    paired_outcomes,
    paired_rates,
    tango_interval,
    wilson_interval,
)
from analysis.significance import sign_flip_p

COUNTS = st.tuples(*[st.integers(0, 30)] * 4).filter(any)


@pytest.mark.parametrize(
    ("rate", "count", "low", "high"),
    # statsmodels' proportion_confint(method="wilson")
    [(0.8, 10, 0.490162, 0.943318), (0.0, 20, 0.0, 0.161125), (1.0, 20, 0.838875, 1.0)],
)
def test_wilson_intervals_are_those_of_other_implementations(rate, count, low, high):
    assert wilson_interval(rate, count) == pytest.approx((low, high), abs=1e-6)


def test_wilson_needs_trials():
    with pytest.raises(ValueError, match="at least one trial"):
        wilson_interval(0.5, 0)


def test_tango_intervals_are_the_published_ones():
    # airway hyper-responsiveness in 21 children (Bentur et al. 2009), as worked out by
    # Fagerland, Lydersen & Laake 2014: 1 in both, 1 before only, 7 after only, 12 in neither
    low, high = tango_interval(7, 1, 21)
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)


def test_tango_does_not_degenerate_where_no_task_differs():
    # z^2 / (n + z^2): what the score test can't rule out
    low, high = tango_interval(0, 0, 20)
    assert high == pytest.approx(3.8414588 / 23.8414588, abs=1e-6)
    assert low == pytest.approx(-high)


def test_mcnemar_is_the_published_one():
    assert mcnemar_p(7, 1) == pytest.approx(0.0703125)  # statsmodels' mcnemar(exact=True)
    assert mcnemar_p(0, 0) == 1


@given(COUNTS)
@settings(max_examples=60)
def test_intervals_hold_the_difference_and_mirror_when_the_sides_are_swapped(counts):
    outcomes = PairedOutcomes(*counts)
    there = paired_rates(outcomes)
    back = paired_rates(PairedOutcomes(outcomes.both, outcomes.gained, outcomes.lost, outcomes.neither))
    assert -1 <= there.low <= there.delta <= there.high <= 1
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low), abs=1e-6)
    assert back.p == pytest.approx(there.p)


@given(st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=30)
def test_mcnemar_is_the_sign_flip_test_of_outcomes(lost, gained):
    assert mcnemar_p(lost, gained) == pytest.approx(sign_flip_p([-1] * lost + [1] * gained + [0] * 5))


def test_outcomes_are_counted_by_who_solved_the_task():
    assert paired_outcomes([1, 1, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0]) == PairedOutcomes(1, 2, 1, 2)
    assert PairedOutcomes(1, 2, 1, 2).odds_ratio == 0.5
    assert PairedOutcomes(1, 0, 1, 2).odds_ratio is None


@pytest.mark.parametrize("sides", [([], []), ([1], [1, 0]), ([1, 0.5], [1, 0])])
def test_what_are_no_paired_outcomes_is_refused(sides):
    with pytest.raises(ValueError, match="outcomes"):
        paired_outcomes(*sides)


@pytest.mark.parametrize(("discordant", "tasks"), [(0.05, 30), (0.3, 20), (0.3, 100)])
def test_tango_covers_the_true_difference_as_often_as_it_says(discordant, tasks):
    rng = np.random.default_rng(2)
    draws = rng.multinomial(tasks, [discordant * 0.75, discordant * 0.25, 1 - discordant], 1000)
    truth = discordant * (0.25 - 0.75)
    seen = {tuple(draw[:2]): tango_interval(*draw[:2], tasks) for draw in draws}
    covered = [seen[tuple(draw[:2])][0] <= truth <= seen[tuple(draw[:2])][1] for draw in draws]
    assert np.mean(covered) >= 0.93
