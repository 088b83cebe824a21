"""Templates for tasks on a to-do list: questions about it, and changes to it."""

from datetime import date, timedelta
from typing import Any

from envs.tools.generate.session import Draft, Session, Templates, Unsuitable, best, goal
from envs.tools.generate.stock import stock
from envs.tools.todo import TodoToolkit

DONE = "done"


def start(rng: Any) -> dict[str, Any]:
    """Draw a list of three to five projects around today's date."""
    lists = stock()["todo"]
    today = date(2022, 1, 1) + timedelta(days=rng.randrange(3 * 365))
    subjects = sorted(name for name in lists["projects"] if name not in ("extra", "new"))
    return {
        "current_date": today.isoformat(),
        "current_location": rng.choice(lists["cities"]),
        "seed": rng.randrange(2**31),
        "projects": [
            {
                "name": name,
                "is_favorite": False,
                "tasks": [_task(rng, content, today) for content in _some(rng, lists["projects"][name])],
            }
            for name in rng.sample(subjects, rng.randint(3, 5))
        ],
    }


def _some(rng: Any, contents: list[str]) -> list[str]:
    return rng.sample(contents, rng.randint(3, len(contents) - 1))


def _task(rng: Any, content: str, today: date) -> dict[str, Any]:
    lists = stock()["todo"]
    return {
        "content": content,
        "description": f"- Place: {rng.choice(lists['places'])}\n- Note: {rng.choice(lists['hints'])}",
        "due_date": (today + timedelta(days=rng.randint(-6, 14))).isoformat(),
        "duration": rng.randint(1, 24) * 5,
        "duration_unit": "minute",
        "priority": rng.randint(1, 4),
    }


def _due(session: Session) -> Draft:
    project, task = _pick(session)
    text = goal("todo", "due", session.rng, task=task["content"], project=project["name"])
    return Draft(text, task["due_date"])


def _duration(session: Session) -> Draft:
    _, task = _pick(session)
    answer = session("get_task_duration", task_id=task["id"])["duration"]
    return Draft(goal("todo", "duration", session.rng, task=task["content"]), answer)


def _place(session: Session) -> Draft:
    _, task = _pick(session)
    description = session("get_task_description", task_id=task["id"])["description"]
    answer = description.splitlines()[0].removeprefix("- Place: ")
    return Draft(goal("todo", "place", session.rng, task=task["content"]), answer)


def _complete(session: Session) -> Draft:
    _, task = _pick(session)
    session("complete_task", task_id=task["id"])
    return Draft(goal("todo", "complete", session.rng, task=task["content"]), DONE)


def _postpone(session: Session) -> Draft:
    _, task = _pick(session)
    later = date.fromisoformat(task["due_date"]) + timedelta(days=session.rng.randint(3, 20))
    session("update_task", task_id=task["id"], due_date=later.isoformat())
    return Draft(goal("todo", "postpone", session.rng, task=task["content"], date=later), DONE)


def _favourite(session: Session) -> Draft:
    project, task = _pick(session)
    session("update_project", project_id=project["id"], is_favorite="True")
    return Draft(goal("todo", "favourite", session.rng, task=task["content"]), DONE)


def _delete(session: Session) -> Draft:
    _, task = _pick(session)
    session("delete_task", task_id=task["id"])
    return Draft(goal("todo", "delete", session.rng, task=task["content"]), DONE)


def _add(session: Session) -> Draft:
    project = session.rng.choice(session("get_projects"))
    content = session.rng.choice(stock()["todo"]["projects"]["extra"])
    due, priority = _soon(session), session.rng.randint(1, 4)
    session("add_task", project_id=project["id"], content=content, due_date=due, priority=priority)
    text = goal(
        "todo", "add", session.rng, project=project["name"], task=content, date=due, priority=priority
    )
    return Draft(text, DONE)


def _drop_project(session: Session) -> Draft:
    project = session.rng.choice(session("get_projects"))
    session("delete_project", project_id=project["id"])
    return Draft(goal("todo", "drop_project", session.rng, project=project["name"]), DONE)


def _overdue(session: Session) -> Draft:
    today = session("get_user_current_date")
    answer = sum(task["due_date"] < today for _, task in _all(session))
    return Draft(goal("todo", "overdue", session.rng), answer)


def _longest(session: Session) -> Draft:
    project = session.rng.choice(session("get_projects"))
    tasks = session("get_tasks", project_id=project["id"])
    minutes = {
        task["content"]: int(session("get_task_duration", task_id=task["id"])["duration"].partition("(")[0])
        for task in tasks
    }
    return Draft(goal("todo", "longest", session.rng, project=project["name"]), best(minutes))


def _urgent(session: Session) -> Draft:
    project = session.rng.choice(session("get_projects"))
    tasks = session("get_tasks", project_id=project["id"])
    answer = sorted(task["content"] for task in tasks if task["priority"] == 4)
    if not answer:
        raise Unsuitable
    return Draft(goal("todo", "urgent", session.rng, project=project["name"]), answer)


def _rescue(session: Session) -> Draft:
    today = session("get_user_current_date")
    tomorrow = (date.fromisoformat(today) + timedelta(days=1)).isoformat()
    late = [task for _, task in _all(session) if task["due_date"] < today]
    for task in _a_few(late):
        session("update_task", task_id=task["id"], due_date=tomorrow)
    return Draft(goal("todo", "rescue", session.rng), DONE)


def _clear(session: Session) -> Draft:
    today = session("get_user_current_date")
    project = session.rng.choice(session("get_projects"))
    tasks = session("get_tasks", project_id=project["id"])
    for task in _a_few([task for task in tasks if task["due_date"] < today]):
        session("delete_task", task_id=task["id"])
    return Draft(goal("todo", "clear", session.rng, project=project["name"]), DONE)


def _finish_urgent(session: Session) -> Draft:
    for task in _a_few([task for _, task in _all(session) if task["priority"] == 4]):
        session("complete_task", task_id=task["id"])
    return Draft(goal("todo", "finish_urgent", session.rng), DONE)


def _new_project(session: Session) -> Draft:
    lists = stock()["todo"]["projects"]
    name, tasks = session.rng.choice(lists["new"]), session.rng.sample(lists["extra"], 2)
    dates = [_soon(session) for _ in tasks]
    project = session("add_project", project={"name": name, "is_favorite": True})
    for content, due in zip(tasks, dates, strict=True):
        session("add_task", project_id=project["id"], content=content, due_date=due, priority=2)
    text = goal(
        "todo",
        "new_project",
        session.rng,
        project=name,
        first=tasks[0],
        first_date=dates[0],
        second=tasks[1],
        second_date=dates[1],
    )
    return Draft(text, DONE)


def _swap(session: Session) -> Draft:
    first, second = (task for _, task in session.rng.sample(_all(session), 2))
    if first["due_date"] == second["due_date"]:
        raise Unsuitable
    session("update_task", task_id=first["id"], due_date=second["due_date"])
    session("update_task", task_id=second["id"], due_date=first["due_date"])
    text = goal("todo", "swap", session.rng, first=first["content"], second=second["content"])
    return Draft(text, DONE)


TEMPLATES: Templates = {
    "easy": (_due, _duration, _place, _complete, _postpone, _favourite, _delete, _add, _drop_project),
    "hard": (_overdue, _longest, _urgent, _rescue, _clear, _finish_urgent, _new_project, _swap),
}
TOOLKIT = TodoToolkit


def _all(session: Session) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [
        (project, task)
        for project in session("get_projects")
        for task in session("get_tasks", project_id=project["id"])
    ]


def _pick(session: Session) -> tuple[dict[str, Any], dict[str, Any]]:
    # the solution looks up only the project that holds the task
    project = session.rng.choice(session("get_projects"))
    return project, session.rng.choice(session("get_tasks", project_id=project["id"]))


def _a_few(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not 2 <= len(tasks) <= 6:
        raise Unsuitable
    return tasks


def _soon(session: Session) -> str:
    today = date.fromisoformat(session.toolkit.call("get_user_current_date", {}))
    return (today + timedelta(days=session.rng.randint(1, 20))).isoformat()
