"""What holds for both tool environments, whatever is thrown at them."""

import json
import random
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs import registry
from envs.base import ArenaEnv, Task
from envs.errors import BadData
from envs.tools import schema
from envs.tools.env import TOOLKITS, ToolOperationEnv, ToolQueryEnv
from envs.tools.tasks import bundled

ENVIRONMENTS = {"tool-query": ToolQueryEnv, "tool-operation": ToolOperationEnv}
TASKS = {name: bundled(name) for name in ENVIRONMENTS}
ALL_TASKS = [task for tasks in TASKS.values() for task in tasks]
FIRST_OF = {task.subset: task for task in reversed(ALL_TASKS)}


def started(task: Task) -> ArenaEnv:
    env = ENVIRONMENTS[task.benchmark]()
    env.reset(options={"task": task})
    return env


def play(env: ArenaEnv, actions: Sequence[str]) -> list[tuple[object, ...]]:
    return [env.step(action) for action in actions]


@pytest.mark.parametrize("env_id", ["arena/ToolQuery-v0", "arena/ToolOperation-v0"])
@pytest.mark.filterwarnings("ignore")
def test_gymnasium_accepts_the_environment(env_id: str) -> None:
    registry.register_environments()
    check_env(gymnasium.make(env_id).unwrapped)


def test_there_are_enough_tasks_of_both_difficulties_in_each_subset() -> None:
    assert {task.subset for task in TASKS["tool-query"]} == {"weather", "movie", "academia"}
    assert {task.subset for task in TASKS["tool-operation"]} == {"todo", "sheet"}
    for subset in TOOLKITS:
        difficulties = [task.difficulty for task in ALL_TASKS if task.subset == subset]
        assert min(difficulties.count("easy"), difficulties.count("hard")) >= 10
    assert len({task.hash for task in ALL_TASKS}) == len(ALL_TASKS)
    assert registry.state(registry.benchmark("tool-query")) == ("playable", "")
    assert registry.find_task("tool-operation/sheet/3").subset == "sheet"


@pytest.mark.parametrize("task", ALL_TASKS, ids=lambda task: task.id)
def test_the_expert_solves_every_bundled_task(task: Task) -> None:
    env = started(task)
    steps = play(env, env.expert())
    assert [terminated for _, _, terminated, _, _ in steps] == [False] * (len(steps) - 1) + [True]
    assert all(info["valid"] for *_, info in steps)
    assert steps[-1][-1]["success"] and steps[-1][-1]["progress"] == 1.0
    assert sum(reward for _, reward, *_ in steps) == pytest.approx(1.0)
    assert all(steps[-1][-1]["subgoals"].values())


@pytest.mark.parametrize("task", ALL_TASKS, ids=lambda task: task.id)
def test_finishing_at_once_is_no_success(task: Task) -> None:
    env = started(task)
    finish = next(action for action in env.valid_actions() if action.startswith("finish"))
    _, reward, terminated, _, info = env.step(finish)
    assert terminated and not info["success"] and reward == 0.0


def test_random_valid_actions_score_near_nothing() -> None:
    rng, progress = random.Random(0), []
    for task in ALL_TASKS:
        env = started(task)
        over = False
        while not over:
            _, _, terminated, truncated, info = env.step(rng.choice(env.valid_actions()))
            over = terminated or truncated
        progress.append(info["progress"])
    assert sum(progress) / len(progress) < 0.02


def test_the_same_episode_is_played_the_same_twice_and_in_threads() -> None:
    def episode(task: Task) -> list[tuple[object, ...]]:
        env = started(task)
        return play(env, [*env.expert()[:-1], "nonsense", *env.expert()[-1:]])

    tasks = [FIRST_OF[subset] for subset in TOOLKITS] * 4
    once = [episode(task) for task in tasks]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(episode, tasks)) == once


@pytest.mark.parametrize("task", FIRST_OF.values(), ids=lambda task: task.subset)
def test_a_json_call_does_what_its_text_form_does(task: Task) -> None:
    by_text, by_json = started(task), started(task)
    for action in by_text.expert():
        call = by_text.action_to_call(action)
        assert call is not None
        assert by_text.call_to_action(call["name"], call["arguments"]) == action
        assert by_json.step(json.dumps(call)) == by_text.step(action)


@pytest.mark.parametrize("task", FIRST_OF.values(), ids=lambda task: task.subset)
def test_tools_are_published_closed_and_the_example_uses_them(task: Task) -> None:
    env = started(task)
    for tool in env.tools():
        function = tool["function"]
        assert tool["type"] == "function" and function["description"]
        assert function["parameters"]["additionalProperties"] is False
        assert set(function["parameters"]["required"]) <= set(function["parameters"]["properties"])
        assert f"{function['name']}(" in env.instructions()
        assert callable(getattr(TOOLKITS[task.subset or ""], function["name"]))
    assert {"finish", "check_valid_actions"} <= {tool["function"]["name"] for tool in env.tools()}
    actions = [action for action, _ in env.example() if action]
    assert actions and all(env.action_to_call(action) for action in actions)
    observation, *_ = env.step("check_valid_actions with Action Input: {}")
    assert all(name in observation for name in schema.signatures(task.subset or ""))


def test_no_call_costs_a_step_and_says_how_to_write_one() -> None:
    env = started(FIRST_OF["weather"])
    observation, reward, terminated, truncated, info = env.step("look around")
    assert "with Action Input" in observation
    assert (reward, terminated, truncated, info["valid"]) == (0.0, False, False, False)
    over = [env.step("look around")[3] for _ in range(29)]
    assert over == [False] * 28 + [True]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("teleport with Action Input: {}", "ERROR | Invalid action: teleport."),
        ("get_elevation with Action Input: {}", "ERROR | Missing argument: latitude, longitude."),
        ("get_elevation with Action Input: [1, 2]", "ERROR | the arguments"),
        ("get_elevation with Action Input: __import__('os')", "ERROR | the arguments"),
        ('{"name": "get_elevation", "arguments": {}}', "ERROR | Missing argument"),
        ('finish with Action Input: {"answer": ["a", 1]}', "ERROR | TypeError"),
    ],
)
def test_a_wrong_call_is_an_error_that_is_not_grounded(action: str, said: str) -> None:
    env = started(FIRST_OF["weather"])
    observation, _, terminated, _, info = env.step(action)
    assert observation.startswith(said) and not info["valid"] and not terminated


def test_python_literals_and_unknown_arguments_are_taken_as_the_original_takes_them() -> None:
    env = started(FIRST_OF["weather"])
    observation, *_, info = env.step(
        "Action: get_distance with Action Input: {'latitude1': 0, 'longitude1': 0, 'latitude2': 0, "
        "'longitude2': 90, 'unit': 'km'}"
    )
    assert observation.startswith("10007.5") and info["valid"]


def test_a_query_that_strayed_is_still_solved_and_a_changed_list_is_not() -> None:
    query = started(FIRST_OF["movie"])
    query.step('get_search_person with Action Input: {"person_name": "a"}')
    assert play(query, query.expert())[-1][-1]["success"]
    operation = started(FIRST_OF["todo"])
    operation.step('add_project with Action Input: {"project": {"name": "Odd"}}')
    with pytest.raises(NotImplementedError):
        operation.expert()


@pytest.mark.parametrize("task", FIRST_OF.values(), ids=lambda task: task.subset)
def test_nothing_of_a_solved_episode_is_left_for_the_next(task: Task) -> None:
    env = started(task)
    *solving, finish = env.expert()
    play(env, solving)
    env.reset(options={"task": task})
    *_, info = env.step(finish)
    assert not info["success"] and sum(info["subgoals"].values()) < len(info["subgoals"])
    other = ENVIRONMENTS[task.benchmark]()
    other.reset(options={"task": task})
    assert other.step(finish)[-1] == info


def test_a_task_with_broken_data_is_one_clear_error() -> None:
    broken = Task(
        "tool-operation/todo/x", "tool-operation", "todo", "bundled", 0, 30, "easy", {"tool": "todo"}
    )
    with pytest.raises(BadData, match="tool-operation/todo/x"):
        started(broken)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WORDS = "A1 C3 z9 =SUM(A1:B9)*2 re.compile('a+') row rows col des SUM 2021-02-30 2023-01-01 True PaperNet"
LIKELY = st.sampled_from([*re.split(" ", WORDS), -1, 0, 1, 2, 27, 1e308, [1], ["A1"], [[1, "x"], []]])


@st.composite
def _calls(draw: st.DrawFn, subset: str) -> str:
    takes = schema.signatures(subset)
    name = draw(st.sampled_from(sorted(takes)))
    names = sorted(takes[name].arguments) + draw(st.lists(st.text(max_size=5), max_size=1))
    arguments = {each: draw(JSON | LIKELY) for each in names if draw(st.integers(0, 9)) > 0}
    as_json = draw(st.booleans())
    if as_json:
        return json.dumps({"name": name, "arguments": arguments})
    written = draw(st.sampled_from([json.dumps, repr]))(arguments)
    return f"{name} with Action Input: {written}"


@pytest.mark.parametrize("subset", TOOLKITS)
@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_an_agent_says_raises_or_leaks_into_the_next_episode(
    subset: str, data: st.DataObject
) -> None:
    task = FIRST_OF[subset]
    env = started(task)
    fresh = env.reset(options={"task": task})
    anything = st.text() | _calls(subset) | _calls(subset) | JSON.map(json.dumps)
    returned, last = fresh[1]["progress"], 0.0
    for action in data.draw(st.lists(anything, min_size=1, max_size=12)):
        observation, reward, terminated, truncated, info = env.step(action)
        assert isinstance(observation, str) and env.observation_space.contains(observation)
        observation.encode("utf-8")
        returned += reward
        assert 0.0 <= last <= info["progress"] <= 1.0
        last = info["progress"]
        assert returned == pytest.approx(last)
        if terminated or truncated:
            break
    assert env.reset(options={"task": task}) == fresh
    assert play(env, env.expert())[-1][-1]["success"]


@pytest.mark.parametrize(
    "answer", ["0x" + "f" * 5000, '{"latitude": Infinity, "longitude": 0}', "1" + "0" * 401, '{"a", "b"}']
)
@pytest.mark.parametrize("subset", TOOLKITS)
def test_no_answer_is_too_odd_to_be_compared(subset: str, answer: str) -> None:
    task = FIRST_OF[subset]
    if subset == "weather":  # one that expects a place
        task = next(each for each in ALL_TASKS if "'latitude'" in str(each.data["subgoals"]))
    for action in (
        f'finish with Action Input: {{"answer": {answer}}}',
        f'{{"name": "finish", "arguments": {{"answer": {answer}}}}}',
    ):
        env = started(task)
        *_, info = env.step(action)
        assert not info["success"] and info["progress"] < 1


@given(
    st.sampled_from(
        ["[" * 3000, "{" * 3000, '{"name":"finish","arguments":' + '{"answer":' * 900 + "1" + "}" * 901]
        + [
            "finish with Action Input: " + text
            for text in ["-" * 5000 + "1", "(" * 3000, '{"answer": ' + "9" * 9000]
        ]
        + ['finish with Action Input: {"answer": ' + "[" * 45 + "]" * 45 + "}", "with Action Input:" * 2000]
        + [
            '{"name": "finish", "arguments": {"answer": "' + "x" * 60_000 + '"}}',
            "\ud800 with Action Input: {}",
        ]
        + ['finish with Action Input: {"answer": "\\ud800"}', "finish with Action Input: {1: 2}"]
    )
)
@settings(max_examples=40)
def test_hostile_sizes_and_depths_are_answered(action: str) -> None:
    env = started(FIRST_OF["academia"])
    observation, *_ = env.step(action)
    assert len(observation) < 60_000
    observation.encode("utf-8")


def solved(task: Task, actions: Sequence[str]) -> tuple[float, bool]:
    *_, (_, _, _, _, info) = play(started(task), actions)
    return info["progress"], info["success"]


def test_only_finish_answers_a_question() -> None:
    task = next(task for task in TASKS["tool-query"] if task.id == "tool-query/weather/8")
    *looked_up, finish = started(task).expert()
    level = next(action for action in looked_up if "air_quality_level" in action)
    assert solved(task, [*looked_up, finish]) == (1.0, True)
    wrong = re.sub(r"(?<=\")[a-z ]+(?=\"\})", "extremely poor", finish)
    assert wrong != finish
    progress, success = solved(task, [*looked_up, level, wrong])
    assert progress < 1
    assert not success


def test_a_to_do_list_that_ends_as_wanted_is_right_whichever_way() -> None:
    task = next(task for task in TASKS["tool-operation"] if task.id == "tool-operation/todo/13")
    make, *rest = started(task).expert()
    name, arguments = make.split(" with Action Input: ")
    given = json.loads(arguments)
    project = given.get("project", given)
    assert project.pop("is_favorite")
    env = started(task)
    made = env.step(f"{name} with Action Input: {json.dumps(given)}")[0]
    number = re.search(r"'id': '([0-9]+)'", made)
    assert number
    change = (
        f'Action: update_project with Action Input: {{"project_id": "{number[1]}", "is_favorite": "True"}}'
    )
    assert solved(task, [make, *rest])[1]
    assert solved(task, [f"{name} with Action Input: {json.dumps(given)}", change, *rest]) == (1.0, True)
    assert not solved(task, [f"{name} with Action Input: {json.dumps(given)}", *rest])[1]
    assert solved(task, rest[-1:]) == (0.0, False)
