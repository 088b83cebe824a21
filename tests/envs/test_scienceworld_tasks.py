"""The list of tasks and AgentBoard's labels."""

import json
import subprocess
import sys
import time

import pytest

from envs.errors import BadData, MissingData
from envs.scienceworld.patterns import search
from envs.scienceworld.survey import survey
from envs.scienceworld.tasks import expert_solves, known_tasks, tasks

LABEL = {
    "id": 7,
    "task": "scienceworld",
    "goal": "Put a plant into the red box.",
    "subgoals": ["called the greenhouse", "focus on the .*tree"],
    "difficulty": "easy",
    "additional_info": {"env_name": "find-plant", "var": 0},
}


@pytest.fixture
def labels(tmp_path, monkeypatch):
    """Write labels where the official data belong."""
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))

    def write(*rows):
        folder = tmp_path / "scienceworld"
        folder.mkdir(exist_ok=True)
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (folder / "test.jsonl").write_text("\n".join(lines), encoding="utf-8")

    return write


def test_all_variations_of_all_30_tasks_are_listed_once():
    listed = tasks("bundled")
    assert len({task.subset for task in listed}) == 30
    assert len({task.id for task in listed}) == len({task.hash for task in listed}) == len(listed) == 7207
    assert listed[0].id == "scienceworld/boil/0"


def test_listing_tasks_starts_no_java_and_imports_no_py4j():
    code = "import sys; from envs.registry import tasks; tasks('scienceworld'); print('py4j' in sys.modules)"
    listing = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert listing.stdout.strip() == "False"


def test_tasks_about_circuits_keep_their_electrical_actions():
    kept = {
        task.subset for task in tasks("bundled") if "noElectricalAction" not in task.data["simplifications"]
    }
    assert kept == {name for name in known_tasks() if "power-component" in name or "conductivity" in name}
    assert len(kept) == 4


def test_a_task_is_easy_where_the_known_solution_fits_in_the_step_limit():
    difficulty = {task.subset: task.difficulty for task in tasks("bundled")}
    assert (difficulty["find-plant"], difficulty["grow-fruit"]) == ("easy", "hard")


@pytest.mark.java
def test_the_list_of_tasks_is_what_the_simulator_says():
    said = survey(gold_paths=0)["tasks"]
    assert said.keys() == known_tasks().keys()
    for name, task in said.items():
        solutions = {key: known_tasks()[name][key] for key in ("gold_steps", "solved_in")}
        assert task | solutions == known_tasks()[name]


def test_every_task_grants_as_many_steps_as_its_known_solution_takes():
    known = known_tasks()
    for task in tasks("bundled"):
        tried = known[task.subset]["solved_in"]
        steps = tried[task.seed] if task.seed < len(tried) else max(filter(None, tried))
        assert task.max_steps >= (steps or 30)
        assert expert_solves(task) == (task.seed < len(tried) and steps is not None)


def test_labels_become_tasks_with_their_goal_and_subgoals(labels):
    labels(LABEL, "", LABEL | {"additional_info": {"env_name": "boil", "var": 3}, "difficulty": "hard"})
    first, second = tasks("official")
    assert (first.id, second.id) == ("scienceworld/find-plant/0", "scienceworld/boil/3")
    assert (first.goal, first.data["subgoals"]) == (LABEL["goal"], LABEL["subgoals"])
    assert (first.difficulty, second.difficulty) == ("easy", "hard")
    assert first.max_steps == 30


def test_of_two_labels_of_one_variation_the_later_counts(labels):
    labels(LABEL, LABEL | {"goal": "Later."})
    assert [task.goal for task in tasks("official")] == ["Later."]


def test_without_labels_the_error_says_how_to_get_them(labels, tmp_path):
    with pytest.raises(MissingData, match=str(tmp_path)):
        tasks("official")
    (tmp_path / "scienceworld").mkdir()
    with pytest.raises(MissingData, match=r"no test\.jsonl") as absent:
        tasks("official")
    assert absent.value.next_step


@pytest.mark.parametrize(
    "row",
    [
        "{",
        "[" * 100_000,
        "[]",
        "3",
        {},
        LABEL | {"additional_info": None},
        LABEL | {"additional_info": {"env_name": "fly", "var": 0}},
        LABEL | {"additional_info": {"env_name": ["boil"], "var": 0}},
        LABEL | {"additional_info": {"env_name": "boil", "var": 30}},
        LABEL | {"additional_info": {"env_name": "boil", "var": -1}},
        LABEL | {"additional_info": {"env_name": "boil", "var": True}},
        LABEL | {"additional_info": {"env_name": "boil", "var": "0"}},
        LABEL | {"goal": None},
        LABEL | {"difficulty": "medium"},
        LABEL | {"subgoals": []},
        LABEL | {"subgoals": "x"},
        LABEL | {"subgoals": [3]},
        LABEL | {"subgoals": ["("]},
        LABEL | {"subgoals": ["x" * 1001]},
        LABEL | {"subgoals": ["x"] * 101},
        LABEL | {"subgoals": ["a{99999999999999999999}"]},
    ],
    ids=lambda row: str(row)[-60:],
)
def test_a_broken_label_is_named_by_file_and_line(labels, row):
    labels(LABEL, row)
    with pytest.raises(BadData, match=r"test\.jsonl, line 2: "):
        tasks("official")


def test_a_file_that_is_no_text_is_bad_data(labels, tmp_path):
    labels(LABEL)
    (tmp_path / "scienceworld/test.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadData, match=r"test\.jsonl can't be read"):
        tasks("official")


def test_a_pattern_that_explodes_is_stopped():
    began = time.monotonic()
    with pytest.raises(BadData, match="longer than 1 s"):
        search([r"(\w|\s|\w\w)+[!?]"], "a door that is open and a " * 200)
    assert time.monotonic() - began < 20
