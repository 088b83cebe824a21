"""The progress of a batch, on stderr: a bar for each benchmark, and one for all of it."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from arena.cli.bars import Bars
from arena.cli.output import err
from arena.literal import literal
from arena.plan import Plan
from arena.records import EpisodeEnded, EpisodeKey, Event, Notice, TurnPlayed

ALL = "all"
SPEED_WINDOW_S = 30.0
BAR_WIDTH = 40
"""Of a wide terminal; of a narrow one a fifth."""
LINE_EVERY_S = 60.0
"""Off a terminal there are no bars, and the log of a run of hours shall not be silent."""


@dataclass
class _Count:
    """What has ended of a benchmark, in this command and in those before it."""

    done: int = 0
    solved: int = 0
    progress: float = 0.0
    failed_turns: int = 0
    errors: int = 0

    def add(self, ended: EpisodeEnded) -> None:
        if ended.status == "done":
            self.done += 1
            self.solved += ended.success
            self.progress += ended.progress
        else:
            self.errors += 1

    def words(self) -> str:
        said = []
        if self.done:
            said = [f"progress {100 * self.progress / self.done:.0f} %", f"{self.solved} solved"]
        said += [f"{self.failed_turns} failed replies"] if self.failed_turns else []
        said += [f"{self.errors} errors"] if self.errors else []
        return ", ".join(said)


class _Said(ProgressColumn):
    """What there is to say of a bar: the first to be cut where a line is short."""

    def get_table_column(self) -> Column:
        return Column(overflow="ellipsis")

    def render(self, task: Task) -> Text:
        return Text(task.fields["said"], no_wrap=True, overflow="ellipsis")


class BatchProgress(Bars):
    """Draws the bars, and says notices as they come. Off a terminal: notices, and a line a minute."""

    def __init__(self, plan: Plan, *, quiet: bool) -> None:
        self._console, self._quiet = err(), quiet
        self._said_at = time.monotonic()
        self._counts: dict[str, _Count] = {}
        self._bars: dict[str, TaskID] = {}
        self._tokens: list[tuple[float, int]] = []
        super().__init__(
            Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(min(BAR_WIDTH, self._console.width // 5)),
                MofNCompleteColumn(),
                _Said(),
                TimeRemainingColumn(),
                console=self._console,
                disable=quiet or not self._console.is_terminal,
            )
        )
        totals = Counter(_benchmark(key.task) for key in plan.episodes())
        for benchmark, total in totals.items():
            self._add(benchmark, total)
        self._planned = totals.total()
        self._add(ALL, self._planned)

    def already(self, recorded: Iterable[EpisodeEnded], failed_turns: Mapping[str, int]) -> None:
        """Draw what earlier commands have played; `failed_turns` is by task."""
        for ended in recorded:
            for count in self._of(ended.key):
                count.add(ended)
        for task, failed in failed_turns.items():
            for count in self._of_task(task):
                count.failed_turns += failed
        for name, count in self._counts.items():
            self._progress.update(self._bars[name], completed=count.done, said=count.words())

    def stop(self) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()

    def listen(self, event: Event) -> None:
        """Draw an event of the run."""
        if isinstance(event, Notice):
            hint = event.details.get("next_step", "")
            self._console.print(Text(literal(event.text + (f" ({hint})" if hint else ""))), soft_wrap=True)
        elif isinstance(event, TurnPlayed):
            self._tokens.append((time.monotonic(), event.turn.completion_tokens))
            for count in self._of(event.key):
                count.failed_turns += event.turn.failure is not None
        elif isinstance(event, EpisodeEnded):
            self._end(event)

    def _end(self, ended: EpisodeEnded) -> None:
        for count in self._of(ended.key):
            count.add(ended)
        if self._progress.disable:
            self._say_how_far(ended.key.contestant)
            return
        for name in (_benchmark(ended.key.task), ALL):
            said = self._counts[name].words()
            if name == ALL:
                said = ", ".join(filter(None, (said, self._speed())))
            self._progress.update(self._bars[name], completed=self._counts[name].done, said=said)

    def _say_how_far(self, contestant: str) -> None:
        now, count = time.monotonic(), self._counts[ALL]
        if self._quiet or now - self._said_at < LINE_EVERY_S:
            return
        self._said_at = now
        said = ", ".join(filter(None, (f"{count.done:,} of {self._planned:,} episodes", count.words())))
        self._console.print(Text(literal(f"{said}; now {contestant}")), soft_wrap=True)

    def _speed(self) -> str:
        now = time.monotonic()
        self._tokens = [each for each in self._tokens if now - each[0] < SPEED_WINDOW_S]
        if not self._tokens:
            return ""
        seconds = max(1.0, now - self._tokens[0][0])
        return f"{sum(tokens for _, tokens in self._tokens) / seconds:,.0f} tokens/s"

    def _add(self, name: str, total: int) -> None:
        self._counts[name] = _Count()
        self._bars[name] = self._progress.add_task(literal(name), total=total, said="")

    def _of(self, key: EpisodeKey) -> tuple[_Count, _Count]:
        return self._of_task(key.task)

    def _of_task(self, task: str) -> tuple[_Count, _Count]:
        return self._counts[_benchmark(task)], self._counts[ALL]


def _benchmark(task: str) -> str:
    return task.partition("/")[0]
