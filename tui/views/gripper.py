"""Gripper: rooms with their balls, and the robot with what its grippers hold."""

from collections.abc import Collection, Mapping, Sequence

from textual.content import Content

from envs.pddl.parsing import Atom
from tui.views.view import DONE, GOOD, Room, in_rows, name, padded, widest


def draw(facts: Collection[Atom], goal: Collection[Atom], room: Room) -> list[Content]:
    """Return the rooms side by side: balls with where they have to go, ticked where they lie there."""
    goes = {atom[1]: atom[2] for atom in goal if atom[0] == "at"}
    here = {atom[1] for atom in facts if atom[0] == "at-robby"}
    robot = _robot(facts, goes)
    inside: dict[str, list[Content]] = {atom[1]: [] for atom in sorted(facts) if atom[0] == "room"}
    for place in sorted(here):
        inside.setdefault(place, []).extend(robot)
    for _, ball, place in sorted(atom for atom in facts if atom[0] == "at"):
        inside.setdefault(place, []).append(_ball(ball, place, goes))
    titles = [len(name(place)) + 2 for place in inside]
    width = max(widest(line for lines in inside.values() for line in lines), *titles)
    in_a_row = (room.width + 1) // (width + 5)
    if in_a_row < 2:
        return _storeys(inside, here, width)
    rooms = list(inside.items())
    rows = [rooms[start : start + in_a_row] for start in range(0, len(rooms), in_a_row)]
    return [line for row in rows for line in _side_by_side(row, here, width, room)]


def _side_by_side(
    rooms: Sequence[tuple[str, list[Content]]], here: Collection[str], width: int, room: Room
) -> list[Content]:
    height = max(1, *(len(lines) for _, lines in rooms))
    boxes = []
    for place, lines in rooms:
        filled = [*lines, *[Content("")] * (height - len(lines))]
        edge = _edge(place, here)
        ceiling, floor = _wall("┌┐", place, width, edge), _wall("└┘", "", width, edge)
        boxes.append([ceiling, *_inside(filled, width, edge), floor])
    return in_rows(boxes, room)


def _storeys(rooms: Mapping[str, list[Content]], here: Collection[str], width: int) -> list[Content]:
    drawn: list[Content] = []
    for place, lines in rooms.items():
        drawn.append(_wall("├┤" if drawn else "┌┐", place, width, ""))
        drawn += _inside(lines, width, _edge(place, here))
    return [*drawn, _wall("└┘", "", width, "")]


def _robot(facts: Collection[Atom], goes: Mapping[str, str]) -> list[Content]:
    held = {atom[2]: atom[1] for atom in facts if atom[0] == "carry"}
    lines = [Content.styled("☻ robot", "bold $text-accent")]
    for gripper in sorted(atom[1] for atom in facts if atom[0] == "gripper"):
        ball = _ball(held[gripper], "", goes) if gripper in held else Content("—")
        lines.append(Content(f"  {name(gripper)} ") + ball)
    return lines


def _ball(ball: str, place: str, goes: Mapping[str, str]) -> Content:
    if ball not in goes:
        return Content(f"● {name(ball)}")
    if goes[ball] == place:
        return Content.styled(f"● {name(ball)} {DONE}", GOOD)
    return Content(f"● {name(ball)} → {name(goes[ball])}")


def _edge(place: str, here: Collection[str]) -> str:
    return "$text-accent" if place in here else ""


def _inside(lines: Sequence[Content], width: int, edge: str) -> list[Content]:
    side = Content.styled("│", edge)
    return [side + " " + padded(line, width) + " " + side for line in lines]


def _wall(corners: str, place: str, width: int, edge: str) -> Content:
    title = f" {name(place)} " if place else ""
    return Content.styled(f"{corners[0]}─{title:─<{width}}─{corners[1]}", edge)
