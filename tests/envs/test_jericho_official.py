"""AgentBoard's mode: labels of our own on the games in ../shared."""

import json
import shutil

import pytest

from envs import registry
from envs.errors import BadData, MissingData
from envs.jericho.env import JerichoEnv
from envs.jericho.official import GAMES
from envs.jericho.tasks import bundled_file, tasks

pytest.importorskip("jericho")

OFFICE = "<< Closet >>"
GUN = "Taken."


def label(game=None, **fields):
    """A label as AgentBoard's file holds them."""
    record = {
        "id": 0,
        "task": "jericho",
        "goal": "Find a weapon.",
        "subgoals": [OFFICE, GUN],
        "difficulty": "easy",
        "additional_info": {"game_name": game} if game else {},
    }
    return record | fields


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The empty folder of official data."""
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    monkeypatch.setattr(registry, "_tasks", lambda which, source: tuple(tasks(source)))
    (tmp_path / "jericho" / "games").mkdir(parents=True)
    return tmp_path / "jericho"


@pytest.fixture
def games(folder, shared):
    """The folder of official data with the sample games in it."""
    for path in (shared / "data/jericho").glob("*.z5"):
        shutil.copy(path, folder / "games")
    return folder


def write(folder, *labels):
    (folder / "test.jsonl").write_text("\n".join(map(json.dumps, labels)), encoding="utf-8")


def task(game):
    """The task of a game's first label."""
    return next(task for task in tasks("official") if task.subset == game)


def test_progress_success_and_end_follow_the_labels_subgoals(games):
    write(games, label("detective"))
    (only,) = tasks("official")
    assert (only.id, only.goal, only.max_steps, only.difficulty) == (
        "jericho/detective/0",
        "Find a weapon.",
        30,
        "easy",
    )
    env = JerichoEnv("official")
    observation, info = env.reset(options={"task": only})
    assert "Chief's office" in observation
    assert info["subgoals"] == {OFFICE: False, GUN: False}
    seen = [env.step(action) for action in ("look", "west", "look", "take pistol")]
    assert [step[4]["progress"] for step in seen] == [0, 0.5, 0.5, 1]
    assert [step[2] for step in seen] == [False, False, False, True]
    assert seen[-1][4]["success"]
    env.close()


def test_the_opening_reaches_nothing_and_notes_on_the_score_are_not_seen(games):
    write(games, label("detective", subgoals=["Chiefs office", "never told"]))
    env = JerichoEnv("official")
    observation, info = env.reset(options={"task": task("detective")})
    assert "Chief's office" in observation
    assert "[Your score" not in observation
    assert info["progress"] == 0
    assert env.step("look")[4]["progress"] == 0.5
    env.close()


def test_an_action_is_cut_at_the_first_comma_or_full_stop(games):
    write(games, label("detective", subgoals=["Closet", "never told"]))
    env = JerichoEnv("official")
    env.reset(options={"task": task("detective")})
    assert env.step("look. west")[4]["progress"] == 0
    assert env.step("west, look")[4]["progress"] == 0.5
    env.close()


def test_nearly_all_is_valid_in_games_that_mark_no_refusal(games):
    write(games, label("detective"))
    env = JerichoEnv("official")
    env.reset(options={"task": task("detective")})
    observation, *_, info = env.step("frobnicate the paper")
    assert observation == "That's not a verb I recognise."
    assert info["valid"]
    env.close()


def test_the_end_of_a_game_ends_the_episode_unsolved(games):
    write(games, label("905", subgoals=["never told"]))
    env = JerichoEnv("official")
    env.reset(options={"task": task("905")})
    over = False
    for action in env._game.solution():
        *_, terminated, truncated, info = env.step(action)
        if over := terminated or truncated:
            break
    assert over
    assert terminated
    assert not info["success"]
    env.close()


def test_valid_actions_come_from_the_game_and_asking_changes_nothing(games):
    write(games, label("detective"))
    env = JerichoEnv("official")
    env.reset(options={"task": task("detective")})
    listed = env.valid_actions()
    assert {"west", "north", "take paper"} <= set(listed)
    assert env.valid_actions() == listed
    other = JerichoEnv("official")
    other.reset(options={"task": task("detective")})
    assert other.valid_actions() == listed
    assert env.step("look")[0].startswith("<< Chief's office >>")
    env.close()
    other.close()


def test_the_expert_is_jerichos_walkthrough_cut_where_the_subgoals_are_reached(games):
    write(games, label("detective"), label("905", subgoals=["never told"]))
    env = JerichoEnv("official")
    env.reset(options={"task": task("detective")})
    for action in env.expert():
        *_, info = env.step(action)
    assert info["success"]
    env.reset(options={"task": task("905")})
    with pytest.raises(NotImplementedError):
        env.expert()
    env.close()


def test_an_opening_text_of_the_label_is_what_an_episode_begins_with(games):
    write(games, label("detective", additional_info={"game_name": "detective", "init_obs": "It is dark."}))
    env = JerichoEnv("official")
    assert env.reset(options={"task": task("detective")})[0] == "It is dark."
    env.close()


def test_labels_that_name_no_game_are_agentboards_in_order(games):
    write(games, *(label() for _ in GAMES))
    found = [task.subset for task in tasks("official")]
    assert found == ["905", "acorncourt", "balances", "library", "detective"]


def test_games_may_lie_beside_the_labels(games):
    (games / "games" / "905.z5").rename(games / "905.z5")
    write(games, label("905"))
    assert [task.id for task in tasks("official")] == ["jericho/905/0"]


def test_no_folder_no_labels_or_no_games_is_missing_data(folder, monkeypatch, tmp_path):
    with pytest.raises(MissingData, match=r"test\.jsonl is missing"):
        tasks("official")
    write(folder, label("905"))
    with pytest.raises(MissingData, match="none of the games"):
        tasks("official")
    monkeypatch.setenv("ARENA_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(MissingData, match="jericho"):
        tasks("official")
    assert registry.state(registry.benchmark("jericho"), "official")[0] == "needs-data"


def test_a_game_of_another_version_is_bad_data(folder):
    write(folder, label("905"))
    for content in (b"", b"not a game", bundled_file("archive").read_bytes()):
        (folder / "games" / "905.z5").write_bytes(content)
        with pytest.raises(BadData, match=r"905\.z5 is no version of a game"):
            tasks("official")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("[]", "is not a record"),
        ("{", "is not JSON"),
        ("{}", "lacks a goal"),
        (json.dumps(label("905", goal=3)), "lacks a goal"),
        (json.dumps(label("905", difficulty="medium")), "difficulty"),
        (json.dumps(label("905", subgoals=[])), "subgoals"),
        (json.dumps(label("905", subgoals="all")), "subgoals"),
        (json.dumps(label("905", subgoals=[3])), "a subgoal is no text"),
        (json.dumps(label("905", subgoals=["..."])), "a subgoal is no text"),
        (json.dumps(label("../../etc/passwd")), "which game"),
        (json.dumps(label("*")), "which game"),
        (json.dumps(label("x" * 1000)), "which game"),
    ],
)
def test_a_broken_label_is_bad_data_that_names_file_and_line(folder, record, message):
    (folder / "test.jsonl").write_text(f"\n{record}\n", encoding="utf-8")
    with pytest.raises(BadData, match=message) as caught:
        tasks("official")
    assert "test.jsonl:2" in caught.value.message
