"""A match screen with what feeds it, imported when the first is opened: the home screen comes first."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.worker import Worker

from tui.tables import Mode

if TYPE_CHECKING:
    from tui.screens.match import MatchScreen
    from tui.sources import Source
    from tui.viewer import StartAt


@dataclass
class Opened:
    """A match screen, what feeds it, and the run that it records or shows (None: none on disk)."""

    screen: "MatchScreen"
    source: "Source"
    run: Path | None
    work: Worker[None] | None = None
    is_leaving: bool = False

    @property
    def is_at_work(self) -> bool:
        """True while a contest is played here."""
        return self.source.pacer is not None and self.work is not None and not self.work.is_finished


def open_match(source: "Source", mode: Mode, run: Path | None, start_at: "StartAt | None") -> Opened:
    """Return a new match screen that `source` feeds; `run` is where that is recorded."""
    from tui.screens.match import MatchScreen

    return Opened(MatchScreen(source, mode, start_at), source, run)


def record_of(run: Path) -> "Source":
    """Return what feeds a match screen from a run's record. Raises `StoreError`."""
    from tui.sources import RecordSource

    return RecordSource(run)
