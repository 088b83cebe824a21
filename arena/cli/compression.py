"""The progress bar of compressing, on stderr: the layer, the time left, the memory that it has taken."""

import resource
import sys
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from arena.cli.bars import Bars
from arena.cli.output import err, say
from arena.literal import literal

if TYPE_CHECKING:
    from compress.compressor import Progress as Step

_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


class CompressionProgress(Bars):
    """Draws a bar for each model and stage. Off a terminal: one line for each model."""

    def __init__(self, *, quiet: bool = False) -> None:
        console = err()
        self._quiet = quiet
        self._draws = console.is_terminal and not quiet
        self._bars: dict[tuple[str, str], TaskID] = {}
        self._said: set[str] = set()
        super().__init__(
            Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[memory]}", markup=False),
                TextColumn("{task.fields[layer]}", markup=False),
                console=console,
                transient=True,
                disable=not self._draws,
            )
        )

    def listen(self, name: str, step: "Step") -> None:
        """Draw how far the checkpoint of that name is."""
        if name not in self._said and not self._quiet and not self._draws:
            say(f"compressing {name}")
        self._said.add(name)
        bar = (name, step.stage)
        if bar not in self._bars:
            self._bars[bar] = self._progress.add_task(
                literal(f"{step.stage} {name}"), total=step.total, memory="", layer=""
            )
        self._progress.update(
            self._bars[bar],
            completed=step.done,
            total=step.total,
            memory=f"{_peak_memory_bytes() / 1e9:.1f} GB",
            layer=step.layer,
        )


def _peak_memory_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES
