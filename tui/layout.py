"""How the panes of a match lie on a screen of a given size: columns, two rows of them, or tabs."""

from dataclasses import dataclass

COLUMN_WIDTH = 36
COLUMN_HEIGHT = 18
"""A pane narrower than this goes into a tab; panes stand in two rows only where each gets this height."""
SHORT_PANE = 28
"""A pane lower than this has the short forms of its head and foot."""
TINY_PANE = 11
"""A pane lower than this has one line of its head, and no foot."""
VIEW_PANE = 38
"""A pane of this height has room to draw the environment's state beside the text."""
TALL_SCREEN = 34
MOST_TIMELINES = 8
"""Of more contestants, the timeline has the chosen one's row alone: panes need the lines."""

AROUND = 4
"""Lines of the header, the timeline and the footer, where each is as small as it gets."""


@dataclass(frozen=True)
class Layout:
    """`rows` rows of panes in `columns` columns, each `pane_height` high; `tabs`: one pane at a time."""

    rows: int
    columns: int
    pane_height: int
    tabs: bool
    goal_lines: int
    timeline_rows: int

    @property
    def is_short(self) -> bool:
        """True where panes are low."""
        return self.pane_height < SHORT_PANE

    @property
    def is_tiny(self) -> bool:
        """True where panes have no more than a few lines."""
        return self.pane_height < TINY_PANE

    @property
    def has_views(self) -> bool:
        """True where there is room for the environment's state."""
        return self.pane_height >= VIEW_PANE


def layout(count: int, width: int, height: int, *, zoomed: bool, strip_lines: int) -> Layout:
    """Lay out `count` panes; `strip_lines` is what the strip above tabs takes."""
    is_tall = height >= TALL_SCREEN
    timeline_rows = count if is_tall and count <= MOST_TIMELINES else 1
    room = height - AROUND - (timeline_rows - 1)
    rows = 0 if zoomed else _rows_that_fit(count, width, room)
    tabs = rows == 0 and count > 1
    rows = max(rows, 1)
    pane_height = (room - (strip_lines if tabs else 0)) // rows
    columns = 1 if tabs else -(-count // rows)
    return Layout(rows, columns, pane_height, tabs, 3 if is_tall else 1, timeline_rows)


def _rows_that_fit(count: int, width: int, height: int) -> int:
    """Return in how many rows (1 or 2) all panes fit beside each other; 0 where they don't."""
    if width // count >= COLUMN_WIDTH:
        return 1
    columns = -(-count // 2)
    return 2 if width // columns >= COLUMN_WIDTH and height // 2 >= COLUMN_HEIGHT else 0
