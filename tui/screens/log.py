"""The log: what libraries printed, logged and warned while the screens were drawn."""

import time

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen

from tui.literal import literal_line
from tui.screens.help import Block
from tui.stray import StrayLine, StrayLog
from tui.tables import Key, bindings, keys
from tui.widgets.footer import ArenaFooter
from tui.widgets.rows import RowList
from tui.widgets.title import TitleBar

LOOK_S = 0.25


class LogScreen(Screen[None]):
    """Lists the lines, the newest last; it follows them for as long as the cursor is on the last."""

    BINDINGS = bindings("log")

    def __init__(self, log: StrayLog) -> None:
        super().__init__()
        self._stray = log
        self._lines: list[StrayLine] = []
        self._seen = -1
        self._title = TitleBar()
        self._rows = RowList(id="log", nothing="nothing was printed, logged or warned")

    def compose(self) -> ComposeResult:
        """Yield the title, the lines and the footer."""
        yield self._title
        yield self._rows
        yield ArenaFooter()

    def on_mount(self) -> None:
        """Show what there is, and look for more."""
        self._look()
        self.set_interval(LOOK_S, self._look)

    def available_keys(self) -> list[Key]:
        """Return the keys of this screen."""
        return list(keys("log"))

    def help_blocks(self) -> list[Block]:
        """Return what the help page says beside the keys: nothing."""
        return []

    def action_clear(self) -> None:
        """Forget all lines."""
        self._stray.clear()
        self._seen = -1
        self._look()

    async def action_leave(self) -> None:
        """Go back."""
        await self.app.run_action("leave")

    def _look(self) -> None:
        if self._stray.total == self._seen:
            return
        follows = self._rows.cursor >= len(self._lines) - 1
        self._seen = self._stray.total
        self._lines = list(self._stray.lines)
        self._rows.show(len(self._lines), self._row, len(self._lines) - 1 if follows else None)
        self._title.left = Content.assemble(
            ("Log", "bold"), ("  what libraries printed, logged and warned", "$foreground-muted")
        )
        self._title.right = Content.styled(f"{len(self._lines)} lines", "$foreground-muted")

    def _row(self, row: int, width: int) -> Content:
        line = self._lines[row]
        style = "$text-warning" if line.origin.startswith(("warning", "error", "critical", "arena")) else ""
        return Content.assemble(
            (time.strftime("%H:%M:%S ", time.localtime(line.at)), "$foreground-muted"),
            (f"{literal_line(line.origin, 24):<14} ", "$foreground-muted"),
            (literal_line(line.text, 1000), style),
        )
