"""Episodes of our stories, each in a process of its own."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.errors import BadData, EnvironmentCrashed, EnvsError, UnknownTask
from envs.jericho import commands
from envs.jericho.env import JerichoEnv
from envs.jericho.game import Game
from envs.jericho.tasks import bundled_file, tasks

pytest.importorskip("jericho")

LAMP = "jericho/lighthouse/0"
HOSTILE = [
    "",
    " ",
    "\\help",
    "\\d",
    "\\S\\R\\P\\X",
    "\\",
    "look then " * 10,
    "x" * 1_000_000,
    "take " * 150,
    "\x00\x01\x1b[2J\x7f",
    "\r\ntake key\r\n",
    "\ud800",
    "🚪" * 50,
    "é" * 200,
    "script ../../evil",
    "look then /tmp/evil then script",
    "save /tmp/evil",
    "restore",
    "recording on",
    "99999999999999999999",
    "set chest to 99999999999999999999",
    "set chest to -1",
    '"""' * 20,
    "{",
    "[" * 10_000,
    '{"name": "fly", "arguments": {}}',
    '{"name": "take", "arguments": {"thing": 3}}',
    '{"name": "command", "arguments": {"text": "\\\\help"}}',
]


@pytest.fixture
def env():
    """An environment, closed afterwards."""
    env = JerichoEnv()
    yield env
    env.close()


def play(env, task, actions):
    """Play actions of a task and return all that was seen."""
    seen = [env.reset(options={"task": task})]
    for action in actions:
        seen.append(env.step(action))
        if seen[-1][2] or seen[-1][3]:
            break
    return seen


def test_it_passes_gymnasiums_checker():
    env = gymnasium.make("arena/Jericho-v0")
    check_env(env.unwrapped, skip_render_check=True)
    env.close()


def test_rewards_add_up_to_the_progress_rate(env):
    env.reset(options={"task": LAMP})
    rewards = [env.step(action)[1] for action in env.expert()]
    assert sum(rewards) == pytest.approx(1)
    assert sorted(set(map(round, rewards, [2] * len(rewards)))) == [0, 0.2]


def test_the_expert_wins_by_tool_calls_too(env):
    for task in ("jericho/archive/0", "jericho/greenhouse/3"):
        env.reset(options={"task": task})
        for action in env.expert():
            call = env.action_to_call(action)
            *_, info = env.step(json.dumps(call))
        assert info["success"]


def test_the_expert_goes_on_from_where_the_episode_stands(env):
    env.reset(options={"task": LAMP})
    for action in ["go east", "take oil can", "jump", "look", "go west"]:
        env.step(action)
    for action in env.expert():
        *_, info = env.step(action)
    assert info["success"]


def test_the_expert_says_so_where_it_knows_no_way(env):
    env.reset(options={"task": LAMP})
    env.step("go east")
    env.step("take oil can")
    env.step("go west")
    env.step("drop oil can")
    env.step("go north")
    with pytest.raises(NotImplementedError, match="walkthrough"):
        env.expert()


def test_asking_the_expert_or_for_valid_actions_changes_nothing(env):
    asked, path = [], tasks("bundled")[0].data["walkthrough"]
    env.reset(options={"task": LAMP})
    for action in path:
        env.valid_actions()
        env.expert()
        asked.append(env.step(action))
    assert asked == play(env, LAMP, path)[1:]


def test_valid_actions_are_valid_and_hold_the_next_one_of_the_walkthrough(env):
    env.reset(options={"task": LAMP})
    for action in ["go north", "open drawer"]:
        env.step(action)
    listed = env.valid_actions()
    assert {"take matches", "search boot", "north", "open tin"} <= set(listed)
    assert not {"down", "take stove", "take key", "open drawer"} & set(listed)
    for action in listed:
        play(env, LAMP, ["go north", "open drawer"])
        assert env.step(action)[4]["valid"], action


def test_a_random_player_gets_next_to_nowhere(env):
    scores = []
    for number, task in enumerate(tasks("bundled")[::6]):
        rng = random.Random(number)
        env.reset(options={"task": task})
        over = False
        while not over:
            *_, terminated, truncated, info = env.step(rng.choice(env.valid_actions()))
            over = terminated or truncated
        scores.append(info["progress"])
    assert sum(scores) / len(scores) < 0.15


def test_checking_valid_actions_costs_a_step_and_changes_nothing(env):
    env.reset(options={"task": LAMP})
    for action in (
        "check valid actions",
        "Check the ACTIONS",
        '{"name": "check_valid_actions", "arguments": {}}',
    ):
        observation, reward, *_, info = env.step(action)
        assert observation.startswith("You can take the following actions: ")
        assert observation.endswith(", check valid actions")
        assert (reward, info["valid"]) == (0, True)
    assert env.expert() == tasks("bundled")[0].data["walkthrough"]


def test_an_episode_ends_at_its_step_limit(env):
    seen = play(env, LAMP, ["look"] * 40)
    assert len(seen) == 31
    assert seen[-1][2:4] == (False, True)
    with pytest.raises(EnvsError, match="running episode"):
        env.step("look")


def test_episodes_are_the_same_in_every_environment_and_leave_nothing_behind(env):
    path = ["go north", "search boot", "search coat", "search tin", "take logbook", "check valid actions"]
    first = play(env, LAMP, path)
    play(env, "jericho/greenhouse/1", ["take bucket", "go east", "fill bucket"])
    play(env, "jericho/lighthouse/1", path)
    assert play(env, LAMP, path) == first
    other = JerichoEnv()
    assert play(other, LAMP, path) == first
    other.close()


def test_two_episodes_at_once_do_not_mix():
    path = tasks("bundled")[0].data["walkthrough"]
    one, two = JerichoEnv(), JerichoEnv()
    one.reset(options={"task": LAMP})
    two.reset(options={"task": LAMP})
    for action in path[:5]:
        one.step(action)
        assert two.step("inventory")[0] == "You're carrying nothing."
    assert one.step("inventory")[0] == "You're carrying: an oil can"
    one.close()
    assert two.step("look")[4]["valid"]
    two.close()


def test_eight_threads_play_eight_stories_each_as_if_alone(env):
    chosen = tasks("bundled")[::2][:8]
    alone = [play(env, task, task.data["walkthrough"]) for task in chosen]

    def thread(task):
        mine = JerichoEnv()
        try:
            return [play(mine, task, task.data["walkthrough"]) for _ in range(3)]
        finally:
            mine.close()

    with ThreadPoolExecutor(8) as pool:
        for expected, runs in zip(alone, pool.map(thread, chosen), strict=True):
            assert runs == [expected] * 3


@pytest.mark.parametrize("action", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_actions_are_answered_and_leave_no_file(env, action, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env.reset(options={"task": LAMP})
    observation, reward, terminated, truncated, info = env.step(action)
    assert observation
    assert (reward, terminated, truncated) == (0, False, False)
    assert set(info) == {"progress", "success", "valid", "subgoals"}
    assert env.step("look")[0].startswith("Landing Stage")
    assert not list(tmp_path.iterdir())
    assert not Path("/tmp/evil").exists()


@pytest.fixture(scope="module")
def started():
    """One environment for all examples of a property."""
    env = JerichoEnv()
    yield env
    env.close()


_WORDS = st.sampled_from(
    [
        "take",
        "open",
        "put",
        "key",
        "coat",
        "door",
        "in",
        "on",
        "with",
        "all",
        "then",
        "it",
        "look",
        "n",
        "undo",
        "g",
    ]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.text(), st.lists(_WORDS, max_size=25).map(" ".join)), max_size=12))
def test_no_sequence_of_texts_raises_or_breaks_the_next_episode(started, actions):
    for *_, info in play(started, LAMP, actions)[1:]:
        assert 0 <= info["progress"] <= 1
    assert started.reset(options={"task": LAMP})[0].endswith("a boathouse east.")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([*commands.forms(), "fly"]),
    st.dictionaries(st.sampled_from(["thing", "text", "x"]), _JSON),
)
def test_no_tool_call_raises(started, name, arguments):
    started.reset(options={"task": LAMP})
    observation, *_ = started.step(json.dumps({"name": name, "arguments": arguments}))
    assert observation


def test_a_call_that_no_tool_takes_is_told_so_and_is_not_grounded(env):
    env.reset(options={"task": LAMP})
    observation, *_, info = env.step('{"name": "fly", "arguments": {}}')
    assert observation.startswith("[!] There is no such tool")
    assert not info["valid"]


def test_a_process_that_dies_is_an_infrastructure_error_and_the_next_reset_mends_it(env):
    env.reset(options={"task": LAMP})
    os.kill(env._game._process.pid, signal.SIGKILL)
    with pytest.raises(EnvironmentCrashed, match="died"):
        env.step("look")
    assert env.reset(options={"task": LAMP})[1]["progress"] == 0
    assert env.step("look")[4]["valid"]


def test_a_command_that_hangs_the_interpreter_ends_its_process(monkeypatch):
    # what `clean` keeps away from it: a backslash order that it repeats for ever
    game = Game()
    game.start(bundled_file("lighthouse"), 1)
    with pytest.raises(EnvironmentCrashed, match=r"died \(exit code -27\) on step"):
        game.step("\\help")
    game.close()


def test_files_that_a_game_writes_stay_in_a_folder_that_is_removed(shared, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    game = Game()
    game.start(shared / "data/jericho/detective.z5", 1)
    game.step("script")
    game.step("save")
    (folder,) = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} == {"script", "detective.qzl"}
    game.start(shared / "data/jericho/detective.z5", 1)
    assert not list(folder.iterdir())
    game.close()
    assert not list(tmp_path.iterdir())


def test_no_process_and_no_folder_outlives_a_parent_that_was_killed(tmp_path):
    program = (
        "import os, signal; from envs.jericho.env import JerichoEnv; env = JerichoEnv();"
        f"env.reset(options={{'task': {LAMP!r}}}); print(env._game._process.pid, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    child = Path(f"/proc/{int(done.stdout)}")
    deadline = time.monotonic() + 20
    while (child.exists() or list(tmp_path.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists()
    assert not list(tmp_path.iterdir())


def test_an_unknown_task_names_the_nearest(env):
    with pytest.raises(UnknownTask) as caught:
        env.reset(options={"task": "jericho/lighthose/0"})
    assert "jericho/lighthouse/0" in caught.value.next_step


def test_a_task_made_for_another_version_of_a_story_is_refused(env):
    from dataclasses import replace

    task = tasks("bundled")[0]
    with pytest.raises(BadData, match=r"lighthouse\.z5 is not the file"):
        env.reset(options={"task": replace(task, data={**task.data, "md5": "0" * 32})})
