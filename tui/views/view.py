"""What every view is made of: lines of content in a given room, and the pieces that several views share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from textual.content import Content

from tui.literal import literal, literal_line
from tui.wrap import wrap

DONE, OPEN = "✓", "○"
GOOD, QUIET, TITLE = "$text-success", "$foreground-muted", "$primary"
GAP = 3
SIDE_BY_SIDE = 90
"""From this width on a view's two halves stand beside each other."""
MAX_NAME_CHARS = 40
MAX_ITEM_CHARS = 400
MAX_ITEMS = 100
"""Longer lists are cut, and say so: recorded tasks are untrusted."""


@dataclass(frozen=True)
class Room:
    """How many cells a view may fill. Its width is kept; where the lines are more, the view scrolls."""

    width: int
    height: int


@dataclass(frozen=True)
class View:
    """A drawn state: a title and lines, of which the widest has `width` cells."""

    title: str
    lines: tuple[Content, ...]

    @property
    def width(self) -> int:
        """How many cells the widest line has."""
        return widest(self.lines)


def view(title: str, lines: Iterable[Content], room: Room) -> View:
    """Return a view that keeps to its room's width, whatever its parts came to."""
    return View(title, tuple(line.truncate(max(room.width, 1), ellipsis=True) for line in lines))


def name(text: object) -> str:
    """Return the name of a thing as it is drawn: literal, one line, short."""
    return literal_line(str(text), MAX_NAME_CHARS)


def widest(lines: Iterable[Content]) -> int:
    """Return the width of the widest line, in cells; 0 where there is none."""
    return max((line.cell_length for line in lines), default=0)


def padded(line: Content, width: int) -> Content:
    """Return a line that is at least `width` cells wide."""
    return line + Content(" " * max(0, width - line.cell_length))


def heading(text: str) -> Content:
    """Return the line above a part of a view."""
    return Content.styled(text, TITLE)


def beside(left: Sequence[Content], right: Sequence[Content]) -> list[Content]:
    """Return two blocks of lines side by side, from the top."""
    width = widest(left) + GAP
    nothing = Content("")
    return [padded(a, width) + b for a, b in zip_longest(left, right, fillvalue=nothing)]


def halved(room: Room) -> Room:
    """Return the room that one half of a view has: beside the other where that fits, else above it."""
    return Room((room.width - GAP) // 2, room.height) if room.width >= SIDE_BY_SIDE else room


def fitted(left: Sequence[Content], right: Sequence[Content], room: Room) -> list[Content]:
    """Return two blocks of lines side by side where there is room for it, else one below the other."""
    if not left or not right:
        return [*left, *right]
    if widest(left) + GAP + widest(right) <= room.width:
        return beside(left, right)
    return [*left, Content(""), *right]


def in_rows(blocks: Sequence[Sequence[Content]], room: Room) -> list[Content]:
    """Return blocks of lines side by side, as many in a row as fit; they stand on one ground."""
    lines: list[Content] = []
    row: list[Sequence[Content]] = []
    taken = 0
    for block in blocks:
        width = widest(block) + 1
        if row and taken + width > room.width + 1:
            lines += _row(row)
            row, taken = [], 0
        row.append(block)
        taken += width
    return [*lines, *(_row(row) if row else [])]


def _row(blocks: Sequence[Sequence[Content]]) -> list[Content]:
    height = max(len(block) for block in blocks)
    widths = [widest(block) for block in blocks]
    raised = [[Content("")] * (height - len(block)) + list(block) for block in blocks]
    return [
        Content(" ").join([padded(line, width) for line, width in zip(level, widths, strict=True)])
        for level in zip(*raised, strict=True)
    ]


def checklist(title: str, items: Mapping[str, bool], width: int) -> list[Content]:
    """Return what is to be reached, a line each (folded to `width`): ticked where it is reached."""
    if not items:
        return []
    done = sum(items.values())
    lines = [heading(title) + Content.styled(f"  {done}/{len(items)}", QUIET)]
    for text, is_done in list(items.items())[:MAX_ITEMS]:
        lines += marked(DONE if is_done else OPEN, text, width, GOOD if is_done else "")
    return [*lines, *left_out(len(items))]


def marked(mark: str, text: str, width: int, style: str = "") -> list[Content]:
    """Return a text behind a mark, folded to `width` cells."""
    first, *more = wrap(literal(text[:MAX_ITEM_CHARS]), max(width - len(mark) - 1, 4))
    lines = [f"{mark} {first}", *(" " * (len(mark) + 1) + line for line in more)]
    return [Content.styled(line, style) if style else Content(line) for line in lines]


def left_out(count: int, which: str = "more") -> list[Content]:
    """Return the line that says how many items of a list are not drawn, if any."""
    more = count - MAX_ITEMS
    return [Content.styled(f"… and {more:,} {which}", QUIET)] if more > 0 else []
