"""The environment's promises, on bundled tasks and on any text at all."""

import random
from dataclasses import replace

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import registry
from envs.base import Task
from envs.errors import BadData, EnvsError
from envs.pddl import DOMAINS
from envs.pddl.env import PDDLEnv
from envs.pddl.problem import problem
from envs.pddl.tasks import generate

SMALL = {"gripper": 2, "blockworld": 2, "barman": 2, "tyreworld": 3}

TWO_BALLS = dict.fromkeys(("den", "porch", "left", "right", "ball1", "ball2"), "object")
BALLS_IN_DEN = [("room", "den"), ("room", "porch"), ("at-robby", "den")]
BALLS_IN_DEN += [(kind, side) for kind in ("gripper", "free") for side in ("left", "right")]
BALLS_IN_DEN += [("ball", "ball1"), ("at", "ball1", "den"), ("ball", "ball2"), ("at", "ball2", "den")]


def small_task(domain: str, seed: int = 3) -> Task:
    return generate(domain, seed, SMALL[domain])


def started(task: Task) -> PDDLEnv:
    env = PDDLEnv()
    env.reset(options={"task": task})
    return env


def custom_task(domain: str, objects, init, goal, max_steps: int = 30) -> Task:
    made = problem(domain, dict(objects), init, goal)
    return Task("pddl/x", "pddl", domain, "bundled", 0, max_steps, "easy", made.data())


def walk(env: PDDLEnv, seed: int, steps: int = 25) -> list:
    """A random walk, half of it among the valid actions."""
    rng = random.Random(seed)
    words = [*env.instructions().split(), *(name for name, _ in env.task.data["objects"])]
    seen = []
    for _ in range(steps):
        valid = env.valid_actions()
        text = rng.choice(valid) if valid and rng.random() < 0.5 else " ".join(rng.choices(words, k=4))
        seen.append((text, *env.step(text)))
        if seen[-1][3] or seen[-1][4]:
            break
    return seen


def test_gymnasiums_checker_passes_on_the_registered_environment():
    registry.register_environments()
    env = gymnasium.make("arena/PDDL-v0")
    check_env(env.unwrapped)
    observation, info = env.reset(seed=1)
    assert observation
    assert info["goal"]
    assert info["subgoals"].keys()
    env.close()


def test_a_seed_alone_always_picks_the_same_task():
    env = PDDLEnv()
    picked = {seed: env.reset(seed=seed)[1]["task"] for seed in range(12)}
    assert len(set(picked.values())) > 5
    assert all(PDDLEnv().reset(seed=seed)[1]["task"] == task for seed, task in picked.items())


@pytest.mark.parametrize("domain", DOMAINS)
@settings(max_examples=60)
@given(data=st.data())
def test_any_text_is_a_step_and_the_return_is_the_progress(domain, data):
    env = started(small_task(domain))
    vocabulary = st.sampled_from([*env.valid_actions(), "check", "look around", "{}", '{"name": "pick"}'])
    total = before = 0.0
    for text in data.draw(st.lists(st.one_of(st.text(max_size=60), vocabulary), max_size=8)):
        observation, reward, terminated, truncated, info = env.step(text)
        total += reward
        assert observation
        assert info["progress"] >= before
        assert total == pytest.approx(info["progress"])
        before = info["progress"]
        if terminated or truncated:
            break


@pytest.mark.parametrize("domain", DOMAINS)
def test_valid_actions_are_exactly_those_that_take_effect(domain):
    task = small_task(domain)
    for seed in range(2):
        walked = [turn[0] for turn in walk(started(task), seed, steps=6)]
        env = started(task)
        for text in walked:
            env.step(text)
        listed = set(env.valid_actions())
        texts = {
            env.call_to_action(tool["function"]["name"], dict(zip(names, arguments, strict=True)))
            for tool in env.tools()
            for names, choices in [_choices(tool)]
            for arguments in _combinations(choices)
        } - {"check valid actions", "look around"}
        assert listed <= texts
        for text in sorted(texts, key=lambda each: (each not in listed, each))[:150]:
            again = started(task)
            for earlier in walked:
                again.step(earlier)
            before = again.step("look around")[0]
            valid = again.step(text)[4]["valid"]
            after = again.step("look around")[0] if not again._over else None
            assert valid == (text in listed) == (before != after), text


def _choices(tool):
    properties = tool["function"]["parameters"]["properties"]
    return list(properties), [schema["enum"] for schema in properties.values()]


def _combinations(choices):
    if not choices:
        return [()]
    rest = _combinations(choices[1:])
    return [(first, *others) for first in choices[0] for others in rest]


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_listed_action_reads_back_as_itself(domain):
    env = started(generate(domain, 5, 5))
    for _ in range(15):
        valid = env.valid_actions()
        for text in valid:
            call = env.action_to_call(text)
            assert call is not None, text
            assert env.call_to_action(call["name"], call["arguments"]) == text
        *_, terminated, truncated, info = env.step(valid[len(valid) // 2])
        assert info["valid"]
        if terminated or truncated:
            return


@pytest.mark.parametrize("domain", DOMAINS)
def test_episodes_leave_no_trace_in_later_ones(domain):
    tasks = [small_task(domain, seed) for seed in range(3)]
    alone = [walk(started(task), seed=7) for task in tasks]
    shared = PDDLEnv()
    for number in range(60):
        task = tasks[number % 3]
        first, info = shared.reset(options={"task": task})
        assert (info["progress"], info["success"]) == (0.0, False)
        assert walk(shared, seed=7) == alone[number % 3]
        assert first == started(task).step("look around")[0]


def test_progress_keeps_its_highest_value_when_a_goal_is_undone():
    goal = [("at", "ball1", "porch"), ("at", "ball2", "porch")]
    env = started(custom_task("gripper", TWO_BALLS, BALLS_IN_DEN, goal))
    for text in ("pick ball1 den left", "move den porch", "drop ball1 porch left"):
        reward = env.step(text)[1]
    assert reward == 0.5
    _, reward, _, _, info = env.step("pick ball1 porch right")
    assert (reward, info["progress"], info["valid"]) == (0, 0.5, True)
    assert not any(info["subgoals"].values())


def test_goals_that_are_true_at_first_count_only_once_something_has_changed():
    facts = [("arm-empty",), ("on", "b1", "b2"), ("clear", "b1"), ("on-table", "b2")]
    facts += [("on-table", "b3"), ("clear", "b3")]
    goal = [("on", "b1", "b2"), ("on", "b2", "b3")]
    objects = {"b1": "object", "b2": "object", "b3": "object"}
    env = PDDLEnv()
    _, info = env.reset(options={"task": custom_task("blockworld", objects, facts, goal)})
    assert info["progress"] == 0
    assert any(info["subgoals"].values())
    assert env.step("check")[4]["progress"] == 0
    assert env.step("nonsense")[4]["progress"] == 0
    assert env.step("pickup b3")[4]["progress"] == 0.5


def test_looking_counts_as_valid_and_costs_a_step_even_inside_another_action():
    env = started(small_task("blockworld"))
    move = env.valid_actions()[0]
    before = env.step("look around")[0]
    observation, reward, _, _, info = env.step(f"{move} and CHECK it")
    assert (info["valid"], reward) == (True, 0)
    assert move in observation
    assert env.step("Look Around")[0] == before
    while not env.step("check")[3]:
        pass
    assert env._steps == env.task.max_steps


def test_news_tells_only_what_has_become_true_and_look_around_everything():
    env = started(small_task("tyreworld"))
    first = env.valid_actions()[0]
    observation = env.step(first)[0]
    assert observation.count(".") <= 2
    assert (
        observation in env.step("look around")[0] or observation.split(".")[0] in env.step("look around")[0]
    )


@pytest.mark.parametrize(
    "text",
    [
        "Pick up ball1 at den with arm left.",
        "PICK: (ball1), den; left!",
        "please go and pick 'ball1' den left",
        "pick ball1 den left ball2",
        "Action: pick ball1's den left.",
    ],
)
def test_wording_around_operator_and_objects_does_not_matter(text):
    env = started(custom_task("gripper", TWO_BALLS, BALLS_IN_DEN, [("at", "ball1", "porch")]))
    observation, *_, info = env.step(text)
    assert info["valid"]
    assert "ball1 is held by gripper left." in observation


@pytest.mark.parametrize("text", ["stack b1", "fly b1", "", "putdown b1", "pickup pickup", "stack b1 on b1"])
def test_what_names_no_possible_action_changes_nothing(text):
    env = started(small_task("blockworld"))
    before = env.step("look around")[0]
    _, reward, terminated, _, info = env.step(text)
    assert (info["valid"], reward, terminated) == (False, 0, False)
    assert env.step("look around")[0] == before


def test_an_action_that_is_possible_but_changes_nothing_is_invalid():
    env = started(custom_task("gripper", TWO_BALLS, BALLS_IN_DEN, [("at", "ball1", "porch")]))
    assert not env.step("move from den to den")[4]["valid"]
    assert env.step("move from den to porch")[4]["valid"]
    env = started(small_task("barman"))
    assert env.step("grasp with left shaker1")[4]["valid"]
    assert not env.step("clean-shaker held by left helped by right shaker1")[4]["valid"]
    assert not any("clean-shaker" in text for text in env.valid_actions())


def test_an_operator_that_is_nowhere_possible_is_passed_over_for_the_next():
    env = started(small_task("blockworld"))
    clear = next(text for text in env.valid_actions() if text.startswith("pickup"))
    assert env.step(f"putdown, no, {clear}")[4]["valid"]


def test_text_that_repeats_a_name_a_hundred_thousand_times_is_read_in_no_time():
    env = started(generate("barman", 1, 5))
    assert not env.step("shake " * 150_000)[4]["valid"]
    assert not env.step("." * 900_000)[4]["valid"]
    assert not env.step("'" * 900_000)[4]["valid"]


def test_a_recorded_task_is_played_without_its_list():
    task = small_task("barman")
    env = started(task)
    copy = Task("other/name", "pddl", None, "official", 3, 30, "hard", dict(task.data), task.goal)
    assert started(copy).step("look around")[0] == env.step("look around")[0]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"domain": "chess", "objects": [], "init": [], "goal": []},
        {"domain": "gripper", "objects": [["a b", "object"]], "init": [], "goal": [["free", "a b"]]},
        {"domain": "gripper", "objects": 3, "init": [], "goal": []},
        {"domain": "gripper", "objects": [], "init": [[]], "goal": [["free", "x"]]},
        {"domain": "gripper", "objects": [["x", "object"]], "init": [], "goal": []},
        {"domain": "barman", "objects": [["x", "shot"]], "init": [], "goal": [["handempty", "x"]]},
        [],
    ],
)
def test_broken_task_data_are_one_clear_error(data):
    task = Task("pddl/x", "pddl", None, "bundled", 0, 30, "easy", data)
    with pytest.raises(BadData):
        PDDLEnv().reset(options={"task": task})


def test_a_problem_too_large_to_compile_is_refused_quickly():
    names = [f"b{number}" for number in range(499)]
    objects = dict.fromkeys(names, "object")
    facts = [(kind, name) for name in names for kind in ("clear", "on-table")]
    task = custom_task("blockworld", objects, facts, [("on", "b0", "b1")])
    with pytest.raises(BadData, match="more than"):
        PDDLEnv().reset(options={"task": task})


def test_a_dead_end_has_no_expert_and_says_so():
    objects = {"left": "hand", "right": "hand", "s1": "shot", "sh": "shaker", "gin": "ingredient"}
    objects |= {"l0": "level", "l1": "level", "t": "dispenser", "fizz": "cocktail"}
    init = [("handempty", "left"), ("handempty", "right"), ("ontable", "s1"), ("ontable", "sh")]
    env = started(custom_task("barman", objects, init, [("contains", "s1", "fizz")]))
    with pytest.raises(EnvsError, match="no way to the goal"):
        env.expert()


def test_after_a_reset_that_failed_no_episode_runs() -> None:
    env, task = PDDLEnv(), small_task("gripper")
    broken = replace(task, id="pddl/broken/0", data={**task.data, "goal": []})
    for wanted in (broken, "pddl/nowhere/0"):
        env.reset(options={"task": task})
        with pytest.raises(EnvsError):
            env.reset(options={"task": wanted})
        with pytest.raises(EnvsError, match="running episode"):
            env.step("look around")
    env.reset(options={"task": task})
    assert env.step(env.expert()[0])[4]["valid"]
