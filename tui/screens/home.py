"""The home screen: what to play, with whom, and what was played before."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from arena.errors import ArenaError
from arena.overview import (
    Candidate,
    Playable,
    RunSummary,
    check_candidate,
    examine,
    list_candidates,
    list_playables,
    recent_runs,
)
from arena.store.files import runs_folder
from envs.errors import EnvsError
from tui.choice import MOST_CONTESTANTS, Choice
from tui.homelists import (
    PlayableRow,
    about_candidate,
    about_playable,
    candidate_rows,
    draw_candidate,
    draw_playable,
    draw_run,
    lack_of_candidate,
    lack_of_playable,
    playable_rows,
    summary,
)
from tui.lacking import lacking, lacks
from tui.literal import literal_line
from tui.screens.help import Block
from tui.tables import Key, bindings, keys
from tui.widgets.footer import ArenaFooter
from tui.widgets.playbar import PlayBar
from tui.widgets.rows import RowList
from tui.widgets.title import TitleBar
from tui.widgets.typing import Asked, TypeBar

if TYPE_CHECKING:
    from tui.app import ArenaApp
    from tui.screens.preparing import Prepared

RUNS_S = 5.0
"""How often the runs are looked at again while one of them is played."""

Found = TypeVar("Found")
SHORT = 18
"""Below this height, frames and lists take the fewest lines that they can do with."""
SMALLEST = (36, 11)
"""Columns and lines without which the lists have no rows."""


class HomeScreen(Screen[None]):
    """Three lists and a line that says what would be played. Looking is done in threads."""

    BINDINGS = bindings("home")
    app: "ArenaApp"

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self._choice = choice
        self._playables: list[Playable] = []
        self._typed: list[str] = []
        self._looking = asyncio.Lock()  # what looks first also imports, one at a time
        self._expanded: frozenset[str] = frozenset()
        self._rows: list[PlayableRow] = []
        self._candidates: list[Candidate] = []
        self._runs: list[RunSummary] = []
        self._title = TitleBar()
        self._what = RowList(id="what", nothing="looking for benchmarks …")
        self._who = RowList(id="who", nothing="looking for contestants …")
        self._bar = PlayBar()
        self._run_list = RowList(id="runs", nothing="nothing was played in this folder yet")
        self._detail = Static(id="detail")
        self._typing = TypeBar()
        self._too_small = Static("", id="too-small")

    def compose(self) -> ComposeResult:
        """Yield title, lists, the line to play, the runs, the line to type in and the footer."""
        self._what.border_title = Content(" What to play ")
        self._who.border_title = Content(" Contestants ")
        self._run_list.border_title = Content(" Runs ")
        self._run_list.border_subtitle = Content(" enter shows results · w watches ")
        yield self._title
        with Horizontal(id="lists"):
            yield self._what
            yield self._who
        yield self._detail
        yield self._bar
        yield self._run_list
        yield self._typing
        yield ArenaFooter()
        yield self._too_small

    def on_mount(self) -> None:
        """Look what there is."""
        self._title.left = Content.assemble(
            ("arena", "bold $text-accent"), ("  does my compressed model still act?", "$foreground-muted")
        )
        folder = literal_line(str(runs_folder()), 60)
        self._title.right = Content.styled(f"runs in {folder}", "$foreground-muted")
        self._what.focus()
        self._draw()
        self.action_reload()
        self.set_interval(RUNS_S, self._look_at_running)

    def on_resize(self, event: events.Resize) -> None:
        """Leave the lists their rows; say so where there is no room for any."""
        columns, lines = event.size
        self.set_class(lines < SHORT, "-short")
        is_too_small = columns < SMALLEST[0] or lines < SMALLEST[1]
        self.set_class(is_too_small, "-too-small")
        words = f"{columns}x{lines} is too small for the home screen: it needs {SMALLEST[0]}x{SMALLEST[1]}"
        self._too_small.update(words if is_too_small else "")

    def on_screen_resume(self) -> None:
        """Look at the runs again: one more may be there."""
        self.run_worker(self._look_at_runs(), group="runs", exclusive=True)

    def available_keys(self) -> list[Key]:
        """Return the keys of this screen."""
        return list(keys("home"))

    def help_blocks(self) -> list[Block]:
        """Return what the help page says beside the keys: nothing."""
        return []

    # looking

    def action_reload(self) -> None:
        """Look again."""
        self.run_worker(self._look(), group="look", exclusive=True)
        self.run_worker(self._look_at_runs(), group="runs", exclusive=True)

    async def _look(self) -> None:
        self._playables = await self._found(list_playables, [])
        self._draw(cursor_on=self._choice.what)
        self._candidates = candidate_rows(await self._found(list_candidates, []), self._choice)
        self._draw()
        for place, playable in enumerate(self._playables):
            self._playables[place] = await asyncio.to_thread(examine, playable)
            self._draw()
        await asyncio.to_thread(_import_players)

    async def _look_at_runs(self) -> None:
        self._runs = await self._found(recent_runs, [])
        self._run_list.show(len(self._runs), lambda row, width: draw_run(self._runs[row], width))

    def _look_at_running(self) -> None:
        if self.is_current and any(run.state == "running" for run in self._runs):
            self.run_worker(self._look_at_runs(), group="runs", exclusive=True)

    async def _found(self, look: Callable[[], Found], nothing: Found) -> Found:
        try:
            async with self._looking:
                return await asyncio.to_thread(look)
        except (ArenaError, EnvsError, OSError) as problem:
            self.app.complain(problem)
            return nothing

    # drawing

    def _draw(self, cursor_on: str | None = None) -> None:
        kept = cursor_on or (self._rows[self._what.cursor].what if self._rows else "")
        self._rows = playable_rows(self._playables, self._expanded, self._typed)
        place = next((i for i, row in enumerate(self._rows) if row.what == kept), None)
        self._what.show(len(self._rows), self._draw_what, place)
        if self._rows:  # another row may have come under a cursor that did not move
            self._choice.what = self._rows[self._what.cursor].what
        self._who.show(
            len(self._candidates),
            lambda row, width: draw_candidate(self._candidates[row], self._choice, width),
        )
        self._draw_about()
        self._draw_bar()

    def _draw_what(self, row: int, width: int) -> Content:
        return draw_playable(self._rows[row], width, is_expanded=self._rows[row].what in self._expanded)

    def _draw_about(self) -> None:
        """Say below the lists what is under their cursors: rows may be too narrow for it."""
        if self._rows:
            self._what.border_subtitle = _subtitle(about_playable(self._rows[self._what.cursor]))
        if self._candidates:
            self._who.border_subtitle = _subtitle(about_candidate(self._candidates[self._who.cursor]))
        self._draw_detail()

    def _draw_detail(self) -> None:
        """Say why what is under the cursor can't be played, and what to do; rows are too narrow for it."""
        words = ""
        if self._who.has_focus and self._candidates:
            words = lack_of_candidate(self._candidates[self._who.cursor])
        elif self._what.has_focus and self._rows:
            words = lack_of_playable(self._rows[self._what.cursor])
        self._detail.update(Content.styled(words, "$text-warning"))
        self._detail.display = bool(words)

    def on_descendant_focus(self) -> None:
        """Say what is under the cursor of the list that has the focus now."""
        self._draw_detail()

    def _draw_bar(self) -> None:
        row = self._rows[self._what.cursor] if self._rows else None
        playable, tasks = (row.playable, row.tasks) if row else (None, 0)
        self._bar.said, self._bar.problem = summary(self._choice, playable, tasks)

    def on_row_list_moved(self, message: RowList.Moved) -> None:
        """Choose what the cursor is on."""
        if message.rows is self._what and self._rows:
            self._choice.what = self._rows[self._what.cursor].what
            self._draw_bar()
        self._draw_about()

    def on_row_list_chosen(self, message: RowList.Chosen) -> None:
        """Go on: from what to whom, from there to the line that plays; from a run to its results."""
        if message.rows is self._what:
            self._who.focus()
        elif message.rows is self._who:
            self._bar.focus()
        elif self._runs[self._run_list.cursor].state == "running":
            self.action_watch()
        else:
            self.action_results()

    # choosing

    def action_expand(self) -> None:
        """Show the subsets of a benchmark."""
        if self._rows and self._rows[self._what.cursor].playable:
            self._expanded |= {self._rows[self._what.cursor].what}
            self._draw()

    def action_collapse(self) -> None:
        """Hide the subsets."""
        if self._rows and (playable := self._rows[self._what.cursor].playable):
            self._expanded -= {playable.what}
            self._draw(cursor_on=playable.what)

    def action_tick(self) -> None:
        """Let the contestant under the cursor play, or not."""
        self._choose_contestant(self._choice.tick)

    def action_make_baseline(self) -> None:
        """Let the contestant under the cursor be the baseline."""
        self._choose_contestant(self._choice.make_baseline)

    def _choose_contestant(self, change: Callable[[str], bool]) -> None:
        if not self._candidates:
            return
        self._who.focus()
        if not change(self._candidates[self._who.cursor].typed):
            self._say_full()
        self._who.refresh()
        self._draw_bar()

    def _say_full(self) -> None:
        self.notify(f"{MOST_CONTESTANTS} contestants fit beside each other", severity="warning", timeout=4)

    # typing

    def action_add_contestant(self) -> None:
        """Type a contestant."""
        self._typing.open("contestant")

    def action_type_task(self) -> None:
        """Type a task."""
        self._typing.open("task")

    def action_close_input(self) -> None:
        """Close the line that is typed in."""
        if self._typing.display:
            self._typing.display = False
            (self._who if self._typing.asked == "contestant" else self._what).focus()

    def on_type_bar_given_up(self) -> None:
        """Close the line that is typed in."""
        self.action_close_input()

    def on_type_bar_typed(self, message: TypeBar.Typed) -> None:
        """Check what was typed, and take it."""
        self.run_worker(self._take(message.asked, message.text), group="take", exclusive=True)

    async def _take(self, asked: Asked, typed: str) -> None:
        try:
            await asyncio.to_thread(check_candidate if asked == "contestant" else _check_task, typed)
        except (ArenaError, EnvsError) as problem:
            self._typing.refuse(problem.message, problem.next_step)
            return
        if self._typing.text != typed:  # it is being changed already, and keys must not become commands
            return
        self.action_close_input()
        if asked == "task":
            self._typed = [typed, *(what for what in self._typed if what != typed)]
            self._draw(cursor_on=typed)
            return
        if self._choice.place(typed) is None:
            self._choose_typed(typed)

    def _choose_typed(self, typed: str) -> None:
        if not self._choice.tick(typed):
            self._say_full()
            return
        self._candidates = candidate_rows(self._candidates, self._choice)
        self._draw()
        self._who.cursor = self._choice.contestants.index(typed)

    # what follows

    def action_play(self) -> None:
        """Get the contestants ready, and play."""
        if self._bar.problem:
            self._refuse(self._bar.problem)
        elif found := lacking(self._candidates, self._choice):
            self.run_worker(self._play_unless_lacking(found), group="play", exclusive=True)
        else:
            self._get_ready()

    async def _play_unless_lacking(self, found: list[Candidate]) -> None:
        async with self._looking:
            words = await asyncio.to_thread(lacks, found)
        if words:
            self._refuse(words)
        elif self.is_current:
            self._get_ready()

    def _refuse(self, words: str) -> None:
        self.notify(words, title="can't be played", severity="warning", timeout=8, markup=False)

    def _get_ready(self) -> None:
        from tui.screens.preparing import PreparingScreen  # what plays takes its time to import

        self.app.push_screen(PreparingScreen(self._choice), self._prepared)

    def _prepared(self, result: "Prepared | ArenaError | None") -> None:
        if isinstance(result, ArenaError):
            self.app.complain(result)
        elif result is not None:
            self.app.open_match(result.source, "play", result.run)

    def on_play_bar_pressed(self) -> None:
        """Play."""
        self.action_play()

    def action_results(self) -> None:
        """Show the scores of a run."""
        self._with_run(lambda run: self.app.show_results(runs_folder() / run.run))

    def action_watch(self) -> None:
        """Show a run turn by turn."""
        self._with_run(lambda run: self.app.watch_run(runs_folder() / run.run))

    def _with_run(self, follow: Callable[[RunSummary], None]) -> None:
        run = self._runs[self._run_list.cursor] if self._runs else None
        if run is None or run.state == "broken":
            words = literal_line(run.problem, 300) if run else "nothing was played in this folder yet"
            self.notify(words, severity="warning", timeout=6, markup=False)
        else:
            follow(run)

    # moving between the lists

    def action_next_pane(self) -> None:
        """Go to the next list."""
        self.focus_next()

    def action_previous_pane(self) -> None:
        """Go to the list before."""
        self.focus_previous()

    async def action_leave(self) -> None:
        """Leave the app."""
        await self.app.run_action("leave")


def _import_players() -> None:
    """Import what plays, before it is wanted."""
    import tui.screens.match
    import tui.screens.preparing  # noqa: F401


def _check_task(typed: str) -> None:
    from arena.play import suite_of

    suite_of(typed, "text")


def _subtitle(words: str) -> Content:
    return Content(f" {words} ") if words else Content("")
