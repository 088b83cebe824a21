"""What compression did inside: the figures of a run's analyses, and which metric predicts the scores."""

import asyncio
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Static

from arena.errors import ArenaError
from tui.analyses import Analysis, Correlation, find_analyses, read_analysis
from tui.inside import (
    Figure,
    energy_figures,
    erank_figures,
    logits_figures,
    perplexity_figures,
    top_k_figures,
)
from tui.literal import literal_line
from tui.screens.help import Block
from tui.tables import Key, bindings, keys
from tui.widgets.charts import Chart
from tui.widgets.footer import ArenaFooter
from tui.widgets.forest import correlation_heading, draw_correlation
from tui.widgets.rows import RowHeading, RowList
from tui.widgets.tabs import tabs
from tui.widgets.title import TitleBar

if TYPE_CHECKING:
    from tui.app import ArenaApp

NOT_READ = "the models read no text in this analysis (`--weights-only`)"
VIEWS: dict[str, tuple[Callable[[Analysis], list[Figure]], str]] = {
    "ranks": (erank_figures, "no weights of this analysis were read one by one (GGUF files are not)"),
    "best tokens": (top_k_figures, NOT_READ),
    "perplexity": (perplexity_figures, "a rank correlation needs at least three models"),
    "energy": (energy_figures, NOT_READ + ", or no sequence was long enough"),
    "logits": (logits_figures, NOT_READ),
}
"""Name of a view -> its figures, and why there may be none."""

PREDICTS = "predicts"
NAMES = (*VIEWS, PREDICTS)


class InsideScreen(Screen[None]):
    """One figure at a time, of one analysis at a time; without any, the command that makes one."""

    BINDINGS = bindings("inside")
    app: "ArenaApp"

    def __init__(self, run: Path) -> None:
        super().__init__()
        self._run = run
        self._found: list[Path] = []
        self._at = self._view = self._figure = 0
        self._analysis: Analysis | None = None
        self._correlations: list[Correlation] = []
        self._title = TitleBar()
        self._tabs = Static(id="views")
        self._chart = Chart(id="figure")
        self._table = RowList(id="predictors")
        self._heading = RowHeading(self._table, correlation_heading)

    def compose(self) -> ComposeResult:
        """Yield title, views, figure or table (with its heading), and the footer."""
        yield self._title
        yield self._tabs
        yield self._heading
        with ContentSwitcher(id="inside", initial="figure"):
            yield self._chart
            yield self._table
        yield ArenaFooter()

    def on_mount(self) -> None:
        """Look for analyses."""
        self._title.left = self._run_words()
        self._draw_tabs()
        self._chart.say("reading …")
        self.action_reload()

    def available_keys(self) -> list[Key]:
        """Return the keys of this screen."""
        return list(keys("inside"))

    def help_blocks(self) -> list[Block]:
        """Return what the help page says of the views."""
        return [
            (
                "Views",
                (
                    ("ranks", "effective rank of the weight matrices, less the base's, layer by layer"),
                    ("best tokens", "do base and model agree on the k tokens that they would say first?"),
                    ("perplexity", "does perplexity tell the same as this agreement?"),
                    ("energy", "how sure models are at a position: the lower, the surer"),
                    ("predicts", "rho near 1: this metric would have warned of the loss in score"),
                ),
            )
        ]

    # reading

    def action_reload(self) -> None:
        """Look for analyses again."""
        self.run_worker(self._find(), group="read", exclusive=True)

    async def _find(self) -> None:
        before = self._found[self._at] if self._found else None
        self._found = await asyncio.to_thread(find_analyses, self._run)
        self._at = self._found.index(before) if before in self._found else 0
        await self._read()

    async def _read(self) -> None:
        self._analysis = None
        if self._found:
            try:
                self._analysis = await asyncio.to_thread(read_analysis, self._found[self._at])
            except ArenaError as error:
                self.app.complain(error)
        self._draw()

    # drawing

    def _run_words(self) -> Content:
        return Content.assemble(("Inside  ", "bold"), literal_line(self._run.name, 60))

    def _draw(self) -> None:
        self._title.left, self._title.right = self._run_words(), Content("")
        if self._analysis is not None:
            read = self._analysis.source
            what = (
                f"{read.contestant} in {read.run}" if read.run else f"text {read.text}" if read.text else ""
            )
            words = f"{read.tokens:,} tokens of {literal_line(what, 60)}" if what else "weights alone"
            place = self._found[self._at].relative_to(self._run)
            number = f"{self._at + 1} of {len(self._found)}  " if len(self._found) > 1 else ""
            self._title.left += Content.styled(f"  {literal_line(str(place), 60)}", "$foreground-muted")
            self._title.right = Content.styled(f"{number}{words}", "$foreground-muted")
        self._draw_tabs()
        self._draw_view()

    def _draw_tabs(self) -> None:
        self._tabs.update(tabs(NAMES, self._view))

    def _draw_view(self) -> None:
        is_table = NAMES[self._view] == PREDICTS and self._analysis is not None
        self.query_one("#inside", ContentSwitcher).current = "predictors" if is_table else "figure"
        self._heading.display = False
        if self._analysis is None:
            self._chart.say(self._advice() if not self._found else "this analysis can't be read")
        elif is_table:
            self._draw_predictors(self._analysis)
        else:
            self._draw_figure(self._analysis)

    def _draw_figure(self, analysis: Analysis) -> None:
        figures, why_none = self._figures(analysis)
        if not any(curve.xs for figure in figures for curve in figure.curves):
            self._chart.say(why_none)
            return
        self._figure = min(self._figure, len(figures) - 1)
        number = f"  {self._figure + 1} of {len(figures)}, ← →" if len(figures) > 1 else ""
        self._chart.draw_figure(figures[self._figure], analysis.base.name, number)

    def _figures(self, analysis: Analysis) -> tuple[Sequence[Figure], str]:
        make, why_none = VIEWS[NAMES[self._view]]
        return make(analysis), why_none

    def _draw_predictors(self, analysis: Analysis) -> None:
        found = analysis.predictors
        self._correlations = [each for each in found.correlations if each.rho is not None]
        self._table.nothing = literal_line(found.reason, 200) or (
            "all contestants scored as their base did: nothing to predict"
            if found.correlations
            else "an analysis of a run's own trajectories (`--run`) says what predicts its scores"
        )
        self._heading.display = bool(self._correlations)
        self._table.show(
            len(self._correlations), lambda row, width: draw_correlation(self._correlations[row], width)
        )
        self._table.focus()

    def _advice(self) -> str:
        run, folder = shlex.quote(str(self._run)), shlex.quote(str(self._run / "analysis"))
        return (
            "this run is not analysed yet. In another terminal:\n\n"
            f"    arena analyze --run {literal_line(run, 200)} --out {literal_line(folder, 200)}\n\n"
            "then press f5 here. (Its contestants have to be models that can be loaded on this machine.)"
        )

    # what the keys do

    def action_view(self, number: int) -> None:
        """Show the view with this number (from 1)."""
        self._view, self._figure = number - 1, 0
        self._draw_tabs()
        self._draw_view()

    def action_next_view(self) -> None:
        """Show the next view."""
        self.action_view((self._view + 1) % len(NAMES) + 1)

    def action_next_figure(self, by: int) -> None:
        """Show the view's next figure, or the one before."""
        if self._analysis is None or NAMES[self._view] == PREDICTS:
            return
        self._figure = (self._figure + by) % max(len(self._figures(self._analysis)[0]), 1)
        self._draw_view()

    def action_next_analysis(self) -> None:
        """Show the next analysis of the run."""
        if len(self._found) < 2:
            self.notify("there is no other analysis of this run", timeout=3)
            return
        self._at = (self._at + 1) % len(self._found)
        self.run_worker(self._read(), group="read", exclusive=True)

    async def action_leave(self) -> None:
        """Go back."""
        await self.app.run_action("leave")


def _source_words(analysis: Analysis) -> str:
    read = analysis.source
    if not read.tokens:
        return "weights alone"
    what = f"{read.contestant} in {read.run}" if read.run else f"text {read.text}"
    return f"{read.tokens:,} tokens of {literal_line(what, 60)}"
