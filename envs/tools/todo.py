"""The to-do tools, over a list of projects that lives as long as the episode.

From AgentBoard (agentboard/utils/todo/todo_tools.py), whose tools change a Todoist account. Kept: result
fields, messages (official records expect them literally), and that a completed task is no longer listed.
`add_project`, `delete_project` and `add_task` are in its toolkit, though not offered to its agents.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from envs.tools.toolkit import Refused, Toolkit

MAX_PROJECTS, MAX_TASKS, MAX_CHARS = 50, 500, 2000
_TRUE, _FALSE = (True, "True", "true"), (False, "False", "false")


@dataclass
class Entry:
    """A task, with the fields of Todoist that are shown."""

    id: str
    order: int
    content: str
    priority: int
    due_date: str
    description: str = ""
    duration: int | None = None
    duration_unit: str = "minute"

    def shown(self, *, completed: bool | None = False) -> dict[str, Any]:
        """Return the fields that lists show; without `is_completed` where it is None."""
        fields = {"id": self.id, "order": self.order, "content": self.content}
        fields |= {} if completed is None else {"is_completed": completed}
        return fields | {"priority": self.priority, "due_date": self.due_date}


@dataclass
class Project:
    """A project and its open tasks."""

    id: str
    order: int
    name: str
    is_favorite: bool = False
    color: str = "charcoal"
    entries: list[Entry] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """Return the fields that lists show."""
        return {
            "id": self.id,
            "order": self.order,
            "color": self.color,
            "name": self.name,
            "is_favorite": self.is_favorite,
        }


class TodoToolkit(Toolkit):
    """Projects and tasks of a user who is in `current_location` on `current_date`.

    `projects` are objects with name, is_favorite and tasks: content, description, due_date, duration,
    duration_unit, priority (AgentBoard's projects.json). Identifiers are drawn from `seed`.
    """

    subset: ClassVar[str] = "todo"

    def __init__(
        self, projects: Sequence[Mapping[str, Any]], current_date: str, current_location: str, seed: int
    ) -> None:
        self._date, self._location = current_date, current_location
        self._rng = random.Random(seed)
        self._projects: list[Project] = []
        for made in projects:
            project = self._new_project(made["name"], bool(made.get("is_favorite", False)))
            for task in made["tasks"]:
                self._new_entry(project, **task)

    def get_user_current_date(self) -> str:
        """Return today's date."""
        return self._date

    def get_user_current_location(self) -> str:
        """Return the name of the user's city."""
        return self._location

    def get_projects(self) -> list[dict[str, Any]]:
        """Return all projects."""
        return [project.shown() for project in self._projects]

    def add_project(self, project: Any) -> dict[str, Any]:
        """Add a project at the end."""
        if len(self._projects) >= MAX_PROJECTS:
            raise Refused(f"There are {MAX_PROJECTS} projects already.")
        name, favourite = _text(project["name"], "name"), _truth(project.get("is_favorite", False))
        return self._new_project(name, favourite).shown()

    def update_project(self, project_id: Any, is_favorite: Any) -> dict[str, Any]:
        """Make a project a favourite, or no longer one."""
        project, favourite = self._project(project_id), _truth(is_favorite)
        project.is_favorite = favourite
        return {"message": "Update the project successfully.", "project": project.shown()}

    def delete_project(self, project_id: Any) -> dict[str, Any]:
        """Delete a project with its tasks."""
        project = self._project(project_id)
        self._projects.remove(project)
        return project.shown()

    def get_tasks(self, project_id: Any) -> list[dict[str, Any]]:
        """Return a project's open tasks."""
        return [entry.shown() for entry in self._project(project_id).entries]

    def get_task_description(self, task_id: Any) -> dict[str, Any]:
        """Return more about a task."""
        _, entry = self._entry(task_id)
        return {"id": entry.id, "content": entry.content, "description": entry.description}

    def get_task_duration(self, task_id: Any) -> dict[str, Any]:
        """Return how long a task takes."""
        _, entry = self._entry(task_id)
        if entry.duration is None:
            raise Refused(f"The task {entry.content} has no duration.")
        return {
            "id": entry.id,
            "content": entry.content,
            "duration": f"{entry.duration}({entry.duration_unit})",
        }

    def add_task(
        self,
        project_id: Any,
        content: Any,
        due_date: Any,
        description: Any = "",
        duration: Any = None,
        duration_unit: Any = "minute",
        priority: Any = 1,
    ) -> dict[str, Any]:
        """Add a task at the end of a project."""
        project = self._project(project_id)
        if sum(len(each.entries) for each in self._projects) >= MAX_TASKS:
            raise Refused(f"There are {MAX_TASKS} tasks already.")
        if priority not in (1, 2, 3, 4) or duration_unit not in ("minute", "day"):
            raise Refused("The priority must be 1 to 4, and the unit of the duration minute or day.")
        if not (duration is None or (type(duration) is int and 0 < duration < 100_000)):
            raise Refused("The duration must be a positive whole number.")
        entry = self._new_entry(
            project,
            content=_text(content, "content"),
            description=_text(description, "description", may_be_empty=True),
            due_date=_day(due_date),
            duration=duration,
            duration_unit=duration_unit,
            priority=int(priority),
        )
        return entry.shown()

    def complete_task(self, task_id: Any) -> dict[str, Any]:
        """Mark a task as done."""
        project, entry = self._entry(task_id)
        project.entries.remove(entry)
        return {"message": "Complete task successfully.", "task": entry.shown(completed=None)}

    def update_task(self, task_id: Any, due_date: Any) -> dict[str, Any]:
        """Move a task to another date."""
        _, entry = self._entry(task_id)
        entry.due_date = _day(due_date)
        return {"message": "Update the task successfully", "task": entry.shown()}

    def delete_task(self, task_id: Any) -> dict[str, Any]:
        """Delete a task."""
        project, entry = self._entry(task_id)
        project.entries.remove(entry)
        return {"message": "Delete the task successfully.", "task": entry.shown()}

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """Return all projects and tasks without their ids: what final states are compared by."""
        tasks = [entry.shown() for project in self._projects for entry in project.entries]
        return {"projects": self.comparable(self.get_projects()), "tasks": self.comparable(tasks)}

    def comparable(self, result: Any) -> Any:
        """Leave out identifiers, which differ from account to account."""
        if isinstance(result, list):
            return [_without_id(item) for item in result]
        if not isinstance(result, dict):
            return result
        inner = {key: _without_id(result[key]) for key in ("task", "project") if key in result}
        return _without_id(result) | inner

    def _project(self, project_id: Any) -> Project:
        for project in self._projects:
            if project.id == str(project_id):
                return project
        raise Refused(f"Project {str(project_id)[:40]} does not exist.")

    def _entry(self, task_id: Any) -> tuple[Project, Entry]:
        for project in self._projects:
            for entry in project.entries:
                if entry.id == str(task_id):
                    return project, entry
        raise Refused(f"Task {str(task_id)[:40]} does not exist.")

    def _new_project(self, name: str, is_favorite: bool) -> Project:
        last = max((project.order for project in self._projects), default=0)
        project = Project(self._new_id(), last + 1, name, is_favorite)
        self._projects.append(project)
        return project

    def _new_entry(self, project: Project, **fields: Any) -> Entry:
        last = max((entry.order for entry in project.entries), default=0)
        entry = Entry(id=self._new_id(), order=last + 1, **fields)
        project.entries.append(entry)
        return entry

    def _new_id(self) -> str:
        return str(self._rng.randrange(10**9, 10**10))


def _without_id(item: Any) -> Any:
    return {key: item[key] for key in item if key != "id"} if isinstance(item, dict) else item


def _truth(value: Any) -> bool:
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise Refused("is_favorite must be True or False.")


def _text(value: Any, name: str, may_be_empty: bool = False) -> str:
    if not isinstance(value, str) or len(value) > MAX_CHARS or not (value.strip() or may_be_empty):
        raise Refused(f"The {name} must be a text of at most {MAX_CHARS} characters.")
    return value


def _day(value: Any) -> str:
    try:
        return datetime.strptime(value, "%Y-%m-%d").date().isoformat()
    except (TypeError, ValueError):
        raise Refused("due_date must be a date, as YYYY-MM-DD.") from None
