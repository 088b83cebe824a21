"""`arena play` and `arena watch` on screen."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.worker import Worker, WorkerCancelled, WorkerFailed

from arena.engines.base import Engine
from arena.errors import ArenaError
from arena.plan import Plan
from arena.run import Tally
from tui.screens.match import MatchScreen
from tui.sources import PlaySource, RecordSource, Source
from tui.tables import Mode
from tui.theme import ARENA


def play(plan: Plan, run_dir: Path, engines: Mapping[str, Engine]) -> Tally | None:
    """Play a series on screen, and return how it went; None where the person left before its end.

    What was played is recorded in `run_dir`; playing the same plan there goes on. `engines` has one engine a
    contestant (not started). Raises `ArenaError` where the run can't be played or recorded.
    """
    return _show(PlaySource(plan, run_dir, engines), "play")


def watch(run_dir: Path) -> None:
    """Show a run on screen: live while another process plays it, else replayed. Raises `ArenaError`."""
    _show(RecordSource(run_dir), "watch")


def _show(source: Source, mode: Mode) -> Tally | None:
    app = ArenaApp(source, mode)
    app.run()
    if app.problem is not None:
        raise app.problem
    if app.return_code:
        raise ArenaError("the screen crashed", "what was played is recorded; `arena --debug …` says more")
    return app.tally


class ArenaApp(App[None]):
    """Runs a source beside the screen that shows it, and ends both together."""

    TITLE = "arena"
    CSS_PATH = "arena.tcss"

    def __init__(self, source: Source, mode: Mode) -> None:
        super().__init__()
        self.tally: Tally | None = None
        """How the series went, once it is over."""
        self.problem: Exception | None = None
        """Why the source broke off, if it did."""
        self._source = source
        self.match_screen = MatchScreen(source, mode)
        self._work: Worker[None] | None = None
        self._is_leaving = False
        self.register_theme(ARENA)
        self.theme = ARENA.name

    def get_default_screen(self) -> Screen[None]:
        """Open with the match screen."""
        return self.match_screen

    def on_mount(self) -> None:
        """Let the source run."""
        self._work = self.run_worker(self._run(), group="source", exit_on_error=False)

    async def _run(self) -> None:
        try:
            self.tally = await self._source.run(self.match_screen.hear)
        except Exception as problem:  # noqa: BLE001 - it is raised again when the terminal is itself again
            self.problem = problem
            self.exit()
            return
        if self.tally is not None:
            self.match_screen.series_is_over(self.tally)

    async def action_leave(self) -> None:
        """Stop the source, wait until it has cleaned up, and leave; asked a second time, leave at once."""
        if self._is_leaving or self._work is None or self._work.is_finished:
            self.exit()
            return
        self._is_leaving = True
        self.notify("stopping; what was played is recorded", timeout=30)
        self.run_worker(self._stop(self._work), group="leave")

    async def action_quit(self) -> None:
        """Leave, as `q` does."""
        await self.action_leave()

    async def _stop(self, work: Worker[None]) -> None:
        work.cancel()
        with suppress(WorkerCancelled, WorkerFailed):
            await work.wait()
        self.exit()

    async def on_unmount(self) -> None:
        """Give back the source's files and threads."""
        await self._source.close()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every key of the match screen as a command too."""
        for command in super().get_system_commands(screen):
            if command.title in ("Theme", "Screenshot"):
                yield command
        if isinstance(screen, MatchScreen):
            for key in screen.available_keys():
                if not key.numbered:
                    yield SystemCommand(key.label, key.help, _action(screen, key.action))


def _action(screen: MatchScreen, action: str) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        await screen.run_action(f"screen.{action}")

    return run
