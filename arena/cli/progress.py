"""The progress bar of a batch, on stderr."""

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from arena.cli.bars import Bars
from arena.cli.output import err
from arena.plan import Plan
from arena.records import EpisodeEnded, Event, Notice


class BatchProgress(Bars):
    """Draws one bar a contestant, and says notices as they come. Off a terminal: notices only."""

    def __init__(self, plan: Plan, *, quiet: bool) -> None:
        self._console = err()
        self._bars: dict[str, TaskID] = {}
        self._won: dict[str, int] = {}
        super().__init__(
            Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[score]}"),
                TimeRemainingColumn(),
                console=self._console,
                disable=quiet or not self._console.is_terminal,
            )
        )
        episodes = plan.episodes()
        for contestant in plan.contestants:
            total = sum(key.contestant == contestant.name for key in episodes)
            self._bars[contestant.name] = self._progress.add_task(contestant.name, total=total, score="")
            self._won[contestant.name] = 0

    def listen(self, event: Event) -> None:
        """Draw an event of the run."""
        if isinstance(event, Notice):
            hint = event.details.get("next_step", "")
            self._console.print(Text(event.text + (f" ({hint})" if hint else "")), soft_wrap=True)
        elif isinstance(event, EpisodeEnded) and event.status == "done":
            name = event.key.contestant
            self._won[name] += event.success
            self._progress.update(self._bars[name], advance=1, score=f"{self._won[name]} solved")
