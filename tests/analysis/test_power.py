import math

import numpy as np
import pytest

from analysis.power import (
    detectable_difference,
    detectable_rate_difference,
    tasks_needed,
    tasks_to_decide,
    tasks_to_gate,
    tasks_to_rule_out,
    usual_deviation,
)
from analysis.rates import mcnemar_p
from analysis.significance import PairedDifference


@pytest.mark.parametrize(
    ("tasks", "effect"),
    [(40, 0.454257), (10, 0.996002)],  # statsmodels' TTestPower
)
def test_the_detectable_difference_is_that_of_the_paired_t_test(tasks: int, effect: float):
    assert detectable_difference(0.2, tasks) == pytest.approx(0.2 * effect, abs=1e-5)


def test_the_needed_tasks_are_those_of_the_paired_t_test():
    assert tasks_needed(1.0, 0.5) == pytest.approx(33.367, abs=0.1)  # statsmodels' TTestPower
    assert tasks_needed(1.0, 0.0) == math.inf


def test_tasks_needed_and_detectable_difference_undo_each_other():
    tasks = round(tasks_needed(0.3, 0.08))
    assert detectable_difference(0.3, tasks) == pytest.approx(0.08, rel=0.01)


def test_few_tasks_detect_nothing():
    assert detectable_difference(0.9, 2) is None
    assert detectable_difference(0.5, 1) is None
    assert detectable_rate_difference(0.0, 3) is None


def test_a_difference_of_rates_of_that_size_is_seen_in_four_of_five_runs():
    tasks, discordant = 150, 0.2
    difference = detectable_rate_difference(discordant, tasks)
    assert difference is not None
    rng = np.random.default_rng(0)
    shares = [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
    draws = rng.multinomial(tasks, shares, 2000)
    known = {tuple(draw[:2]): mcnemar_p(int(draw[0]), int(draw[1])) for draw in draws}
    seen = np.mean([known[tuple(draw[:2])] < 0.05 for draw in draws])
    assert seen == pytest.approx(0.8, abs=0.06)  # the exact test is a little careful


def test_where_no_task_differed_half_a_task_is_supposed_to():
    assert usual_deviation(0.0, 49) == pytest.approx(0.1)
    assert usual_deviation(0.3, 49) == 0.3
    assert detectable_difference(0.0, 50) == pytest.approx(detectable_difference(math.sqrt(0.5 / 51), 50))


def test_more_tasks_decide_where_the_difference_is_far_from_a_border():
    def needed(delta: float) -> float:
        return tasks_to_decide(PairedDifference(delta, delta - 0.18, delta + 0.18, 0.5, 20, 0.4), 0.1)

    assert needed(0.0) == pytest.approx(tasks_needed(0.4, 0.1))
    assert needed(-0.2) == pytest.approx(tasks_needed(0.4, 0.2))  # it is a loss: 0 has to be excluded
    assert needed(-0.05) > needed(0.0)


def test_an_interval_that_few_tasks_of_one_benchmark_widen_takes_more_tasks_than_the_deviation_says():
    narrow, wide = (
        PairedDifference(0.0, -0.066, 0.066, 1.0, 80, 0.3),
        PairedDifference(0.0, -0.25, 0.25, 1.0, 80, 0.3),
    )
    assert tasks_to_rule_out(narrow, 0.1) == pytest.approx(tasks_needed(0.3, 0.1))
    assert tasks_to_rule_out(wide, 0.1) == pytest.approx(2.5 * 80)


def test_a_gate_asks_for_enough_tasks_to_rule_out_the_drop_or_to_prove_one_beyond_it():
    def needed(delta: float) -> float:
        return tasks_to_gate(PairedDifference(delta, delta - 0.18, delta + 0.18, 0.5, 20, 0.4), 0.1)

    assert needed(-0.08) == pytest.approx(tasks_needed(0.4, 0.02))
    assert needed(-0.12) == pytest.approx(tasks_needed(0.4, 0.12))


def test_however_equal_all_looks_rare_losses_take_tasks_to_rule_out():
    equal = PairedDifference(0.0, -0.0007, 0.0007, 1.0, 5000, 0.0)
    assert tasks_to_rule_out(equal, 0.03) == pytest.approx(np.log(0.025) / np.log(0.97))


def test_a_loss_among_many_comparisons_takes_more_tasks_and_what_is_ruled_out_as_many():
    loss = PairedDifference(-0.2, -0.38, -0.02, 0.04, 20, 0.4)
    equal = PairedDifference(0.0, -0.18, 0.18, 1.0, 20, 0.4)
    alone, among = (tasks_to_decide(loss, 0.1, comparisons) for comparisons in (1, 20))
    assert among == pytest.approx(tasks_needed(0.4, 0.2, 20))
    # two-sided at 5 % / 20, power 80 %: (3.023 + 0.842)^2 over (1.960 + 0.842)^2
    assert among / alone == pytest.approx(1.9, abs=0.05)
    assert tasks_to_decide(equal, 0.1, 20) == tasks_to_decide(equal, 0.1)
    assert tasks_to_gate(loss, 0.1, 20) == pytest.approx(among)
