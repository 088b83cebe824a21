"""Small problems told in few words: each state whole, the goal beside it."""

from dataclasses import replace

import pytest

from arena.bundled.teachers import next_step
from envs.errors import BadData
from envs.pddl.compact import COMPACT, compact_state
from envs.pddl.env import PDDLEnv
from envs.pddl.tasks import SMALL_COUNT, SMALL_SIZES, generate, generate_small, tasks
from envs.pddl.wording import wording


def play(env: PDDLEnv, domain: str) -> int:
    """Play as the teacher does, to the end; returns the number of steps."""
    over, steps = False, 0
    while not over:
        step = next_step(domain, env.facts(), [tuple(atom) for atom in env.task.data["goal"]])
        _, _, terminated, truncated, info = env.step(wording(domain).action(*step))
        assert info["valid"]
        over, steps = terminated or truncated, steps + 1
    assert info["success"]
    return steps


@pytest.mark.parametrize("domain", SMALL_SIZES)
def test_small_tasks_are_many_and_different_and_the_teacher_solves_each_in_its_limit(domain):
    small = [task for task in tasks("bundled") if task.subset == f"{domain}-small"]
    assert len(small) == SMALL_COUNT == len({task.hash for task in small})
    env = PDDLEnv()
    for task in small:
        env.reset(options={"task": task})
        assert play(env, domain) <= task.max_steps


@pytest.mark.parametrize("domain", ["gripper", "blockworld"])
def test_the_teacher_finds_its_way_from_wherever_chance_has_led(domain):
    env = PDDLEnv()
    for seed in range(40):
        task = replace(generate_small(domain, seed, 3), max_steps=200)
        env.reset(options={"task": task})
        for turn in range(6):
            actions = env.valid_actions()
            if env.step(actions[(seed * 7 + turn) % len(actions)])[2]:
                break
        else:
            play(env, domain)


def test_gripper_is_seen_from_where_the_robot_is():
    env = PDDLEnv()
    first, info = env.reset(options={"task": "pddl/gripper-small/2"})
    assert info["goal"] == "Bring each ball where it has to go."
    assert first == (
        "ball1: here, to hall. ball2: hall, to here. ball3: here, to hall. ball4: hall, done. "
        "left: free. right: free. you: kitchen."
    )
    after, *_ = env.step("pick ball3 in kitchen with right")
    assert after.endswith("ball4: hall, done. left: free. right: ball3, to hall. you: kitchen.")


def test_a_block_is_done_only_where_all_below_it_is_and_ready_only_where_it_can_go_now():
    env = PDDLEnv()
    first, _ = env.reset(options={"task": "pddl/blockworld-small/2"})
    # b1 stands on b4 as it shall, but b4 has to go itself
    assert "b1: on b4, clear, to b4." in first
    assert "b3: table, clear, done." in first
    assert "b5: table, to b3 ready." in first


def test_an_action_that_does_nothing_is_answered_with_the_whole_state():
    env = PDDLEnv()
    first, _ = env.reset(options={"task": "pddl/blockworld-small/0"})
    for action in ("putdown b1", "dance", '{"name": "fly", "arguments": {}}'):
        _, reward, *_, info = env.step(action)
        assert not info["valid"]
        assert reward == 0
    assert env.step("putdown b1")[0] == f"That does nothing. {first}"
    assert env.step("check valid actions")[4]["valid"]


def test_the_example_of_a_small_task_is_told_in_the_same_words():
    env = PDDLEnv()
    env.reset(options={"task": "pddl/gripper-small/0"})
    assert "ball8: porch, to here. paw: free. you: den." in env.example()[0][1]


def test_states_that_no_world_has_are_one_error_or_told_and_never_a_crash():
    words = wording("blockworld")
    ring = [("on", "b1", "b2"), ("on", "b2", "b1")]
    assert compact_state(words, "blockworld", ring, ring).startswith("b1: on b2, to b2. b2: on b1, to b1.")
    with pytest.raises(BadData, match="in no room"):
        compact_state(wording("gripper"), "gripper", [("room", "hall")], [])


def test_small_and_full_wording_are_two_tasks_and_other_domains_have_no_small_one():
    full, small = generate("gripper", 3, 2), generate_small("gripper", 3, 2)
    assert full.hash != small.hash
    barman = generate("barman", 1, 1)
    env = PDDLEnv()
    with pytest.raises(BadData, match="barman has no compact wording"):
        env.reset(options={"task": replace(barman, data={**barman.data, "wording": COMPACT})})
