"""The progress bar of reading a long file, on stderr."""

from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from arena.cli.bars import Bars
from arena.cli.output import err
from arena.literal import literal


class Reading(Bars):
    """Draws how far a file is read. Off a terminal: nothing."""

    def __init__(self, file: Path) -> None:
        console = err()
        super().__init__(
            Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
                console=console,
                transient=True,
                disable=not console.is_terminal,
            )
        )
        size = file.stat().st_size if file.is_file() else None
        self._bar = self._progress.add_task(literal(file.name), total=size)

    def to(self, read_bytes: int) -> None:
        """Draw that the file is read up to here."""
        if not self._progress.disable:
            self._progress.update(self._bar, completed=read_bytes)
