"""One line a contestant: the tabs of a screen too narrow for columns, and how everybody stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Grid
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tui.layout import AROUND
from tui.literal import literal_line
from tui.names import short_name
from tui.shown import PaneData
from tui.widgets.gauges import bar
from tui.widgets.pane import MOOD_STYLE, ContestantPane

NAME_WIDTH = 12
"""Cells of a name where whole names would take too many lines."""
CELL_WIDTH = 38
"""Cells of a contestant with such a name."""
TIGHT_CELL_WIDTH = 24
"""Cells of a contestant without bar and turn."""
BESIDE_NAME = CELL_WIDTH - NAME_WIDTH
GUTTER = 2
FEWEST_PANE_LINES = 7
"""How many lines of a screen are left to the chosen contestant's pane, whatever the strip would like."""


@dataclass(frozen=True)
class Fitting:
    """How cells lie: `name_width` cells for a name, `is_tight`: without bar and turn."""

    columns: int
    rows: int
    name_width: int
    is_tight: bool = False


def fitting(names: Sequence[str], width: int, height: int) -> Fitting:
    """Return how the contestants fit into a screen of this size, with as much of each as there is room for.

    Whole names may take an eighth of the lines, cut ones a quarter; what then is over is tight.
    """
    longest = max(max(len(literal_line(name)) for name in names), NAME_WIDTH)
    roomy = _fitting(names, width, longest, longest + BESIDE_NAME)
    if roomy.rows <= max(height // 8, 1) and longest + BESIDE_NAME <= width:
        return roomy
    usual = _fitting(names, width, NAME_WIDTH, CELL_WIDTH)
    if usual.rows <= max(height // 4, 1):
        return usual
    return _fitting(names, width, NAME_WIDTH, TIGHT_CELL_WIDTH, is_tight=True)


def _fitting(
    names: Sequence[str], width: int, name_width: int, cell_width: int, *, is_tight: bool = False
) -> Fitting:
    columns = min(len(names), max(1, (width + GUTTER) // (cell_width + GUTTER)))
    return Fitting(columns, -(-len(names) // columns), name_width, is_tight)


class StripCell(Widget):
    """A contestant's number, name, progress bar and status; a click chooses it."""

    data: reactive[PaneData | None] = reactive(None)
    chosen: reactive[bool] = reactive(False, toggle_class="-chosen")
    fitting: reactive[Fitting] = reactive(Fitting(1, 1, NAME_WIDTH))

    def __init__(self, index: int, count: int) -> None:
        super().__init__()
        self.index, self._digits = index, len(str(count))

    def render(self) -> Content:
        """Draw one line."""
        data, width, fitting = self.data, self.content_size.width, self.fitting
        if data is None:
            return Content("")
        name = short_name(data.name, fitting.name_width, data.baseline)
        left = Content.assemble(
            ("▸" if self.chosen else " ", "bold"),
            (f"{self.index + 1:>{self._digits}} ", "$foreground-muted"),
            (f"{name:<{fitting.name_width}} ", "bold" if self.chosen else ""),
        )
        head = data.head
        status = head.status.split()[0] if head.mood in ("good", "bad") else ""
        turn = f"{head.turn}/{head.max_steps}" if head.max_steps else ""
        right = Content.assemble(
            f" {head.progress:.2f} ",
            ("" if fitting.is_tight else f"{turn:>5} ", "$foreground-muted"),
            (f"{status:<1}", MOOD_STYLE[head.mood]),
        )
        if fitting.is_tight:
            return left + right
        room = max(width - left.cell_length - right.cell_length, 0)
        return left + bar(head.progress, room, "$success" if head.progress >= 1 else "$accent") + right

    def on_click(self) -> None:
        """Choose this contestant."""
        self.post_message(ContestantPane.Chosen(self.index))


class ContestantStrip(Grid):
    """All contestants' cells, in as many columns as fit; on a low screen, those around the chosen one."""

    def __init__(self, contestants: int) -> None:
        super().__init__()
        self.cells = [StripCell(index, contestants) for index in range(contestants)]
        self._fitting, self._lines = Fitting(1, contestants, NAME_WIDTH), contestants

    def compose(self) -> ComposeResult:
        """Yield the cells."""
        yield from self.cells

    def fit(self, names: Sequence[str], width: int, height: int) -> int:
        """Fit the cells into `width` of a screen `height` lines high; returns how many lines they take."""
        self._fitting = fitting(names, width, height)
        self._lines = max(1, min(self._fitting.rows, height - AROUND - FEWEST_PANE_LINES))
        for cell in self.cells:
            cell.fitting = self._fitting
        self.styles.grid_size_columns, self.styles.grid_size_rows = self._fitting.columns, self._lines
        self.styles.height = self._lines
        return self._lines

    def show(self, panes: Sequence[PaneData], chosen: int) -> None:
        """Draw how everybody stands, and who is chosen."""
        columns, rows = self._fitting.columns, self._fitting.rows
        first = min(max(chosen // columns - self._lines // 2, 0), rows - self._lines)
        for cell, data in zip(self.cells, panes, strict=True):
            cell.data = data
            cell.chosen = cell.index == chosen
            cell.display = first <= cell.index // columns < first + self._lines
