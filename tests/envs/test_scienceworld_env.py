"""Episodes on the real simulator."""

import json

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

from envs import registry
from envs.errors import EnvsError, UnknownTask
from envs.scienceworld.env import ScienceWorldEnv

pytestmark = pytest.mark.java

PLANT = "scienceworld/find-plant/0"
HOSTILE = [
    "",
    " ",
    "jump",
    "open",
    "open the the the",
    "0",
    "99999999999999999999",
    "-1",
    "\n",
    "\r\nopen door to kitchen\ne\n",
    "open door\x00to kitchen",
    "\ud800",
    "🚪" * 50,
    "x" * 1_000_000,
    "move " * 150,
    "a to b to c in d on e " * 40,
    "$(touch /tmp/x) `id` ; exit",
    "${jndi:ldap://localhost/a}",
    "\\d+(.*)*$",
    '{"name": "fly", "arguments": {}}',
    '{"name": "open", "arguments": {"thing": 3}}',
    '{"name": "open"}',
    "{",
    "[" * 10_000,
    "Ⓔ look around",
    "FOCUS",
]


@pytest.fixture
def env():
    """An environment on a pooled Java process."""
    env = ScienceWorldEnv()
    yield env
    env.close()


def play(env, actions):
    """Play actions to their end and return all that was seen."""
    seen = []
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        seen.append((observation, reward, terminated, truncated, info))
        if terminated or truncated:
            break
    return seen


@pytest.mark.parametrize(
    "name",
    [
        "find-plant/0",
        "find-non-living-thing/2",
        "use-thermometer/3",
        "chemistry-mix-paint-secondary-color/1",
        "lifespan-longest-lived-then-shortest-lived/2",
        "power-component/0",
        "boil/22",  # 160 steps, four times its task's median
    ],
)
def test_the_expert_scores_one_as_text_and_as_tool_calls(env, name):
    for form in ("text", "json"):
        _, start = env.reset(options={"task": f"scienceworld/{name}"})
        path = env.expert()
        if form == "json":
            path = [json.dumps(env.action_to_call(action)) for action in path]
        seen = play(env, path)
        info, terminated = seen[-1][4], seen[-1][2]
        assert (info["progress"], info["success"], terminated) == (1.0, True, True)
        assert start["progress"] + sum(reward for _, reward, *_ in seen) == pytest.approx(1)
        assert all(done for goal, done in info["subgoals"].items() if "focus" in goal.lower())


def test_gymnasium_makes_it_and_finds_no_fault():
    made = gymnasium.make("arena/ScienceWorld-v0", disable_env_checker=True)
    check_env(made.unwrapped, skip_render_check=True)
    made.close()


def test_the_first_observation_is_the_room_and_the_inventory(env):
    observation, info = env.reset(options={"task": PLANT})
    assert observation.startswith("This room is called the hallway.")
    assert "In your inventory, you see:\n\tan orange" in observation
    assert info["goal"].startswith("Your task is to find a(n) plant.")
    assert len(info["subgoals"]) > 0


def test_equal_actions_give_equal_observations_after_other_tasks_and_in_another_process(env):
    def episode(env):
        first = env.reset(options={"task": "scienceworld/chemistry-mix/1"})
        return first, play(env, env.expert())

    before = episode(env)
    env.reset(options={"task": "scienceworld/grow-plant/5"})
    play(env, ["go to greenhouse", "look around", "wait", "look at bee", "focus on bee"])
    env.reset(options={"task": "scienceworld/power-component/2"})
    play(env, ["go to workshop", "look around"])
    assert episode(env) == before
    other = ScienceWorldEnv()
    assert episode(other) == before
    other.close()


def test_no_string_at_all_raises_or_is_valid(env):
    env.reset(options={"task": PLANT})
    env.step("look around")  # the simulator gives some points for the start; the first step collects them
    for action in HOSTILE:
        observation, reward, terminated, _, info = env.step(action)
        assert isinstance(observation, str)
        assert (reward, terminated, info["valid"]) == (0, False, False), action[:40]
    assert env.step("go to kitchen")[4]["valid"]


def test_listing_valid_actions_leaves_no_trace_in_the_episode(env):
    def episode(curious):
        env.reset(options={"task": "scienceworld/grow-plant/0"})
        seen = play(env, ["go to greenhouse"])
        for _ in range(8):
            if curious:
                assert "look around" in env.valid_actions()
            # bees fly at random
            seen += play(env, ["wait1", "look around"])
        return seen

    quiet = episode(curious=False)
    assert episode(curious=True) == quiet
    assert len({observation for observation, *_ in quiet if "room" in observation}) > 1


def test_the_expert_steps_back_where_the_simulators_own_solution_does_not_solve_a_task(env):
    task = "scienceworld/find-animal/2"
    assert not registry.benchmark("scienceworld").has_expert_for(registry.find_task(task, "bundled"))
    env.reset(options={"task": task})
    with pytest.raises(NotImplementedError, match="own solution does not solve scienceworld/find-animal/2"):
        env.expert()
    # and the episode stands where it stood
    seen = play(env, ["open door to kitchen", "look around"])
    env.reset(options={"task": task})
    assert play(env, ["open door to kitchen", "look around"]) == seen


def test_the_expert_goes_on_in_mid_episode_and_not_off_its_path(env):
    env.reset(options={"task": PLANT})
    path = list(env.expert())
    env.reset(options={"task": PLANT})
    seen = play(env, path[:4])
    assert list(env.expert()) == path[4:]
    after = seen + play(env, path[4:])
    env.reset(options={"task": PLANT})
    assert play(env, path) == after

    env.reset(options={"task": PLANT})
    play(env, ["go to kitchen"])
    with pytest.raises(NotImplementedError, match="path was left"):
        env.expert()
    assert "kitchen" in env.step("look around")[0]


def test_a_wrong_focus_ends_the_task_and_keeps_the_progress(env):
    env.reset(options={"task": PLANT})
    seen = play(env, ["look at picture", "focus on picture"])
    earned = seen[0][4]["progress"]
    _, reward, terminated, _, info = seen[-1]
    assert (reward, terminated, info["success"], info["progress"]) == (0, True, False, earned)
    with pytest.raises(EnvsError, match="running episode"):
        env.step("look around")


def test_check_valid_actions_lists_forms_but_no_reset(env):
    env.reset(options={"task": PLANT})
    observation, _, _, _, info = env.step("check valid actions")
    assert info["valid"]
    assert "pour OBJ in OBJ" in observation and "check valid actions" in observation
    assert "reset" not in observation and "connect" not in observation


def test_an_ambiguous_action_asks_and_a_number_answers(env):
    env.reset(options={"task": PLANT})
    play(env, ["go to greenhouse"])
    question, _, _, _, info = env.step("look at flower pot")
    assert "0:\t" in question and not info["valid"]
    choice = env.valid_actions()[1]
    answer, _, _, _, info = env.step(json.dumps({"name": "choose", "arguments": {"number": int(choice)}}))
    assert "flower pot" in answer and info["valid"]
    assert not env.step("1")[4]["valid"]


def test_a_question_with_thousands_of_choices_is_cut_at_a_line(env):
    env.reset(options={"task": PLANT})
    env.step("go to kitchen")
    question, _, _, _, info = env.step("move terminal to terminal")
    assert len(question) < 10_100 and question.endswith("\n…") and not info["valid"]
    assert question.splitlines()[-2].startswith(tuple("123456789"))
    assert env.step("5")[0]


def test_another_action_in_place_of_the_number_is_lost(env):
    env.reset(options={"task": PLANT})
    play(env, ["go to greenhouse", "look at flower pot"])
    observation, _, _, _, info = env.step("go to hallway")
    assert (observation, info["valid"]) == ("Nothing happens.", False)
    assert "greenhouse" in env.step("look around")[0]


def test_circuits_can_be_wired_only_in_tasks_about_them(env):
    env.reset(options={"task": "scienceworld/power-component/0"})
    assert {"connect", "disconnect"} < {tool["function"]["name"] for tool in env.tools()}
    assert "`connect FIRST to SECOND`" in env.instructions()
    env.reset(options={"task": PLANT})
    assert env.call_to_action("connect", {"first": "a", "second": "b"}) is None
    assert "connect" not in env.instructions().replace("disconnect", "")


def test_resets_and_later_environments_use_the_same_process():
    env = ScienceWorldEnv()
    env.reset(options={"task": PLANT})
    pid = env._simulator.jvm.pid
    env.reset(options={"task": "scienceworld/boil/0"})
    assert env._simulator.jvm.pid == pid
    env.close()
    env.close()
    later = ScienceWorldEnv()
    later.reset(options={"task": PLANT})
    assert later._simulator.jvm.pid == pid
    del later
    dropped = ScienceWorldEnv()
    dropped.reset(options={"task": PLANT})
    assert dropped._simulator.jvm.pid == pid
    dropped.close()


def test_an_unknown_task_gets_the_nearest_names(env):
    with pytest.raises(UnknownTask) as unknown:
        env.reset(options={"task": "scienceworld/boyl/0"})
    assert "scienceworld/boil/0" in unknown.value.next_step


def test_the_simulators_package_is_left_as_it_was(env):
    from envs.scienceworld.installed import simulator_folder

    table = simulator_folder() / "object_type_ids.tsv"
    before = table.read_bytes()
    env.reset(options={"task": "scienceworld/grow-fruit/3"})
    play(env, ["wait", "go to outside", "look around"])
    assert table.read_bytes() == before
