"""All turns of a match on one ground: where each contestant failed and got further, and where we are."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.names import short_name
from tui.stage import Mark

NAME_WIDTH = 14
"""Cells of a name, or a fifth of the line where that is more."""
BESIDE_NAME = 3
WIDEST_TURN = 3

SIGNS: dict[Mark, tuple[str, str]] = {
    "failed": ("✗", "bold $text-error"),
    "no effect": ("x", "$text-error"),
    "rose": ("▲", "$text-success"),
    "played": ("·", "$foreground-muted"),
}
"""What stands for a turn, and its style."""

_GRAVITY: tuple[Mark, ...] = ("failed", "no effect", "rose", "played")
"""Where several turns share a cell, the first of these that is among them is drawn."""


@dataclass(frozen=True)
class TimelineRow:
    """A contestant's turns; `frame` is the one that is shown (from 0; -1: none)."""

    name: str
    marks: tuple[Mark, ...]
    frame: int
    is_chosen: bool


@dataclass(frozen=True)
class TimelineData:
    """The rows, how many turns there can be, and the baseline's name; names are literal."""

    rows: tuple[TimelineRow, ...]
    turns: int
    baseline: str = ""

    def name_width(self, width: int) -> int:
        """Return how many of `width` cells the names take."""
        longest = max((len(row.name) for row in self.rows), default=0)
        return max(NAME_WIDTH, min(longest, width // 5))


class Timeline(Widget):
    """A row for each contestant, or for the chosen one alone. Click or drag to go to a turn."""

    data: reactive[TimelineData | None] = reactive(None)

    class Scrubbed(Message):
        """A turn was pointed at (from 0), of a row of `data`."""

        def __init__(self, turn: int, row: int) -> None:
            super().__init__()
            self.turn, self.row = turn, row

    def __init__(self) -> None:
        super().__init__()
        self._is_dragged = False

    def render(self) -> Content:
        """Draw the rows."""
        if self.data is None:
            return Content("")
        data, width = self.data, self.content_size.width
        room = data.name_width(width)
        scale = _Scale.of(data.turns, width - room - BESIDE_NAME)
        names = (short_name(row.name, room, data.baseline).ljust(room) for row in data.rows)
        return Content("\n").join(_row(name, row, scale) for name, row in zip(names, data.rows, strict=True))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go to the turn that is pointed at, and with the mouse from now on."""
        self._is_dragged = True
        self.capture_mouse()
        self._scrub(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse while it is held."""
        if self._is_dragged:
            self._scrub(event)

    def on_mouse_up(self) -> None:
        """Let go."""
        self._is_dragged = False
        self.release_mouse()

    def _scrub(self, event: events.MouseEvent) -> None:
        if self.data is None or not self.data.rows:
            return
        at = event.get_content_offset_capture(self)
        ground = self.data.name_width(self.content_size.width) + BESIDE_NAME
        scale = _Scale.of(self.data.turns, self.content_size.width - ground)
        row = min(max(at.y, 0), len(self.data.rows) - 1)
        self.post_message(self.Scrubbed(scale.turn(at.x - ground), row))


@dataclass(frozen=True)
class _Scale:
    """How turns lie on cells: either `cells` cells a turn, or `per_cell` turns a cell."""

    turns: int
    cells: int
    per_cell: int

    @classmethod
    def of(cls, turns: int, width: int) -> "_Scale":
        width, turns = max(width, 1), max(turns, 1)
        return cls(turns, max(1, min(WIDEST_TURN, width // turns)), -(-turns // width))

    def turn(self, cell: int) -> int:
        return min(max(cell // self.cells * self.per_cell, 0), self.turns - 1)


def _row(name: str, row: TimelineRow, scale: _Scale) -> Content:
    parts: list[Content | tuple[str, str]] = [
        ("▸ " if row.is_chosen else "  ", "bold"),
        (f"{name} ", "bold" if row.is_chosen else "$foreground-muted"),
    ]
    for start in range(0, scale.turns, scale.per_cell):
        here = row.marks[start : start + scale.per_cell]
        sign, style = _sign(here)
        if start <= row.frame < start + scale.per_cell:
            sign, style = (sign if here else "▌"), f"{style} reverse"
        parts.append((sign, style))
        if scale.cells > 1:
            parts.append((" " * (scale.cells - 1), ""))
    return Content.assemble(*parts)


def _sign(marks: Sequence[Mark]) -> tuple[str, str]:
    if not marks:
        return "─", "$foreground-disabled"
    return SIGNS[next(mark for mark in _GRAVITY if mark in marks)]
