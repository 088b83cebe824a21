"""Episodes to draw: turns that an environment really played, and turns made up."""

from collections.abc import Iterable

from arena.protocol.base import Failure, FailureKind
from arena.records import Turn
from envs import registry
from envs.base import Task
from tui.views.choice import view_of
from tui.views.view import Room

NO_ACTION = Failure(FailureKind.NO_ACTION, (0, 0), "an action", "none")


def turn(index: int, action: str | None, outcome: str = "", **changes) -> Turn:
    fields = {
        "observation": "",
        "reply": action or "",
        "thought": "",
        "action": action,
        "failure": None,
        "outcome": outcome,
        "valid": True,
        "progress": 0.0,
        "success": False,
    }
    return Turn(index, **(fields | changes))


def played(task_id: str, actions: Iterable[str | None]) -> tuple[Task, str, list[Turn]]:
    """Play actions in their environment; None is a reply without an action."""
    task = registry.find_task(task_id)
    env = registry.benchmark(task.benchmark).make()
    first, info = env.reset(options={"task": task})
    turns: list[Turn] = []
    for action in actions:
        seen = turns[-1].outcome if turns else first
        if action is None:
            known = {"progress": info["progress"], "subgoals": info["subgoals"], "valid": False}
            turns.append(
                turn(len(turns), None, "That is no action.", observation=seen, failure=NO_ACTION, **known)
            )
            continue
        outcome, _, terminated, truncated, info = env.step(action)
        known = {name: info[name] for name in ("valid", "progress", "success", "subgoals")}
        scores = {name: info[name] for name in ("scores", "grading") if name in info}
        turns.append(turn(len(turns), action, outcome, **known, observation=seen, scores=scores))
        if terminated or truncated:
            break
    return task, first, turns


def expert(task_id: str) -> list[str]:
    env = registry.benchmark(task_id.partition("/")[0]).make()
    env.reset(options={"task": task_id})
    return list(env.expert())


def text(
    task: Task, first: str, turns: list[Turn], upto: int | None = None, width: int = 60, height: int = 20
) -> str:
    """The view after `upto` turns (default: all) as text."""
    drawn = view_of(task, first, turns, len(turns) if upto is None else upto, Room(width, height))
    return "\n".join(line.plain.rstrip() for line in drawn.lines)
