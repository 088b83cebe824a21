"""Which view a benchmark has."""

from collections.abc import Callable, Mapping, Sequence

from textual.content import Content

from arena.records import Turn
from envs.base import Task
from envs.errors import EnvsError
from tui.literal import literal_line
from tui.views import calls, house, pddl, workflow
from tui.views.view import QUIET, Room, View, checklist, marked, view

Draw = Callable[[Task, str, Sequence[Turn], int, Room], View]


def view_of(task: Task, first_observation: str, turns: Sequence[Turn], upto: int, room: Room) -> View:
    """Draw the state of an episode after its first `upto` turns (0: at the beginning), in a given room.

    Takes milliseconds (a workflow's first view loads an encoder: a second), so call it in a worker thread. A
    benchmark without a view of its own gets its subgoals as a checklist. Never raises because of what a
    record says: a task or a turn that can't be drawn gets a view that says so.
    """
    draw = VIEWS.get(task.benchmark, subgoals)
    try:
        return draw(task, first_observation, turns, upto, room)
    except (EnvsError, LookupError, TypeError, ValueError, AttributeError) as error:
        words = literal_line(f"this state can't be drawn: {error}", 300)
        return view(task.benchmark, marked("!", words, room.width, "$text-warning"), room)


def subgoals(task: Task, first_observation: str, turns: Sequence[Turn], upto: int, room: Room) -> View:
    """Draw the subgoals after `upto` turns as a checklist."""
    reached = turns[upto - 1].subgoals if upto else {}
    lines = checklist("subgoals", reached, room.width)
    nothing = "no subgoals are known before the first turn" if not upto else "this task tells no subgoals"
    return view("subgoals", lines or [Content.styled(nothing, QUIET)], room)


VIEWS: Mapping[str, Draw] = {
    "pddl": pddl.view_of,
    "scienceworld": house.view_of,
    "tool-query": calls.view_of,
    "tool-operation": calls.view_of,
    "worfbench": workflow.view_of,
}
"""The views that draw more than a checklist, by benchmark."""
