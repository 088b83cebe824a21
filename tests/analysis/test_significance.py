import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.significance import macro_difference, paired_difference, rank_biserial, sign_flip_p

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
@settings(max_examples=15)
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


@pytest.mark.parametrize("tasks", [10, 30])
def test_the_interval_covers_the_true_difference_nearly_as_often_as_it_says(tasks: int):
    rng = np.random.default_rng(4)
    levels, shares = np.array([-1, -0.5, 0, 0.25, 1]), [0.1, 0.2, 0.4, 0.2, 0.1]
    truth = float(levels @ shares)
    covered = 0
    for _ in range(250):
        drawn = rng.choice(levels, tasks, p=shares)
        difference = paired_difference(np.zeros(tasks), drawn)
        covered += difference.low <= truth <= difference.high
    assert covered / 250 >= 0.92


def test_one_differing_task_does_not_make_the_interval_narrower_than_none():
    none = paired_difference([1.0] * 20, [1.0] * 20)
    one = paired_difference([1.0] * 20, [1.0] * 19 + [0.99])
    assert one.low <= none.low + 1e-9
    assert one.high >= none.high - 0.01


def test_long_runs_are_as_good_as_normal_and_agree_with_resampling():
    rng = np.random.default_rng(6)
    base, other = rng.random(2000), rng.random(2000)
    resampled = paired_difference(base, other)
    normal = paired_difference(np.append(base, base[0]), np.append(other, other[0]))
    assert (normal.low, normal.high) == pytest.approx((resampled.low, resampled.high), abs=0.001)
    assert normal.p == pytest.approx(resampled.p, abs=0.03)


@given(st.lists(st.integers(-4, 4), min_size=2, max_size=8))
@settings(max_examples=30)
def test_the_sign_flip_test_is_scipys(differences: list[int]):
    values = np.array(differences) / 4
    other = stats.permutation_test(
        (values, np.zeros_like(values)), lambda x, y: np.mean(x - y), permutation_type="samples"
    )
    # scipy doubles the smaller tail, which for a symmetric distribution is the same
    assert sign_flip_p(values) == pytest.approx(min(1, other.pvalue))


def test_every_group_weighs_the_same_whatever_its_size():
    small, large = ([1.0, 1.0], [0.0, 0.5]), ([0.5] * 50, [0.5] * 50)
    difference = macro_difference([small, large])
    assert difference.delta == pytest.approx((-0.75 + 0) / 2)
    assert difference.pairs == 52
    assert difference.low < difference.delta < difference.high


def test_one_group_is_the_plain_comparison():
    base, other = [1.0, 0.5, 0.25, 1.0, 0.0], [0.5, 0.5, 0.0, 1.0, 0.25]
    assert macro_difference([(base, other)]) == paired_difference(base, other)


def test_effects_are_told_in_standard_deviations_and_in_ranks():
    base, other = [0.0, 0.0, 0.0, 0.0], [0.1, 0.2, 0.3, -0.4]
    difference = paired_difference(base, other)
    assert difference.dz == pytest.approx(0.05 / np.std([0.1, 0.2, 0.3, -0.4], ddof=1))
    assert rank_biserial(base, other) == pytest.approx((1 + 2 + 3 - 4) / 10)
    assert rank_biserial([1.0], [1.0]) is None
    assert paired_difference([1.0, 1.0], [1.0, 1.0]).dz is None


def test_a_small_group_without_a_difference_leaves_the_mean_over_groups_open():
    rng = np.random.default_rng(1)
    many = rng.random(80), rng.random(80)
    few = np.zeros(3), np.zeros(3)
    alone, together = paired_difference(*many), macro_difference([many, few])
    assert together.delta == pytest.approx(alone.delta / 2)
    unseen = (1 - 0.025 ** (1 / 3)) / 2
    assert together.high - together.delta > unseen
    assert together.delta - together.low > unseen
    assert together.p == pytest.approx(alone.p, abs=0.02)


def test_tasks_that_differ_by_next_to_nothing_do_not_make_the_interval_narrow():
    nearly = np.full(10, 0.5), 0.5 + np.linspace(-0.004, 0.004, 10)
    difference = paired_difference(*nearly)
    assert difference.widened
    assert difference.high - difference.low > 2 * 0.3
    spread = np.full(10, 0.5), 0.5 + np.linspace(-0.4, 0.4, 10)
    assert not paired_difference(*spread).widened


def test_a_small_group_with_a_slight_difference_tells_no_more_than_one_without():
    rng = np.random.default_rng(1)
    many = rng.random(80), rng.random(80)
    none = macro_difference([many, (np.zeros(3), np.zeros(3))])
    slight = macro_difference([many, (np.full(3, 0.5), np.array([0.5, 0.5, 0.49]))])
    assert slight.widened
    assert slight.high - slight.low == pytest.approx(none.high - none.low, rel=0.02)


@pytest.mark.parametrize("sizes", [[1] * 10, [3] + [1] * 8, [2] * 5 + [20] * 5])
def test_the_mean_over_groups_of_very_few_tasks_has_an_interval_that_holds(sizes: list[int]):
    rng = np.random.default_rng(8)
    missed = 0
    for _ in range(120):
        groups = [((rng.random(size) < 0.8) * 1.0, (rng.random(size) < 0.6) * 1.0) for size in sizes]
        difference = macro_difference(groups)
        missed += not difference.low <= -0.2 <= difference.high
    assert missed / 120 < 0.12  # 5 in 100 are right; as many as 38 missed while only the widest group counted


def test_groups_of_one_task_leave_what_their_spread_leaves():
    lost, gained, even = ([1.0], [0.0]), ([0.0], [1.0]), ([1.0], [1.0])
    difference = macro_difference([lost] * 3 + [gained] * 3 + [even] * 4)
    assert difference.delta == 0
    assert difference.low <= -1.96 * difference.sd / 10**0.5 + 1e-3
    assert difference.high >= 1.96 * difference.sd / 10**0.5 - 1e-3
