"""Tool tasks: the calls that were made and what came of them, beside those that solve the task."""

import json
from collections.abc import Sequence
from typing import Any

from textual.content import Content

from arena.records import Turn
from envs.base import Task
from envs.tools import call as calls
from envs.tools.call import BadArguments, Call
from tui.literal import literal_line
from tui.tables import failure_words
from tui.views.view import (
    MAX_ITEMS,
    QUIET,
    Room,
    View,
    checklist,
    fitted,
    halved,
    heading,
    left_out,
    marked,
    view,
)

MAX_VALUE_CHARS = 40
MAX_CALL_CHARS = 300


def view_of(task: Task, first_observation: str, turns: Sequence[Turn], upto: int, room: Room) -> View:
    """Draw the calls of `upto` turns, the solving calls (ticked where one was made), and the subgoals."""
    played = turns[:upto]
    half = halved(room).width
    made = [call for turn in played if turn.valid and (call := _call(turn.action))]
    solution = [str(action) for action in task.data.get("solution", ())]
    solving = {
        f"{number}. {_words(call)}": any(_same(call, each) for each in made)
        for number, action in enumerate(solution, 1)
        if (call := _call(action))
    }
    aim = checklist("calls that solve it", solving, half)
    if played:
        results = checklist("results", played[-1].subgoals, half)
        aim += [*([Content("")] if aim and results else []), *results]
    return view("calls", fitted(_made(played, half), aim, room), room)


def _made(turns: Sequence[Turn], width: int) -> list[Content]:
    lines = [heading("calls made")]
    if not turns:
        return [*lines, Content.styled("none yet", QUIET)]
    for turn in turns[-MAX_ITEMS:]:
        mark, style = ("✓", "$text-success") if turn.valid and not turn.failure else ("✗", "$text-error")
        call = _call(turn.action)
        what = _words(call) if call else literal_line(turn.action or "", MAX_CALL_CHARS)
        words = failure_words()[turn.failure.kind] if turn.failure else what
        lines += marked(f"{turn.index + 1:>2} {mark}", words, width, style)
        outcome = literal_line(turn.outcome, max(width - 7, 8))
        lines.append(Content.styled(f"     → {outcome}", QUIET))
    return [*lines, *left_out(len(turns), "earlier")]


def _call(action: str | None) -> Call | None:
    try:
        return calls.read(action) if action else None
    except BadArguments:
        return None


def _words(call: Call) -> str:
    inside = ", ".join(f"{name}={_value(value)}" for name, value in call.arguments.items())
    return literal_line(f"{call.name}({inside})", MAX_CALL_CHARS)


def _value(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):  # a Python literal may hold bytes or sets
        text = repr(value)
    return text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 1] + "…"


def _same(wanted: Call, made: Call) -> bool:
    return wanted.name == made.name and dict(wanted.arguments) == dict(made.arguments)
