import pytest

from arena.comparing import Table, adjusted, compare, compare_overall, paired
from arena.score import EpisodeScore, score


def episode(contestant: str, task: str, progress: float | None, **changes) -> EpisodeScore:
    values = {
        "contestant": contestant,
        "benchmark": "pddl",
        "task_hash": task,
        "progress": progress,
        "success": None if progress is None else float(progress == 1),
        "turns": 4,
        "valid_turns": 3,
        "action_turns": 4,
        "tokens": 20,
    }
    return EpisodeScore(**(values | changes))


EPISODES = [
    episode("base", "a", 1.0),
    episode("base", "b", 0.5, turns=10, valid_turns=5, action_turns=8),
    episode("other", "a", 0.5),
    episode("other", "c", 0.0, benchmark="scienceworld"),
]


def pairs_of(episodes, measure="progress", benchmark="pddl", order=None):
    return paired(Table(episodes), "base", "other", [benchmark], measure, order)


def test_scores_are_means_over_episodes_by_contestant_and_benchmark():
    scores = score(["base", "other"], EPISODES, {("other", "pddl"): 2})
    base = scores["base"]["pddl"]
    assert (base.episodes, base.errors) == (2, 0)
    assert (base.progress, base.success) == (0.75, 0.5)
    # grounding: valid actions per turn, averaged over episodes; valid calls: over all turns
    assert base.grounding == pytest.approx((3 / 4 + 5 / 10) / 2)
    assert base.valid_call_rate == pytest.approx(12 / 14)
    assert base.turns == 7
    assert scores["other"]["pddl"].errors == 2


def test_means_count_errors_as_nothing_or_as_0_side_by_side():
    other = score(["other"], EPISODES, {("other", "pddl"): 3, ("other", "jericho"): 1})["other"]
    assert other["pddl"].progress == 0.5
    assert other["pddl"].progress_with_errors == 0.125
    assert (other["jericho"].progress, other["jericho"].progress_with_errors) == (None, 0.0)


def test_an_interval_of_a_rate_of_1_is_no_point():
    low, high = score(["base"], EPISODES[:1], {})["base"]["pddl"].success_ci
    assert (low, high) == (pytest.approx(0.2065, abs=1e-3), 1.0)


def test_repeats_give_the_share_of_tasks_solved_every_time():
    tries = [episode("base", task, won) for task, won in [("a", 1.0), ("a", 1.0), ("b", 1.0), ("b", 0.0)]]
    assert score(["base"], tries, {})["base"]["pddl"].pass_hat_k == {"1": 0.75, "2": 0.5}
    assert score(["base"], tries[:1], {})["base"]["pddl"].pass_hat_k is None
    # a task that has lost a try to an error is left out where as many are asked for, not the benchmark
    assert score(["base"], tries[:3], {})["base"]["pddl"].pass_hat_k == {"1": 1.0, "2": 1.0}


def test_a_benchmark_that_a_contestant_has_not_played_has_no_rates():
    empty = score(["base"], EPISODES, {})["base"]["scienceworld"]
    assert (empty.episodes, empty.progress, empty.success, empty.turns) == (0, None, None, None)


def test_differences_are_paired_by_task_and_repeats_collapse_first():
    episodes = [
        *(episode("base", task, 1.0) for task in "abc"),
        *(episode("base", "a", 0.0) for _ in range(3)),  # a's mean is 0.25
        *(episode("other", task, 0.0) for task in "abx"),
    ]
    comparison = compare(pairs_of(episodes))
    assert comparison is not None
    assert comparison.difference.pairs == 2
    assert comparison.difference.delta == pytest.approx(-(0.25 + 1.0) / 2)


def test_nothing_is_compared_where_no_task_is_shared_or_nothing_is_told():
    assert compare(pairs_of(EPISODES, benchmark="scienceworld")) is None
    silent = [episode("base", "a", None), episode("other", "a", None)]
    assert compare(pairs_of(silent)) is None
    assert compare_overall([([], [])]) is None


def test_outcomes_are_compared_as_rates_and_everything_else_as_means():
    episodes = [episode(name, task, 1.0) for name in ("base", "other") for task in "abcde"]
    episodes[-1] = episode("other", "e", 0.5)
    rates, means = compare(pairs_of(episodes, "success")), compare(pairs_of(episodes))
    assert rates is not None
    assert means is not None
    assert rates.effect == {"lost": 1, "gained": 0, "odds_ratio": 0.0}
    assert set(means.effect) == {"dz", "rank_biserial"}


def test_valid_calls_are_compared_task_by_task():
    episodes = [
        episode(name, task, 1.0, action_turns=4 if name == "base" else 2)
        for name in ("base", "other")
        for task in "abc"
    ]
    comparison = compare(pairs_of(episodes, "valid_call_rate"))
    assert comparison is not None
    assert comparison.difference.delta == -0.5


def test_a_comparison_that_may_have_been_stopped_has_a_wider_interval():
    pairs = [1.0] * 30, [1.0, 0.5] * 15
    fixed, anytime = compare(pairs), compare(pairs, anytime=True)
    assert fixed is not None
    assert anytime is not None
    assert anytime.difference.low < fixed.difference.low
    assert anytime.difference.high > fixed.difference.high
    assert anytime.difference.delta == fixed.difference.delta


def test_pairs_come_in_the_order_that_is_asked_for():
    episodes = [episode("base", task, 1.0) for task in "abc"]
    episodes += [episode("other", task, value) for task, value in zip("abc", (0.1, 0.2, 0.3), strict=True)]
    assert pairs_of(episodes, order=["c", "x", "a"])[1] == [0.3, 0.1]


def test_p_values_allow_for_all_comparisons_of_a_report():
    clear = compare(([1.0] * 6, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    assert clear is not None
    both = adjusted({"one": clear, "two": clear})
    assert both["one"].p_holm == pytest.approx(2 * clear.difference.p)
