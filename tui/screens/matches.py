"""The ladder, and the list of all matches with everybody's result, to choose one."""

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from arena.errors import ArenaError
from tui.literal import literal
from tui.standings import columns_line, ladder_lines, match_line
from tui.tables import Key, bindings, keys
from tui.viewer import Viewer
from tui.widgets.footer import ArenaFooter
from tui.widgets.query import QueryBar, shown
from tui.widgets.rows import RowList
from tui.widgets.title import TitleBar

LOOK_S = 0.5
SHORT = 18
"""Below this height, there is no room for the ladder."""
LOST = "base:success outcome:failure"


class MatchListScreen(Screen[int | None]):
    """Lists the matches that the filter leaves; dismissed with the number of the chosen one, or None."""

    BINDINGS = [*bindings("matches")]  # noqa: RUF012 - Textual's own form

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._title = TitleBar()
        self._ladder = Static(id="ladder")
        self._columns = Static(id="columns")
        self._rows = RowList(id="matches", nothing="no match passes the filter: / changes it")
        self._rows.border_subtitle = " enter shows the match "
        self._bar = QueryBar(viewer.finder.use)

    def compose(self) -> ComposeResult:
        """Yield the ladder, the list, and where the filter is typed."""
        yield self._title
        yield self._ladder
        yield self._columns
        yield self._rows
        yield self._bar
        yield ArenaFooter()

    def on_mount(self) -> None:
        """Show where we are."""
        self._rows.focus()
        self._show_list()
        self.set_interval(LOOK_S, self._look)

    def on_resize(self, event: events.Resize) -> None:
        """Fit to the new size; a low screen has the list alone."""
        self.set_class(event.size.height < SHORT, "-short")
        self.call_after_refresh(self._look)

    def available_keys(self) -> list[Key]:
        """Return the keys of this screen."""
        return list(keys("matches"))

    def on_row_list_chosen(self) -> None:
        """Close with what was chosen."""
        self.action_choose()

    def action_choose(self) -> None:
        """Close with the match under the cursor."""
        left = self._viewer.finder.left
        if left:
            self.dismiss(left[self._rows.cursor])

    def action_close(self) -> None:
        """Go back, and choose nothing."""
        self.dismiss(None)

    def action_filter(self) -> None:
        """Ask which tasks are meant."""
        self._bar.open("filter", self._viewer.finder.filter.text)

    def action_lost(self) -> None:
        """Leave the tasks that the baseline solved and another did not, or all."""
        before = self._viewer.finder.filter.text
        self.run_worker(self._filter("" if before == LOST else LOST), group="filter", exclusive=True)

    def on_query_bar_closed(self) -> None:
        """Go back to the list."""
        self._rows.focus()
        self._bar.hide()
        self._show_list()

    async def _filter(self, text: str) -> None:
        try:
            await self._viewer.finder.use_filter(text)
        except ArenaError as error:
            self.notify(literal(str(error)), severity="error", markup=False)
        self._show_list()

    def _show_list(self) -> None:
        left = self._viewer.finder.left
        place = self._viewer.series.place
        cursor = next((row for row, each in enumerate(left) if each >= place), 0)
        self._rows.show(len(left), self._row, cursor)
        self._look()

    def _look(self) -> None:
        """Draw how it stands by now."""
        finder, series = self._viewer.finder, self._viewer.series
        width = max(self._rows.scrollable_content_region.width, 20)
        self._ladder.update(
            Content("\n").join(line.truncate(width, ellipsis=True) for line in ladder_lines(series, width))
        )
        self._columns.update(columns_line(series.card.names, width))
        if self._rows.count == len(finder.left):
            self._rows.refresh()
        else:
            self._rows.show(len(finder.left), self._row)
        self._title.left = Content.assemble(
            ("Matches", "bold"), ("  ladder and results", "$foreground-muted")
        )
        count = f"{len(finder.left):,} of {len(series.card.matches):,} matches"
        self._title.right = Content.assemble(
            (f"{shown(finder.filter.text)}  " if finder.filter.terms else "", "bold $text-accent"),
            (count, "$text-warning" if finder.filter.terms else "$foreground-muted"),
        )

    def _row(self, row: int, width: int) -> Content:
        left = self._viewer.finder.left
        return match_line(self._viewer.series, left[row], width) if row < len(left) else Content("")
