"""The progress bar of reading a long file, on stderr."""

from pathlib import Path
from types import TracebackType

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from arena.cli.output import err


class Reading:
    """Draws how far a file is read. Off a terminal: nothing."""

    def __init__(self, file: Path) -> None:
        console = err()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        size = file.stat().st_size if file.is_file() else None
        self._bar = self._progress.add_task(file.name, total=size)

    def __enter__(self) -> "Reading":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def to(self, read_bytes: int) -> None:
        """Draw that the file is read up to here."""
        if not self._progress.disable:
            self._progress.update(self._bar, completed=read_bytes)
