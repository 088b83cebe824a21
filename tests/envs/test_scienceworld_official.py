"""Episodes scored by AgentBoard's rules, with labels of our own."""

import pytest

from envs.errors import BadData
from envs.scienceworld.env import ScienceWorldEnv
from envs.scienceworld.tasks import _task

pytestmark = pytest.mark.java

SUBGOALS = ["called the greenhouse", r"[Yy]ou focus on the \w+ tree", "(?s)see:.*orange"]


@pytest.fixture
def env():
    """An environment of official tasks."""
    env = ScienceWorldEnv("official")
    yield env
    env.close()


def label(*subgoals):
    return _task("official", "find-plant", 0, "easy", "Box a plant.", subgoals=list(subgoals))


def test_progress_is_the_share_of_subgoals_seen_in_any_observation_so_far(env):
    _, info = env.reset(options={"task": label(*SUBGOALS)})
    # the first observation holds an orange, but AgentBoard searches only what actions lead to
    assert (info["progress"], info["goal"]) == (0, "Box a plant.")
    assert info["subgoals"] == dict.fromkeys(SUBGOALS, False)
    progress = []
    for action in ["go to greenhouse", "look around", "wait1", "focus on apple tree", "check valid actions"]:
        _, _, terminated, _, info = env.step(action)
        progress.append(info["progress"])
    assert progress == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert not terminated
    _, reward, terminated, _, info = env.step("inventory")
    assert (info["progress"], info["success"], terminated) == (1, True, True)
    assert reward == pytest.approx(1 / 3)


def test_the_simulators_own_failure_does_not_end_the_episode(env):
    env.reset(options={"task": label("never seen")})
    assert not env.step("focus on picture")[2]
    assert env.step("look around")[0].startswith("This room")


def test_a_subgoal_named_twice_counts_twice(env):
    env.reset(options={"task": label("greenhouse", "greenhouse", "never seen", "nor this")})
    assert env.step("go to greenhouse")[4]["progress"] == 0.5


def test_an_action_is_grounded_where_the_list_after_the_step_has_it(env):
    env.reset(options={"task": label("never seen")})
    for action in [
        "look around",
        "LOOK AROUND",
        "examine picture",
        "go to greenhouse",
        "look at flower pot",
        "0",
        "pick up shovel",
        "use shovel on agent",
        "move shovel to sink",
        "move shovel to sink please",
        "connect agent to air",
        "wait1",
        "jump",
    ]:
        valid = env.step(action)[4]["valid"]
        assert valid == (action in env.valid_actions()), action


def test_a_pattern_that_explodes_ends_as_bad_data(env):
    env.reset(options={"task": label(r"(\w|\s|\w\w)+[!?]")})
    with pytest.raises(BadData, match="takes longer than"):
        env.step("look around")
