"""What all progress bars of the command line have in common: they are drawn for as long as a block runs."""

from types import TracebackType
from typing import Self

from rich.progress import Progress


class Bars:
    """Bars on stderr, drawn inside a `with` block; a subclass says which and moves them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()
