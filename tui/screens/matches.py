"""The list of all matches with everybody's result, to choose one."""

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from tui.literal import literal_line
from tui.series import Head, Series


class MatchList(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows that are made when they come into view, so a list of any length opens at once."""

    BINDINGS = [  # noqa: RUF012
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-1000000000)", "First", show=False),
        Binding("end", "move(1000000000)", "Last", show=False),
        Binding("enter,space", "choose", "Choose", show=False),
    ]
    COMPONENT_CLASSES = {"matchlist--cursor"}  # noqa: RUF012

    cursor: reactive[int] = reactive(0)

    class Chosen(Message):
        """A match was chosen (`place`, from 0)."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, rows: int, row: Callable[[int], Content], cursor: int) -> None:
        super().__init__(id="matches")
        self._rows, self._row = rows, row
        self.set_reactive(MatchList.cursor, cursor)

    def on_mount(self) -> None:
        """Show where we are."""
        self.call_after_refresh(self.watch_cursor)

    def on_resize(self) -> None:
        """Fit the rows to the width."""
        self.virtual_size = Size(self.scrollable_content_region.width, self._rows)

    def watch_cursor(self) -> None:
        """Bring the cursor into view."""
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh()

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.cursor = min(max(self.cursor + by, 0), self._rows - 1)

    def action_page(self, by: int) -> None:
        """Move the cursor by a page."""
        self.action_move(by * self.scrollable_content_region.height)

    def action_choose(self) -> None:
        """Choose the match under the cursor."""
        self.post_message(self.Chosen(self.cursor))

    def on_click(self, event: events.Click) -> None:
        """Choose the match that is clicked."""
        offset = event.get_content_offset(self)
        place = self._rows if offset is None else offset.y + self.scroll_offset.y
        if place < self._rows:
            self.post_message(self.Chosen(place))

    def render_line(self, y: int) -> Strip:
        """Render one row."""
        place, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if place >= self._rows:
            return Strip.blank(self.size.width, self.rich_style)
        names = ["matchlist--cursor"] if place == self.cursor else []
        row = self._row(place).truncate(width, ellipsis=True, pad=True)
        return Visual.to_strips(self, row, width, 1, self.get_visual_style(*names))[0]


class MatchListScreen(ModalScreen[int | None]):
    """Lists the matches; dismissed with the number of the chosen one, or None."""

    BINDINGS = [("escape,q,m", "dismiss(None)", "Close")]  # noqa: RUF012

    def __init__(self, series: Series) -> None:
        super().__init__()
        self._series = series

    def compose(self) -> ComposeResult:
        """Yield the list."""
        matches = MatchList(len(self._series.card.matches), self._row, self._series.place)
        matches.border_title = f" {len(self._series.card.matches)} matches "
        matches.border_subtitle = " enter shows · escape closes "
        yield matches

    def on_match_list_chosen(self, message: MatchList.Chosen) -> None:
        """Close with what was chosen."""
        self.dismiss(message.place)

    def _row(self, place: int) -> Content:
        match = self._series.card.matches[place]
        repeat = f" #{match.repeat + 1}" if match.repeat else ""
        parts = [
            Content.styled(f"{place + 1:>4}  ", "$foreground-muted"),
            Content(f"{literal_line(match.task, 60) + repeat:<28}"),
        ]
        for name in self._series.card.names:
            head = self._series.heads.get(match.key(name))
            parts.append(
                Content.assemble((f"  {literal_line(name, 16)} ", "$foreground-muted"), _result(head))
            )
        return Content("").join(parts)


def _result(head: Head | None) -> Content:
    if head is None:
        return Content.styled("·     ", "$foreground-disabled")
    rate = f"{head.progress:.2f}"
    if head.status == "running":
        return Content.styled(f"… {rate}", "$text-accent")
    if head.status == "error":
        return Content.styled(f"! {rate}", "$text-warning")
    return (
        Content.styled(f"✓ {rate}", "$text-success")
        if head.success
        else Content.styled(f"✗ {rate}", "$text-error")
    )
