import numpy as np
import pytest

from analysis.sequential import ConfidenceSequence

MIXED = [0, 0, -1, 0, 0.5, 0, -0.25, 0, 0, 1]
DROPS = [0, 0, -1, 0, -0.5, 0, -0.25, 0, 0, -1]


def after(differences: list[float], **settings) -> ConfidenceSequence:
    sequence = ConfidenceSequence(**settings)
    for difference in differences:
        sequence.add(difference)
    return sequence


@pytest.mark.parametrize(
    ("differences", "low", "high"),
    [
        # `betting_cs((d + 1) / 2, breaks=2000, running_intersection=True)` of confseq's Python source
        (MIXED, -0.510, 0.482),
        (MIXED * 4, -0.213, 0.230),
        (MIXED * 12, -0.111, 0.147),
        (DROPS, -0.638, 0.346),
        (DROPS * 4, -0.458, -0.043),
        (DROPS * 12, -0.386, -0.167),
    ],
)
def test_intervals_are_those_of_the_authors_own_package(differences: list[float], low: float, high: float):
    assert after(differences).interval == pytest.approx((low, high), abs=1e-6)


def test_an_interval_never_grows():
    sequence = ConfidenceSequence()
    last_low, last_high = sequence.interval
    assert (last_low, last_high) == (-1, 1)
    for difference in np.random.default_rng(3).choice([-1, 0, 0.5, 1], 200):
        sequence.add(difference)
        low, high = sequence.interval
        assert last_low <= low <= high <= last_high
        last_low, last_high = low, high


def test_swapping_the_two_sides_mirrors_the_interval():
    low, high = after(DROPS * 4).interval
    assert after([-each for each in DROPS * 4]).interval == pytest.approx((-high, -low))


def test_two_equal_contestants_are_told_apart_in_few_runs_although_one_looks_after_every_task():
    # 1,000 A/A runs of 300 tasks; tests/benchmarks/bench_sequential.py has 10,000 and other kinds of scores
    rng = np.random.default_rng(11)
    sequence = ConfidenceSequence(means=[0.0], runs=1000)
    for _ in range(300):
        sequence.add((rng.random(1000) < 0.6).astype(float) - (rng.random(1000) < 0.6))
    alarms = np.mean(sequence.log_evidence[:, 0] >= np.log(1 / 0.05))
    assert alarms <= 0.05


def test_a_look_after_every_task_with_an_ordinary_interval_would_be_wrong_far_more_often():
    # why this module exists: the same A/A runs, tested by z at every look from the tenth task on
    rng = np.random.default_rng(11)
    differences = (rng.random((1000, 300)) < 0.6).astype(float) - (rng.random((1000, 300)) < 0.6)
    count = np.arange(1, 301)
    mean = differences.cumsum(axis=1) / count
    deviation = np.sqrt((differences**2).cumsum(axis=1) / count - mean**2)
    looks = np.abs(mean[:, 9:]) > 1.96 * deviation[:, 9:] / np.sqrt(count[9:])
    assert looks.any(axis=1).mean() > 0.2


def test_the_true_mean_of_a_real_drop_stays_inside():
    rng = np.random.default_rng(5)
    sequence = ConfidenceSequence(means=[-0.2], runs=1000)
    for _ in range(300):
        sequence.add(rng.choice([-1.0, -0.5, 0.0, 1.0], 1000, p=[0.15, 0.2, 0.6, 0.05]))
    assert np.mean(sequence.log_evidence[:, 0] >= np.log(1 / 0.05)) <= 0.05


def test_a_clear_drop_is_seen():
    low, high = after([-0.5, -1, 0, -0.25] * 20).interval
    assert low < -0.4375 < high < -0.2


@pytest.mark.parametrize("difference", [1.1, -2, float("nan")])
def test_what_is_no_difference_of_rates_is_refused(difference: float):
    with pytest.raises(ValueError, match="lie in"):
        ConfidenceSequence().add(difference)
