import pytest

from arena.floors import check_floor, measured_floor

PDDL = {f"t{index}": (f"pddl/gripper/{index}", "bundled") for index in range(40)}


def test_floors_are_known_for_bundled_tasks_by_subset():
    assert measured_floor("pddl/gripper/7", "bundled") > 0.3
    assert measured_floor("tool-operation/todo/7", "bundled") == 0
    assert measured_floor("pddl/gripper/7", "official") is None
    assert measured_floor("elsewhere/7", "bundled") is None


def test_a_good_base_clears_the_measured_floor_and_a_bad_one_does_not():
    assert check_floor(dict.fromkeys(PDDL, 0.9), None, PDDL).cleared
    at_random = check_floor(dict.fromkeys(PDDL, 0.42), None, PDDL)
    assert at_random.cleared is False
    assert at_random.floor == pytest.approx(measured_floor("pddl/gripper/0", "bundled"))


def test_a_base_that_gets_nothing_done_clears_no_floor():
    tasks = {"t": ("tool-operation/todo/0", "bundled")}
    assert check_floor({"t": 0.0}, None, tasks).cleared is False


def test_random_in_the_same_run_is_the_floor_and_is_paired():
    base = {task: 0.5 + 0.01 * index for index, task in enumerate(list(PDDL)[:20])}
    random = {task: value - 0.05 for task, value in base.items()}
    check = check_floor(base, random, PDDL)
    assert check.source == "random in this run"
    assert check.cleared  # always a little better, which Wilson's interval alone would not show
    assert check_floor(base, base, PDDL).cleared is False


def test_without_a_floor_nothing_is_refused():
    check = check_floor({"t": 0.1}, None, {"t": ("pddl/gripper/0", "official")})
    assert (check.cleared, check.floor) == (None, None)
