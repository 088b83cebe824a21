"""The results of a run: who scored what, how sure that is, how replies failed, and the way to episodes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.coordinate import Coordinate
from textual.screen import Screen
from textual.widgets import ContentSwitcher, DataTable, Static

from arena.errors import ArenaError
from arena.results import Results, read_results
from tui.literal import literal_line
from tui.names import short_name
from tui.scores import RATES, SIGNS, cell, draw_failure, failure_rows, sentence
from tui.screens.episodes import EpisodesScreen
from tui.screens.help import Block
from tui.screens.inside import InsideScreen
from tui.tables import Key, bindings, keys
from tui.widgets.charts import Chart, NeedleMap
from tui.widgets.footer import ArenaFooter
from tui.widgets.rows import RowList
from tui.widgets.tabs import tabs
from tui.widgets.title import TitleBar

if TYPE_CHECKING:
    from tui.app import ArenaApp

PLAYING_S = 5.0
"""How often a run that is being played is read again."""

SHORT = 30
"""Below this height, no line is left blank."""

FIRST_COLUMN, ROOMY_COLUMN = 18, 24
"""Cells of the benchmarks' names, and of a contestant with its whole name and its p-value."""
TIGHT_NAME, ROOMY_NAME = 12, 24

VIEWS = {
    "failures": "failed replies",
    "curves": "progress",
    "sizes": "size and success",
    "needles": "needles",
}


class ScoreTable(DataTable[Text], inherit_bindings=False):
    """A table whose enter is the screen's, so that the footer names it."""

    BINDINGS = [each for each in DataTable.BINDINGS if isinstance(each, Binding) and each.key != "enter"]  # noqa: RUF012


class ResultsScreen(Screen[None]):
    """A table of benchmarks by contestants, what the cell under the cursor says, and one of four views."""

    BINDINGS = bindings("results")
    app: "ArenaApp"

    def __init__(self, run: Path) -> None:
        super().__init__()
        self._run = run
        self._results: Results | None = None
        self._title = TitleBar()
        self._table = ScoreTable(id="scores")
        self._said = Static(id="said")
        self._tabs = Static(id="views")
        self._failures = RowList(id="failures", nothing="reading …")
        self._curves, self._sizes = Chart(id="curves"), Chart(id="sizes")
        self._needles = NeedleMap(id="needles")

    def compose(self) -> ComposeResult:
        """Yield title, scores, what they say, the views and the footer."""
        yield self._title
        yield self._table
        yield self._said
        yield self._tabs
        with ContentSwitcher(id="view", initial="failures"):
            yield self._failures
            yield self._curves
            yield self._sizes
            yield self._needles
        yield ArenaFooter()

    def on_mount(self) -> None:
        """Read the run."""
        self._title.left = Content.assemble(("Results  ", "bold"), literal_line(self._run.name, 60))
        self._title.right = Content.styled("reading …", "$foreground-muted")
        self._table.fixed_columns = 1
        self._table.focus()
        self._draw_tabs()
        self.action_reload()
        self.set_interval(PLAYING_S, self._read_while_playing)

    def on_resize(self, event: events.Resize) -> None:
        """Save lines where there are few."""
        self.set_class(event.size.height < SHORT, "-short")
        if self._results is not None:
            self._draw(self._results)

    def available_keys(self) -> list[Key]:
        """Return the keys of this screen."""
        return list(keys("results"))

    def help_blocks(self) -> list[Block]:
        """Return what the help page says of the signs and rates."""
        return [("Signs", SIGNS), ("Rates", RATES)]

    # reading

    def action_reload(self) -> None:
        """Read the run again."""
        self.run_worker(self._read(), group="read", exclusive=True)

    def _read_while_playing(self) -> None:
        if self.is_current and self._results is not None and self._results.playing:
            self.action_reload()

    async def _read(self) -> None:
        try:
            results = await asyncio.to_thread(read_results, self._run)
        except (ArenaError, KeyError, TypeError, ValueError) as error:
            self.app.complain(error)
            self._title.right = Content.styled("can't be read", "$text-error")
            return
        self._results = results
        self._draw(results)

    # drawing

    def _draw(self, results: Results) -> None:
        self._title.left = Content.assemble(
            ("Results  ", "bold"),
            literal_line(results.run.name, 60),
            (f"  {literal_line(results.suite, 40)}", "$foreground-muted"),
        )
        self._draw_table(results)
        self.call_after_refresh(self._draw_state, results)
        self._draw_said()
        self._draw_view()

    def _draw_state(self, results: Results) -> None:
        """Say how far the run is, and whether there is more of the table beyond the screen's edge."""
        state = ("▶ being played ", "$text-accent") if results.playing else ("", "")
        owed = f", {results.errors} failed and owed" if results.errors else ""
        is_cut = self._table.virtual_size.width > self._table.scrollable_content_region.width
        more = f"← → through {len(results.contestants)} contestants  " if is_cut else ""
        self._title.right = Content.assemble(
            (more, "$text-accent"),
            state,
            (f"{results.done}/{results.planned} episodes{owed}", "$foreground-muted"),
        )

    def _is_tight(self, results: Results) -> bool:
        """Tell whether contestants have to stand close: not all have room beside each other otherwise."""
        return FIRST_COLUMN + ROOMY_COLUMN * len(results.contestants) > self.size.width

    def _draw_table(self, results: Results) -> None:
        is_tight, baseline = self._is_tight(results), results.document["baseline"]
        at = self._table.cursor_coordinate
        self._table.clear(columns=True)
        self._table.add_column(Text("progress in %"))
        for number, name in enumerate(results.contestants, start=1):
            role = " (baseline)" if name == baseline else ""
            shown = short_name(name, TIGHT_NAME if is_tight else ROOMY_NAME, baseline)
            self._table.add_column(Text(f"{number} {shown}{role}"))
        for benchmark in results.benchmarks:
            cells = [self._cell(results, benchmark, name) for name in results.contestants]
            self._table.add_row(Text(literal_line(benchmark, 24), style="bold"), *cells, height=2)
        if results.benchmarks:
            row = min(at.row, len(results.benchmarks) - 1)
            self._table.cursor_coordinate = Coordinate(row, min(max(at.column, 1), len(results.contestants)))

    def _cell(self, results: Results, benchmark: str, contestant: str) -> Text:
        shown = cell(
            results.score(benchmark, contestant),
            is_baseline=contestant == results.document["baseline"],
            is_tight=self._is_tight(results),
        )
        colors = self.app.theme_variables
        return Text.assemble(
            (shown.score, "bold"),
            "  ",
            (shown.sign, f"bold {colors[shown.style]}" if shown.style else ""),
            "\n",
            (shown.interval, "dim"),
        )

    @property
    def _chosen(self) -> tuple[str, str] | None:
        """Benchmark and contestant of the cell under the cursor."""
        results, at = self._results, self._table.cursor_coordinate
        if results is None or at.row >= len(results.benchmarks) or not results.contestants:
            return None
        return results.benchmarks[at.row], results.contestants[max(at.column - 1, 0)]

    def on_data_table_cell_highlighted(self) -> None:
        """Say what the cell says."""
        self._draw_said()
        self._draw_view()

    def _draw_said(self) -> None:
        if self._results is None:
            return
        if self._chosen is None:
            self._said.update(Content.styled("nothing is scored yet", "$foreground-muted"))
        else:
            self._said.update(sentence(self._results, *self._chosen))

    def _draw_tabs(self) -> None:
        self._tabs.update(tabs(list(VIEWS.values()), list(VIEWS).index(self._view.current or "failures")))

    @property
    def _view(self) -> ContentSwitcher:
        return self.query_one("#view", ContentSwitcher)

    def _draw_view(self) -> None:
        results, chosen = self._results, self._chosen
        if results is None:
            return
        if chosen is None:
            self._failures.nothing = "no reply is scored yet"
            self._failures.refresh()
            return
        benchmark, contestant = chosen
        draw: dict[str, Callable[[], None]] = {
            "failures": lambda: self._draw_failures(results),
            "curves": lambda: self._draw_curves(results, benchmark),
            "sizes": lambda: self._draw_sizes(results, benchmark),
            "needles": lambda: self._needles.show(contestant, results.needles.get(contestant, {})),
        }
        draw[self._view.current or "failures"]()

    def _draw_failures(self, results: Results) -> None:
        rows = failure_rows(results)

        def draw(row: int, width: int) -> Content:
            is_first = row == 0 or rows[row - 1].contestant != rows[row].contestant
            return draw_failure(rows[row], results.document["baseline"], width, is_first=is_first)

        self._failures.nothing = "every reply was an action"
        self._failures.show(len(rows), draw)

    def _draw_curves(self, results: Results, benchmark: str) -> None:
        if curves := results.curves.get(benchmark):
            self._curves.draw_curves(curves, results.contestants)
        else:
            self._curves.say(f"no finished episode of {literal_line(benchmark, 40)} has turns yet")

    def _draw_sizes(self, results: Results, benchmark: str) -> None:
        points = {
            name: (results.sizes[name] / 1e6, score)
            for name in results.contestants
            if name in results.sizes and (score := results.score(benchmark, name).get("success")) is not None
        }
        if points:
            self._sizes.draw_sizes(points, results.contestants)
        else:
            self._sizes.say("no contestant is a model of known size")

    # what the keys do

    def action_next_view(self) -> None:
        """Show the next view."""
        names = list(VIEWS)
        self.action_view((names.index(self._view.current or names[0]) + 1) % len(names) + 1)

    def action_view(self, number: int) -> None:
        """Show the view with this number (from 1)."""
        self._view.current = list(VIEWS)[number - 1]
        self._draw_tabs()
        self._draw_view()

    def on_data_table_cell_selected(self) -> None:
        """List the episodes behind a score."""
        self.action_open_cell()

    def action_open_cell(self) -> None:
        """List the episodes behind the score under the cursor."""
        if self._chosen is not None:
            benchmark, contestant = self._chosen
            self._list(f'contestant="{contestant}" benchmark:{benchmark}')

    def on_row_list_chosen(self, message: RowList.Chosen) -> None:
        """List the episodes with failures of a kind."""
        if self._results is not None:
            row = failure_rows(self._results)[message.rows.cursor]
            self._list(f'contestant="{row.contestant}" fail:{row.kind}')

    def action_all_episodes(self) -> None:
        """List every episode."""
        self._list("")

    def _list(self, filter_text: str) -> None:
        if self._results is not None:
            self.app.push_screen(EpisodesScreen(self._run, self._results.document["baseline"], filter_text))

    def action_debug(self) -> None:
        """Show the failed turns behind the score under the cursor."""
        filter_text = ""
        if self._chosen is not None:
            benchmark, contestant = self._chosen
            filter_text = f'contestant="{contestant}" benchmark:{benchmark}'
        self.app.show_debug(self._run, filter_text)

    def action_watch(self) -> None:
        """Show the run turn by turn."""
        self.app.watch_run(self._run)

    def action_inside(self) -> None:
        """Show the figures of the run's analyses."""
        self.app.push_screen(InsideScreen(self._run))

    def action_next_pane(self) -> None:
        """Go to the next pane."""
        self.focus_next()

    async def action_leave(self) -> None:
        """Go back."""
        await self.app.run_action("leave")
