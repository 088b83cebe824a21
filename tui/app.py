"""The app: the home screen, or straight a match; what runs beside the screens, and the keys that all have."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events
from textual.app import App, SystemCommand
from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import Worker, WorkerCancelled, WorkerFailed

from arena.errors import ArenaError
from tui import exporting
from tui.choice import Choice
from tui.literal import literal
from tui.opened import Opened, open_match, record_of
from tui.screens.help import HelpScreen
from tui.screens.home import HomeScreen
from tui.screens.jump import JumpScreen
from tui.screens.log import LogScreen
from tui.stray import StrayLog, descriptors_caught, logging_caught
from tui.tables import Key, Mode, bindings, keys
from tui.theme import ARENA

if TYPE_CHECKING:  # what plays and shows a match takes its time to import: the home screen comes first
    from arena.engines.base import Engine
    from arena.plan import Plan
    from arena.run import Tally
    from tui.debugging.examination import Place
    from tui.screens.match import MatchScreen
    from tui.sources import Source
    from tui.viewer import StartAt

UNREAD_S = 0.25
"""How often the log is asked for new lines."""


def home(task: str, contestants: Sequence[str]) -> None:
    """Show the home screen, with a task (or benchmark, or suite) and contestants chosen already."""
    _show(ArenaApp(choice=Choice(task, list(contestants))))


def play(plan: "Plan", run_dir: Path, engines: "Mapping[str, Engine]") -> "Tally | None":
    """Play a series on screen, and return how it went; None where the person left before its end.

    What was played is recorded in `run_dir`; playing the same plan there goes on. `engines` has one engine a
    contestant (not started). Raises `ArenaError` where the run can't be played or recorded.
    """
    from tui.sources import PlaySource

    return _show(ArenaApp(PlaySource(plan, run_dir, engines), "play", run=run_dir))


def watch(run_dir: Path, only: Sequence[str] = ()) -> None:
    """Show a run on screen: live while another process plays it, else replayed. Raises `ArenaError`.

    `only` names the contestants that are shown beside the baseline; all where it is empty.
    """
    from tui.sources import RecordSource

    _show(ArenaApp(RecordSource(run_dir, only), "watch", run=run_dir))


def debug(run_dir: Path, filter_text: str = "", kinds: Sequence[str] = ()) -> None:
    """Show the failed turns of a run on screen, as a filter (and kinds of failure) let them through."""
    _show(ArenaApp(opens_with=lambda: _debug_screen(run_dir, filter_text, kinds)))


def _show(app: "ArenaApp") -> "Tally | None":
    with descriptors_caught(app.stray):
        app.run()
    if app.problem is not None:
        raise app.problem
    if app.return_code:
        raise ArenaError("the screen crashed", "what was played is recorded; `arena --debug …` says more")
    return app.tally


class ArenaApp(App[None]):
    """Runs the sources beside the match screens that show them, and ends both together."""

    TITLE = "arena"
    CSS_PATH = "arena.tcss"
    BINDINGS = bindings("app")

    unread: reactive[int] = reactive(0)
    """How many lines of the log have not been looked at."""

    def __init__(
        self,
        source: "Source | None" = None,
        mode: Mode = "play",
        *,
        run: Path | None = None,
        start_at: "StartAt | None" = None,
        choice: Choice | None = None,
        opens_with: Callable[[], Screen[None]] | None = None,
    ) -> None:
        """Open with the match that `source` feeds, or the screen `opens_with`, or the home screen."""
        super().__init__()
        self.tally: Tally | None = None
        """How the series went that the app was opened for, once it is over."""
        self.problem: Exception | None = None
        """Why the source that the app was opened for broke off, if it did."""
        self.stray = StrayLog()
        self._catching = ExitStack()
        self._read = 0
        self._opened: list[Opened] = []
        self._choice = choice or Choice("", [])
        if source is not None:
            self._opened.append(open_match(source, mode, run, start_at))
        self._opens_with_match = source is not None
        self._opens_with = opens_with or (lambda: HomeScreen(self._choice))
        self.register_theme(ARENA)
        self.theme = ARENA.name

    @property
    def match_screen(self) -> "MatchScreen":
        """The match screen that was opened last. Raises `IndexError` where none is open."""
        return self._opened[-1].screen

    def get_default_screen(self) -> Screen[None]:
        """Open with the match screen, or with the one that was asked for."""
        return self.match_screen if self._opens_with_match else self._opens_with()

    def on_mount(self) -> None:
        """Catch what is printed and logged, and let the source run."""
        # shades of one colour fall together there: what they say is said by underlining too
        self.set_class(self.no_color or self.console.color_system == "standard", "-few-colors")
        self.begin_capture_print(self)
        self._catching.enter_context(logging_caught(self.stray))
        self.set_interval(UNREAD_S, self._count_unread)
        if self._opens_with_match:
            self._begin(self._opened[0])

    async def on_unmount(self) -> None:
        """Give back the sources' files and threads."""
        self._catching.close()
        for opened in self._opened:
            await opened.source.close()

    # matches

    def open_match(
        self, source: "Source", mode: Mode, run: Path | None = None, start_at: "StartAt | None" = None
    ) -> None:
        """Show a match screen over this one, and let its source run."""
        opened = open_match(source, mode, run, start_at)
        self._opened.append(opened)
        self.push_screen(opened.screen)
        self._begin(opened)

    def watch_run(self, run: Path, start_at: "StartAt | None" = None) -> None:
        """Show the record of a run over this screen, from a turn on where one is given."""
        self.run_worker(self._open_record(run, start_at), group="open", exclusive=True)

    async def _open_record(self, run: Path, start_at: "StartAt | None") -> None:
        try:
            source = await asyncio.to_thread(record_of, run)
        except ArenaError as error:
            self.complain(error)
            return
        self.open_match(source, "watch", run, start_at)

    def _begin(self, opened: Opened) -> None:
        opened.work = self.run_worker(self._feed(opened), group="source", exit_on_error=False)

    async def _feed(self, opened: Opened) -> None:
        is_ours = self._opens_with_match and opened is self._opened[0]
        try:
            tally = await opened.source.run(opened.screen.hear)
        except Exception as problem:  # noqa: BLE001 - it is raised again when the terminal is itself again
            if is_ours:
                self.problem = problem
                self.exit()
            else:
                self.complain(problem)
            return
        if tally is not None:
            opened.screen.series_is_over(tally)
        if is_ours:
            self.tally = tally

    def complain(self, problem: Exception) -> None:
        """Say what went wrong, and what mends it; the log keeps it."""
        words = str(problem) or type(problem).__name__
        next_step = getattr(problem, "next_step", "")
        words = literal(f"{words} ({next_step})" if next_step else words)
        self.stray.add("arena", words)
        self.notify(words[:600], severity="error", timeout=15, markup=False)

    # leaving

    async def action_leave(self) -> None:
        """Go back to the screen before this one; from the first one, leave the app.

        A match that is played here is stopped first, and cleans up; asked a second time, leave at once.
        """
        opened = self._on_top()
        if opened is None or opened.is_leaving or opened.work is None or opened.work.is_finished:
            await self._go_back(opened)
            return
        opened.is_leaving = True
        if opened.is_at_work:
            self.notify("stopping; what was played is recorded", timeout=10)
        self.run_worker(self._stop(opened, opened.work), group="leave")

    async def action_quit(self) -> None:
        """Leave the app; matches are stopped and clean up first."""
        self.run_worker(self._stop_all(), group="leave", exclusive=True)

    async def _stop_all(self) -> None:
        for opened in self._opened:
            if opened.work is not None:
                await _stopped(opened.work)
        self.exit()

    async def _stop(self, opened: Opened, work: Worker[None]) -> None:
        await _stopped(work)
        if self._on_top() is opened:
            await self._go_back(opened)

    async def _go_back(self, opened: Opened | None) -> None:
        if len(self.screen_stack) <= 1:
            self.exit()
            return
        self.pop_screen()
        if opened is not None:
            self._opened.remove(opened)
            await opened.source.close()

    def _on_top(self) -> Opened | None:
        return next((opened for opened in self._opened if opened.screen is self.screen), None)

    def action_cancel_work(self) -> None:
        """Stop the contest that is on screen; the screen stays."""
        opened = self._on_top()
        if opened is None or opened.work is None or not opened.is_at_work:
            self.notify("nothing is going on that could be stopped; q leaves", timeout=4)
            return
        opened.work.cancel()
        self.notify("stopped; what was played is recorded, and playing the same again goes on", timeout=8)

    # keys that all screens have

    def available_keys(self, screen: Screen[object]) -> list[Key]:
        """Return the keys that mean something on a screen: its own, then those that all screens have."""
        own = screen.available_keys() if hasattr(screen, "available_keys") else []
        taken = {name for key in own for name in key.keys}
        shared = (key for key in keys("app") if self.check_action(key.action, ()))
        return [*own, *(key for key in shared if not taken.intersection(key.keys))]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell whether an action means something now: some are about the match on screen."""
        if action in ("results", "debug", "request"):
            opened = self._on_top()
            return opened is not None and opened.run is not None
        return True

    def action_help(self) -> None:
        """Show the keys of this screen."""
        shown = self.available_keys(self.screen)
        if hasattr(self.screen, "help_blocks"):
            self.push_screen(HelpScreen(shown, self.screen.help_blocks()))
        else:
            self.push_screen(HelpScreen(shown))

    def action_jump(self) -> None:
        """Put a letter on every pane."""
        self.push_screen(JumpScreen(self.screen))

    def action_show_log(self) -> None:
        """Show the log."""
        if not isinstance(self.screen, LogScreen):
            self.push_screen(LogScreen(self.stray))

    def action_export(self) -> None:
        """Write what is on screen to a file, in the form that is chosen."""
        exporting.offer(self)

    def action_results(self) -> None:
        """Show the scores of the run that is on screen."""
        opened = self._on_top()
        if opened is not None and opened.run is not None:
            self.show_results(opened.run)

    def show_results(self, run: Path) -> None:
        """Show the scores of a run over this screen."""
        from tui.screens.results import ResultsScreen  # plots need numpy, which takes its time to import

        self.push_screen(ResultsScreen(run))

    def show_debug(self, run: Path, filter_text: str = "") -> None:
        """Show the failed turns of a run over this screen, as a filter lets them through."""
        self.push_screen(_debug_screen(run, filter_text))

    def action_debug(self) -> None:
        """Open the turn that is on screen in the debugger."""
        if (found := self._recorded_turn()) is not None:
            from tui.debugging.examination import Examination
            from tui.screens.turn import TurnScreen

            run, place = found
            self.push_screen(TurnScreen(Examination(run), [place], owns=True))

    def action_request(self) -> None:
        """Show the request of the turn that is on screen, as it was sent."""
        if (found := self._recorded_turn()) is not None:
            from tui.debugging.examination import Examination
            from tui.screens.turn import RequestScreen

            run, place = found
            self.push_screen(RequestScreen(Examination(run), place, owns=True))

    def _recorded_turn(self) -> "tuple[Path, Place] | None":
        """Return the run and the turn that are on screen; says so where the turn has no record yet."""
        opened = self._on_top()
        if opened is None or opened.run is None:
            return None
        from tui.debugging.examination import Place  # readers and environments take their time to import

        viewer = opened.screen.viewer
        played = viewer.series.stage[viewer.chosen_name].known
        if not played:
            words = literal(f"no turn of {viewer.chosen_name} is played here yet")
            self.notify(words, markup=False)
            return None
        # the turn in the making has no record yet: the last one that has
        turn = min(max(viewer.here.turn, 0), played - 1)
        return opened.run, Place(viewer.series.match.key(viewer.chosen_name), turn)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every key of the screen as a command too."""
        for command in super().get_system_commands(screen):
            if command.title in ("Theme", "Screenshot"):
                yield command
        own = {key.action for key in screen.available_keys()} if hasattr(screen, "available_keys") else set()
        for key in self.available_keys(screen):
            if not key.numbered:
                where = "screen" if key.action in own else "app"
                yield SystemCommand(key.label, key.help, _action(screen, f"{where}.{key.action}"))

    # the log, and what is said for a while

    def on_notify(self) -> None:
        """Show what is said last alone; the log keeps problems."""
        self.clear_notifications()

    def on_print(self, event: events.Print) -> None:
        """Take what is printed into the log."""
        self.stray.feed("stderr" if event.stderr else "stdout", event.text)

    def _count_unread(self) -> None:
        shown = self.screen_stack  # empty while the app is ending, when this may still come
        if shown and isinstance(shown[-1], LogScreen):
            self._read = self.stray.total
        self.unread = self.stray.total - self._read


def _debug_screen(run: Path, filter_text: str, kinds: Sequence[str] = ()) -> Screen[None]:
    from tui.screens.debug import DebugScreen  # environments and readers take their time to import

    return DebugScreen(run, filter_text, kinds)


async def _stopped(work: Worker[None]) -> None:
    work.cancel()
    with suppress(WorkerCancelled, WorkerFailed):
        await work.wait()


def _action(screen: Screen[object], action: str) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        await screen.run_action(action)

    return run
