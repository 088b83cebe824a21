"""PDDL: the world as the recorded actions left it, and which facts of the goal are true."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from arena.records import Turn
from envs.base import Task
from envs.pddl.env import PDDLEnv
from envs.pddl.parsing import Atom
from envs.pddl.problem import from_data
from tui.views import blocks, gripper, shelves
from tui.views.view import Room, View, checklist, fitted, view

GOAL_WIDTH = 34


@dataclass(frozen=True)
class Stepped:
    """A world after some turns. `strays_at` is the first turn that the environment now answers otherwise."""

    facts: frozenset[Atom]
    subgoals: dict[str, bool]
    strays_at: int | None


def view_of(task: Task, first_observation: str, turns: Sequence[Turn], upto: int, room: Room) -> View:
    """Draw the world after `upto` turns. Raises `BadData` where the environment can't play the task."""
    now = stepped(task, turns[:upto])
    problem = from_data(task.data)
    if problem.domain == "blockworld":
        picture = blocks.draw(now.facts, problem.goal, room)
    elif problem.domain == "gripper":
        picture = gripper.draw(now.facts, problem.goal, room)
    else:
        picture = shelves.draw(problem.domain, now.facts, room)
    lines = fitted(picture, checklist("goal", now.subgoals, min(GOAL_WIDTH, room.width)), room)
    if now.strays_at is not None:
        lines.append(Content.styled(f"the record differs from turn {now.strays_at + 1} on", "$text-warning"))
    return view(problem.domain, lines, room)


def stepped(task: Task, turns: Sequence[Turn]) -> Stepped:
    """Play recorded actions again. Raises `BadData` where the environment can't play the task.

    The environment is deterministic, so this is the state of which the record tells; it takes about 0.1 ms a
    turn once the problem is compiled, which happens once.
    """
    env = PDDLEnv(task.source)
    _, info = env.reset(options={"task": task})
    strays_at, over = None, False
    for turn in turns:
        if turn.action is None or over:
            continue
        _, _, terminated, truncated, info = env.step(turn.action)
        over = terminated or truncated
        agrees = info["valid"] == turn.valid and abs(info["progress"] - turn.progress) < 1e-6
        if strays_at is None and not agrees:
            strays_at = turn.index
    return Stepped(frozenset(env.facts()), info["subgoals"], strays_at)
