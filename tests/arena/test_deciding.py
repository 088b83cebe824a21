from itertools import product

import numpy as np
import pytest

from arena.deciding import Deciding, shuffled
from arena.records import EpisodeEnded, EpisodeKey, Notice
from envs.base import Task

TASKS = [f"task-{index}" for index in range(400)]


def ended(contestant: str, task: str, progress: float, status="done", repeat=0) -> EpisodeEnded:
    key = EpisodeKey(contestant, f"pddl/{task}", task, repeat, repeat)
    return EpisodeEnded(key, status, progress, progress == 1, 3)


def hear_pairs(deciding: Deciding, tasks, base: float, other: float) -> None:
    for task in tasks:
        deciding.hear(ended("base", task, base))
        deciding.hear(ended("other", task, other))


def test_equal_scores_rule_a_drop_out_after_a_few_hundred_tasks():
    deciding = Deciding("base", ["base", "other"], TASKS)
    hear_pairs(deciding, TASKS[:100], 1.0, 1.0)
    assert deciding.decided is None
    hear_pairs(deciding, TASKS[100:], 1.0, 1.0)
    assert deciding.decided == "other: a drop of more than 3 points is ruled out (400 tasks)"


@pytest.mark.parametrize(("scores", "word"), [((1.0, 0.5), "worse by"), ((0.25, 1.0), "better by")])
def test_a_clear_difference_decides_early(scores: tuple[float, float], word: str):
    deciding = Deciding("base", ["base", "other"], TASKS)
    hear_pairs(deciding, TASKS[:40], *scores)
    assert deciding.decided is not None
    assert word in deciding.decided


def test_every_contestant_has_to_be_decided():
    deciding = Deciding("base", ["base", "other", "third"], TASKS)
    hear_pairs(deciding, TASKS[:60], 1.0, 0.0)
    assert deciding.decided is None
    for task in TASKS[:60]:
        deciding.hear(ended("third", task, 0.0))
    assert deciding.decided is not None
    assert "third: worse" in deciding.decided


def test_a_task_counts_when_its_turn_has_come_not_when_it_is_over():
    deciding = Deciding("base", ["base", "other"], TASKS)
    hear_pairs(deciding, TASKS[1:50], 1.0, 0.0)
    assert deciding.intervals()["other"] == (-1, 1, 0)
    hear_pairs(deciding, TASKS[:1], 1.0, 0.0)
    assert deciding.intervals()["other"][2] == 50


def test_a_task_that_failed_for_no_fault_of_its_player_is_passed_over():
    deciding = Deciding("base", ["base", "other"], TASKS)
    deciding.hear(ended("other", TASKS[0], 0.0, "error"))
    hear_pairs(deciding, TASKS[1:3], 1.0, 1.0)
    assert deciding.intervals()["other"][2] == 2


def test_an_episode_played_again_after_an_error_counts_when_its_turn_has_not_come_yet():
    deciding = Deciding("base", ["base", "other"], TASKS)
    deciding.hear(ended("other", TASKS[1], 0.0, "error"))
    hear_pairs(deciding, [TASKS[1], TASKS[0]], 1.0, 1.0)
    assert deciding.intervals()["other"][2] == 2


def test_repeats_of_a_task_are_one_task():
    deciding = Deciding("base", ["base", "other"], TASKS, repeats=2)
    for name, repeat in product(("base", "other"), (0, 1)):
        assert deciding.intervals()["other"][2] == 0
        deciding.hear(ended(name, TASKS[0], 1.0, repeat=repeat))
    assert deciding.intervals()["other"][2] == 1


def test_a_baseline_alone_is_never_decided():
    deciding = Deciding("base", ["base"], TASKS)
    deciding.hear(ended("base", TASKS[0], 1.0))
    deciding.hear(Notice("anything"))
    assert deciding.decided is None


def test_false_alarms_stay_rare_for_several_contestants_that_are_all_equal():
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(40):
        deciding = Deciding("base", ["base", "other", "third"], TASKS[:60])
        for task in TASKS[:60]:
            for name in ("base", "other", "third"):
                deciding.hear(ended(name, task, float(rng.random() < 0.5)))
        alarms += any(low > 0 or high < 0 for low, high, _ in deciding.intervals().values())
    assert alarms <= 4


def test_the_random_order_depends_on_the_seed_alone():
    tasks = [Task(f"pddl/{index}", "pddl", None, "bundled", 0, 9, "easy", {"n": index}) for index in range(9)]
    assert shuffled(tasks, 1) == shuffled(tasks[::-1], 1)
    assert shuffled(tasks, 1) != shuffled(tasks, 2)
    assert sorted(task.id for task in shuffled(tasks, 1)) == [task.id for task in tasks]


def test_one_repeat_that_failed_holds_nobody_up_though_the_other_is_done():
    deciding = Deciding("base", ["base", "other"], TASKS, repeats=2)
    deciding.hear(ended("other", TASKS[0], 0.0, "error", repeat=0))
    for name, task, repeat in product(("base", "other"), TASKS[:3], (0, 1)):
        if (name, task, repeat) != ("other", TASKS[0], 0):
            deciding.hear(ended(name, task, 1.0, repeat=repeat))
    assert deciding.intervals()["other"][2] == 2
