import pytest

from analysis.significance import PairedDifference
from arena.report import tables
from arena.score import EpisodeScore, compare, score, verdict


def episode(contestant: str, task: str, progress: float, **changes) -> EpisodeScore:
    values = {
        "contestant": contestant,
        "benchmark": "pddl",
        "task_hash": task,
        "progress": progress,
        "success": float(progress == 1),
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


def test_a_benchmark_that_a_contestant_has_not_played_has_no_rates():
    empty = score(["base"], EPISODES, {})["base"]["scienceworld"]
    assert (empty.episodes, empty.progress, empty.success, empty.turns) == (0, None, None, None)


def test_differences_are_paired_by_task_and_repeats_collapse_first():
    episodes = [
        *(episode("base", task, 1.0) for task in "abc"),
        *(episode("base", "a", 0.0) for _ in range(3)),  # a's mean is 0.25
        *(episode("other", task, 0.0) for task in "abx"),
    ]
    difference = compare(episodes, "base", "other", "pddl")
    assert difference is not None
    assert difference.pairs == 2
    assert difference.delta == pytest.approx(-(0.25 + 1.0) / 2)


def test_nothing_is_compared_where_no_task_is_shared():
    assert compare(EPISODES, "base", "other", "scienceworld") is None


@pytest.mark.parametrize(
    ("low", "delta", "high", "p", "words"),
    [
        (-0.4, -0.3, -0.2, 0.01, "worse by 30 points"),
        (0.01, 0.1, 0.2, 0.04, "better by 10 points"),
        (-1.0, -0.7, -0.4, 0.06, "looks worse by 70 points, but 10 tasks can't prove it"),
        (-1.0, -0.5, 0.1, 0.5, "undecided: 10 tasks say too little"),
        (-0.06, 0.0, 0.02, 0.9, "no detectable change; a drop of more than 6 points is ruled out"),
    ],
)
def test_the_verdict_says_what_interval_and_test_allow(
    low: float, delta: float, high: float, p: float, words: str
):
    assert verdict(PairedDifference(delta, low, high, p, 10)) == words


def test_names_cannot_break_out_of_a_markdown_cell():
    table = tables.markdown(("a", ">b"), [("x|y\nz\\", "1")])
    assert table.splitlines() == ["| a | b |", "|---|---:|", "| x\\|y z\\\\ | 1 |"]
