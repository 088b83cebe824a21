"""Our stories: that the files are the sources' own, and that each can be won by reading alone."""

import re

import pytest

from envs.jericho import build_stories
from envs.jericho.build_stories import STORIES
from envs.jericho.env import JerichoEnv
from envs.jericho.tasks import tasks

NAMES = sorted(source.stem for source in STORIES.glob("*.inf"))


@pytest.mark.parametrize("name", NAMES)
def test_a_story_file_is_what_its_source_compiles_to(name, tmp_path):
    if build_stories.compiler() is None:
        pytest.skip("needs the Inform 6 compiler (Debian: inform6-compiler, inform6-library)")
    build_stories.build(STORIES / f"{name}.inf", tmp_path / "built.z5")
    built, shipped = (tmp_path / "built.z5").read_bytes(), (STORIES / f"{name}.z5").read_bytes()
    if built[0x3C:0x40] != shipped[0x3C:0x40]:
        pytest.skip(f"another compiler: {built[0x3C:0x40]!r} built it, {shipped[0x3C:0x40]!r} what ships")
    assert built == shipped


def test_every_story_is_played_by_six_tasks_or_more_in_distinct_variants():
    listed = tasks("bundled")
    assert len(NAMES) >= 3
    for name in NAMES:
        of_story = [task for task in listed if task.subset == name]
        assert len(of_story) >= 6
        assert len({task.hash for task in of_story}) == len(of_story)
        assert len({tuple(task.data["walkthrough"]) for task in of_story}) == len(of_story)
        assert all(4 <= len(task.data["subgoals"]) <= 8 for task in of_story)
        assert all(len(task.data["walkthrough"]) < 30 for task in of_story)


@pytest.fixture(scope="module")
def env():
    """An environment for all stories."""
    pytest.importorskip("jericho")
    env = JerichoEnv()
    yield env
    env.close()


@pytest.mark.parametrize("task", tasks("bundled"), ids=lambda task: task.id)
def test_the_walkthrough_reaches_every_subgoal_with_its_last_command_and_is_never_refused(env, task):
    first, info = env.reset(options={"task": task})
    assert "Inform v6" in first  # the library's licence asks for the banner
    assert info["progress"] == 0
    path = env.expert()
    assert path == task.data["walkthrough"]
    for number, action in enumerate(path, 1):
        observation, _, terminated, truncated, info = env.step(action)
        assert info["valid"], (action, observation)
        assert not truncated
        assert terminated == info["success"] == (number == len(path)), (action, observation)
    assert info["progress"] == 1
    assert all(info["subgoals"].values())


@pytest.mark.parametrize("name", NAMES)
def test_what_differs_between_variants_is_told_by_the_story_itself(env, name):
    """Numbers and hiding places of a walkthrough stand in an observation before they are used."""
    for task in (task for task in tasks("bundled") if task.subset == name):
        told = env.reset(options={"task": task})[0]
        for action in task.data["walkthrough"]:
            for number in re.findall(r"\d+", action):
                assert number in told, (task.id, action)
            if action.startswith(("search", "open red", "open green", "open blue", "open yellow")):
                assert action.split()[-2 if "open" in action else -1] in told, (task.id, action)
            told += env.step(action)[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_wrong_variants_commands_do_not_win(env, name):
    listed = [task for task in tasks("bundled") if task.subset == name]
    for task, other in zip(listed, listed[1:3] + listed[:1], strict=False):
        env.reset(options={"task": task})
        for action in other.data["walkthrough"]:
            *_, terminated, _, info = env.step(action)
            assert not terminated, (task.id, action)
        assert info["progress"] < 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "action",
    [
        *("", "xyzzy", "take", "take nothing", "take all", "drop all", "go down the drain", "eat me", "jump"),
        *("quit", "restart", "save", "restore", "script", "undo", "oops", "recording on", "sing", "open me"),
        *("again", "put me in me", "12", "use me"),
    ],
)
def test_every_refusal_is_marked_and_no_command_ends_a_story(env, name, action):
    env.reset(options={"task": f"jericho/{name}/0"})
    observation, _, terminated, _, info = env.step(action)
    assert "[!]" in observation
    assert not info["valid"]
    assert not terminated
    # nor does the story wait for anything but the next command
    assert env.step("look")[4]["valid"]


@pytest.mark.parametrize(
    "action", ["look", "l", "inventory", "i", "wait", "examine me", "listen", "north", "go north"]
)
def test_looking_waiting_and_walking_are_no_refusals(env, action):
    env.reset(options={"task": "jericho/lighthouse/0"})
    observation, *_, info = env.step(action)
    assert info["valid"]
    assert "[!" not in observation
