"""Bundled tasks and the generators behind them."""

import hashlib
import json

import pytest

from envs.base import Task
from envs.errors import EnvsError, MissingPackage
from envs.pddl import DOMAINS, planner
from envs.pddl.env import PDDLEnv
from envs.pddl.problem import problem
from envs.pddl.tasks import generate, tasks

DIGEST_OF_BUNDLED_TASKS = "7f5a3374898f8699"


def solve(env: PDDLEnv) -> int:
    actions = env.expert()
    for text in actions:
        _, _, terminated, truncated, info = env.step(text)
        assert info["valid"], text
    assert info["success"]
    assert terminated
    assert not truncated
    assert info["progress"] == 1
    return len(actions)


def test_each_domain_has_twenty_bundled_tasks_from_easy_to_hard():
    listed = [task for task in tasks("bundled") if task.subset in DOMAINS]
    assert [task.id for task in listed] == [f"pddl/{name}/{i}" for name in DOMAINS for i in range(20)]
    for domain in DOMAINS:
        mine = [task for task in listed if task.subset == domain]
        assert {task.difficulty for task in mine} == {"easy", "hard"}
        assert mine[0].difficulty == "easy"
        assert mine[-1].difficulty == "hard"
        assert len({task.hash for task in mine}) == 20
        assert sum(task.max_steps == 30 for task in mine) >= 17
    assert json.loads(json.dumps([dict(task.data) for task in listed])) == [task.data for task in listed]


def test_bundled_tasks_are_the_same_on_every_machine_and_python():
    hashes = " ".join(task.hash for task in tasks("bundled") if task.subset in DOMAINS)
    assert hashlib.sha256(hashes.encode()).hexdigest()[:16] == DIGEST_OF_BUNDLED_TASKS


@pytest.mark.parametrize("index", [0, 7, 13, 19])
@pytest.mark.parametrize("domain", DOMAINS)
def test_the_expert_solves_bundled_tasks_within_their_step_limit(domain, index):
    task = next(task for task in tasks("bundled") if task.id == f"pddl/{domain}/{index}")
    env = PDDLEnv()
    env.reset(options={"task": task})
    assert 1 <= solve(env) <= task.max_steps


@pytest.mark.parametrize(
    ("domain", "size"), [("gripper", 12), ("blockworld", 10), ("barman", 4), ("tyreworld", 9)]
)
def test_new_seeds_and_sizes_give_new_solvable_tasks(domain, size):
    drawn = [generate(domain, seed, size) for seed in range(1000, 1003)]
    assert len({task.hash for task in drawn}) == 3
    assert [generate(domain, seed, size) for seed in range(1000, 1003)] == drawn
    env = PDDLEnv()
    env.reset(options={"task": drawn[0]})
    assert solve(env) <= drawn[0].max_steps


def test_the_expert_goes_on_from_wherever_the_episode_is():
    env = PDDLEnv()
    env.reset(options={"task": "pddl/barman/8"})
    plan = list(env.expert())
    for text in plan[:3]:
        env.step(text)
    assert list(env.expert()) == plan[3:]
    astray = next(text for text in env.valid_actions() if text != plan[3])
    env.step(astray)
    solve(env)


def test_a_plan_for_one_task_is_never_played_in_another_that_begins_alike():
    objects = dict.fromkeys(("b1", "b2"), "object")
    init = [("arm-empty",), *((kind, b) for kind in ("clear", "on-table") for b in objects)]
    env = PDDLEnv()
    for goal in (("on", "b1", "b2"), ("on", "b2", "b1")):
        data = problem("blockworld", objects, init, [goal]).data()
        env.reset(options={"task": Task("pddl/x", "pddl", None, "bundled", 0, 30, "easy", data)})
        solve(env)


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_task_is_solved_before_it_begins(domain):
    for seed in range(60):
        data = generate(domain, seed, size=1).data
        assert not all(atom in data["init"] for atom in data["goal"])


@pytest.mark.parametrize("size", [0, -1, 10_000])
def test_sizes_that_no_generator_has_are_refused(size):
    with pytest.raises(EnvsError, match="size"):
        generate("gripper", 0, size)


def test_a_missing_planner_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(planner, "find_spec", lambda name: None)
    env = PDDLEnv()
    env.reset(options={"task": generate("gripper", 424242, 1)})
    with pytest.raises(MissingPackage) as caught:
        env.expert()
    assert "pip install" in caught.value.next_step
