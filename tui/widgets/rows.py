"""A list of any length: rows are made when they come into view, and one of them is under the cursor."""

from collections.abc import Callable

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

DrawRow = Callable[[int, int], Content]
"""Row number (from 0) and width in cells -> what is drawn, literal."""


class RowList(ScrollView, can_focus=True, inherit_bindings=False):
    """A list with a cursor; `show` gives it rows. Says `Moved` with the cursor and `Chosen` on enter."""

    BINDINGS = [  # noqa: RUF012 - Textual's own form
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-1000000000)", "First", show=False),
        Binding("end", "move(1000000000)", "Last", show=False),
        Binding("enter", "choose", "Choose", show=False),
    ]
    COMPONENT_CLASSES = {"rowlist--cursor", "rowlist--cursor-blurred", "rowlist--nothing"}  # noqa: RUF012

    cursor: reactive[int] = reactive(0)

    class Moved(Message):
        """The cursor of a list stands on another row."""

        def __init__(self, rows: "RowList") -> None:
            super().__init__()
            self.rows = rows

    class Chosen(Message):
        """The row under the cursor of a list was chosen."""

        def __init__(self, rows: "RowList") -> None:
            super().__init__()
            self.rows = rows

    def __init__(self, *, id: str, nothing: str = "") -> None:  # noqa: A002
        """`nothing` is said where there are no rows."""
        super().__init__(id=id)
        self.nothing = nothing
        self.count = 0
        self._draw: DrawRow = lambda row, width: Content("")

    def show(self, count: int, draw: DrawRow, cursor: int | None = None) -> None:
        """Show `count` rows; the cursor stays where it is, as far as there are rows, or goes to `cursor`."""
        self.count, self._draw = count, draw
        self._fit()
        wanted = self.cursor if cursor is None else cursor
        self.cursor = min(max(wanted, 0), max(count - 1, 0))
        self.refresh()

    def on_resize(self) -> None:
        """Fit the rows to the width."""
        self._fit()
        self.call_after_refresh(self.watch_cursor)

    def _fit(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, self.count)

    def watch_cursor(self) -> None:
        """Bring the cursor into view, and say where it is."""
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved(self))

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.cursor = min(max(self.cursor + by, 0), max(self.count - 1, 0))

    def action_page(self, by: int) -> None:
        """Move the cursor by a page."""
        self.action_move(by * max(self.scrollable_content_region.height, 1))

    def action_choose(self) -> None:
        """Choose the row under the cursor."""
        if self.count:
            self.post_message(self.Chosen(self))

    def on_focus(self) -> None:
        """Draw the cursor as the one that keys move."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw the cursor as one that waits."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row that is clicked; a second click chooses it."""
        offset = event.get_content_offset(self)
        row = self.count if offset is None else offset.y + self.scroll_offset.y
        if row >= self.count:
            return
        was_there = row == self.cursor
        self.cursor = row
        if event.chain > 1 and was_there:
            self.action_choose()

    def render_line(self, y: int) -> Strip:
        """Render one row."""
        row, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if not self.count and y == 0:
            return self._line(Content(self.nothing), width, "rowlist--nothing")
        if row >= self.count:
            return Strip.blank(self.size.width, self.visual_style.rich_style)
        return self._line(self._draw(row, width), width, *self._cursor_class(row))

    def _cursor_class(self, row: int) -> tuple[str, ...]:
        if row != self.cursor:
            return ()
        return ("rowlist--cursor",) if self.has_focus else ("rowlist--cursor-blurred",)

    def _line(self, content: Content, width: int, *classes: str) -> Strip:
        row = content.truncate(width, ellipsis=True, pad=True)
        return Visual.to_strips(self, row, width, 1, self.get_visual_style(*classes))[0]


class ScreenRowList(RowList, inherit_bindings=False):
    """A list whose enter is the screen's, so that the footer names it."""

    BINDINGS = [each for each in RowList.BINDINGS if isinstance(each, Binding) and each.key != "enter"]  # noqa: RUF012


class RowHeading(Widget):
    """The names of a list's columns, fitted to the list's width."""

    def __init__(self, rows: RowList, draw: Callable[[int], Content]) -> None:
        super().__init__()
        self._rows, self._draw = rows, draw

    def render(self) -> Content:
        """Draw the names."""
        return self._draw(self._rows.scrollable_content_region.width)
