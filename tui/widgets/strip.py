"""One line a contestant: the tabs of a screen too narrow for columns, and how everybody stands."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Grid
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tui.shown import PaneData, short_name
from tui.widgets.gauges import bar
from tui.widgets.pane import MOOD_STYLE, ContestantPane

NAME_WIDTH = 12


class StripCell(Widget):
    """A contestant's number, name, progress bar and status; a click chooses it."""

    data: reactive[PaneData | None] = reactive(None)
    chosen: reactive[bool] = reactive(False, toggle_class="-chosen")

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def render(self) -> Content:
        """Draw one line."""
        data, width = self.data, self.content_size.width
        if data is None:
            return Content("")
        name = short_name(data.name, NAME_WIDTH)
        left = Content.assemble(
            ("▸" if self.chosen else " ", "bold"),
            (f"{self.index + 1} ", "$foreground-muted"),
            (f"{name:<{NAME_WIDTH}} ", "bold" if self.chosen else ""),
        )
        head = data.head
        status = head.status.split()[0] if head.mood in ("good", "bad") else ""
        turn = f"{head.turn}/{head.max_steps}" if head.max_steps else ""
        right = Content.assemble(
            f" {head.progress:.2f} ",
            (f"{turn:>5} ", "$foreground-muted"),
            (f"{status:<1}", MOOD_STYLE[head.mood]),
        )
        room = width - left.cell_length - right.cell_length
        return (
            left + bar(head.progress, max(room, 0), "$success" if head.progress >= 1 else "$accent") + right
        )

    def on_click(self) -> None:
        """Choose this contestant."""
        self.post_message(ContestantPane.Chosen(self.index))


class ContestantStrip(Grid):
    """All contestants' cells, in as many columns as fit."""

    def __init__(self, contestants: int) -> None:
        super().__init__()
        self.cells = [StripCell(index) for index in range(contestants)]

    def compose(self) -> ComposeResult:
        """Yield the cells."""
        yield from self.cells

    def fit(self, width: int) -> int:
        """Fit the cells into `width`; returns how many lines they take."""
        columns = min(len(self.cells), max(1, width // 38))
        rows = -(-len(self.cells) // columns)
        self.styles.grid_size_columns, self.styles.grid_size_rows = columns, rows
        self.styles.height = rows
        return rows

    def show(self, panes: Sequence[PaneData], chosen: int) -> None:
        """Draw how everybody stands, and who is chosen."""
        for cell, data in zip(self.cells, panes, strict=True):
            cell.data = data
            cell.chosen = cell.index == chosen
