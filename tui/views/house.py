"""ScienceWorld: the room that was seen last, its doors, what is carried, and the task's subgoals.

All of it comes from recorded observations, so no simulator has to be started to look at a run.
"""

import re
from collections.abc import Iterator, Sequence

from textual.content import Content

from arena.records import Turn
from envs.base import Task
from tui.literal import literal
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
    name,
    view,
)

# as the simulator words it; the texts come from a record, so each pattern takes linear time
_ROOM = re.compile(r"(?:This room is called the |This outside location is called the )([^.\n]{1,80})\.")
_INVENTORY = re.compile(r"In your inventory, you see:[ \t]*\n?")
_MOVED = re.compile(r"You move to the ([^.\n]{1,80})\.")
_SEEN_MARK, _DOORS_MARK = "you see:", "You also see:"
_DOOR = re.compile(r"A door to the ([^(\n]{1,80}?) ?\(that is (open|closed)\)$")


def view_of(task: Task, first_observation: str, turns: Sequence[Turn], upto: int, room: Room) -> View:
    """Draw what was last seen of the room and of the inventory in `upto` turns, and the subgoals."""
    texts = [turn.outcome for turn in reversed(turns[:upto])] + [first_observation]
    place = next((called for text in texts if (called := _place(text))), "")
    seen = next((found for text in texts if (found := _room(text)) and found[0] == place), [])
    things, doors = _apart(seen[1:])
    carried = next((held for text in texts if (held := _inventory(text)) is not None), [])
    width = halved(room).width
    drawn = [
        heading(f"room  {place}" if place else "room"),
        *(_items(things, width) or [Content.styled("not looked at yet", QUIET)]),
        *(marked("doors ", ", ".join(doors), width) if doors else []),
        Content(""),
        heading("inventory, when last looked at"),
        *(_items(carried, width) or [Content.styled("nothing known", QUIET)]),
    ]
    subgoals = turns[upto - 1].subgoals if upto else {}
    return view("scienceworld", fitted(drawn, checklist("subgoals", subgoals, width), room), room)


def _place(text: str) -> str:
    found = _ROOM.search(text) or _MOVED.search(text)
    return name(found[1]) if found else ""


def _room(text: str) -> list[str]:
    found = _ROOM.search(text)
    if not found:
        return []
    rest = text[found.end() :]
    inventory = _INVENTORY.search(rest)
    rest = rest[: inventory.start()] if inventory else rest
    mark = rest.find(_SEEN_MARK)
    return [name(found[1]), *_lines(rest[mark + len(_SEEN_MARK) :] if mark >= 0 else rest)]


def _apart(seen: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the things of a room, and where its doors lead to."""
    things = [line for line in seen if line != _DOORS_MARK and not _DOOR.match(line)]
    found = [door for line in seen if (door := _DOOR.match(line))]
    return things, [name(door[1]) + (" (closed)" if door[2] == "closed" else "") for door in found]


def _inventory(text: str) -> list[str] | None:
    found = _INVENTORY.search(text)
    return list(_lines(text[found.end() :])) if found else None


def _lines(text: str) -> Iterator[str]:
    return (literal(line.strip()) for line in text[:10_000].split("\n") if line.strip())


def _items(lines: Sequence[str], width: int) -> list[Content]:
    drawn = [part for line in lines[:MAX_ITEMS] for part in marked("·", line, width)]
    return [*drawn, *left_out(len(lines))]
