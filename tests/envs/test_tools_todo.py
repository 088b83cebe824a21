"""The to-do tools: what they change, what they refuse, and how final states are compared."""

from typing import Any

import pytest

from envs.tools.env import ToolOperationEnv
from envs.tools.tasks import bundled
from envs.tools.todo import MAX_PROJECTS, TodoToolkit
from envs.tools.toolkit import Refused, ToolError

TASK = {"content": "Sow", "description": "- Place: bed", "due_date": "2022-05-01", "duration": 30}
START = [
    {
        "name": "Garden",
        "tasks": [
            TASK | {"duration_unit": "minute", "priority": 2},
            TASK | {"content": "Dig", "priority": 1},
        ],
    },
    {"name": "House", "tasks": []},
]


@pytest.fixture
def kit() -> TodoToolkit:
    return TodoToolkit(START, "2022-05-03", "Dublin", seed=1)


def ids(kit: TodoToolkit) -> tuple[str, str, str]:
    garden, house = kit.call("get_projects", {})
    return garden["id"], house["id"], kit.call("get_tasks", {"project_id": garden["id"]})[0]["id"]


def test_lists_show_the_fields_of_the_original(kit: TodoToolkit) -> None:
    garden, house, sow = ids(kit)
    assert kit.call("get_user_current_date", {}) == "2022-05-03"
    assert kit.call("get_user_current_location", {}) == "Dublin"
    assert kit.call("get_projects", {})[1] == {
        "id": house,
        "order": 2,
        "color": "charcoal",
        "name": "House",
        "is_favorite": False,
    }
    assert kit.call("get_tasks", {"project_id": garden})[0] == {
        "id": sow,
        "order": 1,
        "content": "Sow",
        "is_completed": False,
        "priority": 2,
        "due_date": "2022-05-01",
    }
    assert kit.call("get_task_description", {"task_id": sow}) == {
        "id": sow,
        "content": "Sow",
        "description": "- Place: bed",
    }
    assert kit.call("get_task_duration", {"task_id": sow})["duration"] == "30(minute)"


def test_identifiers_depend_on_the_seed_only() -> None:
    assert ids(TodoToolkit(START, "", "", seed=5)) == ids(TodoToolkit(START, "x", "y", seed=5))
    assert ids(TodoToolkit(START, "", "", seed=5)) != ids(TodoToolkit(START, "", "", seed=6))


def test_a_completed_task_is_no_longer_listed(kit: TodoToolkit) -> None:
    garden, _, sow = ids(kit)
    result = kit.call("complete_task", {"task_id": sow})
    assert result["message"] == "Complete task successfully." and "is_completed" not in result["task"]
    assert [task["content"] for task in kit.call("get_tasks", {"project_id": garden})] == ["Dig"]
    with pytest.raises(Refused, match="does not exist"):
        kit.call("complete_task", {"task_id": sow})


def test_every_change_shows_in_the_state(kit: TodoToolkit) -> None:
    garden, house, sow = ids(kit)
    kit.call("update_task", {"task_id": sow, "due_date": "2022-6-1"})
    kit.call("update_project", {"project_id": house, "is_favorite": "True"})
    added = kit.call(
        "add_task", {"project_id": house, "content": "Sweep", "due_date": "2022-05-09", "priority": 4}
    )
    new = kit.call("add_project", {"project": {"name": "Car"}})
    state = kit.state()
    assert [project["name"] for project in state["projects"]] == ["Garden", "House", "Car"]
    assert [project["is_favorite"] for project in state["projects"]] == [False, True, False]
    assert [task["due_date"] for task in state["tasks"]] == ["2022-06-01", "2022-05-01", "2022-05-09"]
    assert "id" not in str(sorted(state["projects"][0])).replace("is_", "")
    assert kit.call("delete_task", {"task_id": added["id"]})["message"] == "Delete the task successfully."
    assert kit.call("delete_project", {"project_id": new["id"]})["name"] == "Car"
    kit.call("delete_project", {"project_id": garden})
    assert kit.state()["tasks"] == []


def test_results_are_compared_without_identifiers(kit: TodoToolkit) -> None:
    _, house, sow = ids(kit)
    assert "id" not in kit.comparable(kit.call("get_projects", {}))[0]
    assert (
        "id"
        not in kit.comparable(kit.call("update_task", {"task_id": sow, "due_date": "2022-06-01"}))["task"]
    )
    changed = kit.call("update_project", {"project_id": house, "is_favorite": True})
    assert "id" not in kit.comparable(changed)["project"] and "id" in changed["project"]
    assert kit.comparable("done") == "done"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_tasks", {"project_id": "1"}),
        ("update_project", {"project_id": "HOUSE", "is_favorite": "maybe"}),
        ("update_task", {"task_id": "SOW", "due_date": "tomorrow"}),
        ("update_task", {"task_id": "SOW", "due_date": None}),
        ("add_task", {"project_id": "HOUSE", "content": "", "due_date": "2022-05-09"}),
        ("add_task", {"project_id": "HOUSE", "content": "x" * 3000, "due_date": "2022-05-09"}),
        ("add_task", {"project_id": "HOUSE", "content": "x", "due_date": "2022-05-09", "priority": 9}),
        ("add_task", {"project_id": "HOUSE", "content": "x", "due_date": "2022-05-09", "duration": -1}),
        ("add_project", {"project": {"name": 3}}),
        ("delete_task", {"task_id": None}),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    kit: TodoToolkit, tool: str, arguments: dict[str, Any]
) -> None:
    _, house, sow = ids(kit)
    before = kit.state()
    meant = {key: {"HOUSE": house, "SOW": sow}.get(str(value), value) for key, value in arguments.items()}
    with pytest.raises(Refused):
        kit.call(tool, meant)
    assert kit.state() == before


def test_a_project_without_a_name_is_an_error_and_there_are_not_endless_ones(kit: TodoToolkit) -> None:
    with pytest.raises(ToolError):
        kit.call("add_project", {"project": {}})
    with pytest.raises(Refused):
        for _ in range(MAX_PROJECTS):
            kit.call("add_project", {"project": {"name": "More"}})


def test_doing_more_than_was_asked_is_no_success() -> None:
    task = next(task for task in bundled("tool-operation") if task.goal.startswith("I have finished"))
    env = ToolOperationEnv()
    env.reset(options={"task": task})
    *first, finish = env.expert()
    for action in [*first, 'add_project with Action Input: {"project": {"name": "Odd"}}']:
        env.step(action)
    *_, terminated, _, info = env.step(finish)
    assert terminated and info["progress"] == 1.0 and not info["success"]


def test_saying_done_without_doing_it_is_no_success() -> None:
    task = next(task for task in bundled("tool-operation") if task.goal.startswith("I have finished"))
    env = ToolOperationEnv()
    env.reset(options={"task": task})
    *_, info = env.step('finish with Action Input: {"answer": "done"}')
    assert not info["success"] and info["progress"] == 0.0
