"""When has a batch said enough? Watches paired differences with intervals that allow it to stop at any time.

`arena batch --until decisive` may stop as soon as the answer is certain, because the interval is a confidence
sequence (`analysis/sequential.py`): it is right at all times at once, however often it is looked at.
"""

import random
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from analysis.sequential import ALPHA, ConfidenceSequence
from arena.records import EpisodeEnded, Event
from envs.base import Task

DECIDED = "decided"
"""Key in the details of the `Notice` by which a run records that it stopped early; its value is the sentence.
The report then gives intervals that allow for it."""

MARGIN = 0.03
"""A drop of so much progress (0..1) or less is taken for none."""


def shuffled(tasks: Sequence[Task], seed: int) -> list[Task]:
    """Return the tasks in the random order that stopping early needs; the same for the same seed."""
    by_hash = {task.hash: task for task in tasks}
    return [by_hash[task] for task in random_order(by_hash, seed)]


def random_order(tasks: Iterable[str], seed: int) -> list[str]:
    """Return tasks (by hash) in the order in which `shuffled` has them."""
    order = sorted(set(tasks))
    random.Random(seed).shuffle(order)
    return order


def stopped_early(db: sqlite3.Connection) -> str | None:
    """Return why a recorded run was stopped for what it showed; None where it was not."""
    row = db.execute(
        "SELECT json_extract(data, '$.details.' || ?) AS why FROM event"
        " WHERE kind = 'notice' AND why NOTNULL ORDER BY id DESC LIMIT 1",
        (DECIDED,),
    ).fetchone()
    return None if row is None else str(row[0])


@dataclass
class _Comparison:
    """One contestant against the baseline, task by task in the planned order."""

    sequence: ConfidenceSequence
    waiting: list[str]
    """Tasks (hashes) whose turn has not come, the next one last."""


@dataclass
class Deciding:
    """Hears how episodes end, and says when every contestant's difference to the baseline is certain enough.

    `tasks` are the hashes of the tasks in the (random) order in which they are played, see `shuffled`. One
    counts when its turn in that order has come and both sides have finished all its `repeats`; what is done
    early waits, since quick episodes are not like slow ones. A task that ends in an error is passed over.
    The mean is over tasks, each counting alike. The error probability `alpha` is shared by all contestants.

    A comparison is decided where its interval is above zero, below zero, above -`margin` (a larger drop is
    ruled out) or narrower than `margin` to each side.
    """

    baseline: str
    contestants: Sequence[str]
    tasks: Sequence[str]
    margin: float = MARGIN
    repeats: int = 1
    alpha: float = ALPHA
    _progress: dict[tuple[str, str], dict[int, float]] = field(default_factory=dict, repr=False)
    _errors: dict[tuple[str, str], set[int]] = field(default_factory=dict, repr=False)
    _comparisons: dict[str, _Comparison] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        others = [name for name in self.contestants if name != self.baseline]
        for name in others:
            sequence = ConfidenceSequence(self.alpha / len(others))
            self._comparisons[name] = _Comparison(sequence, list(reversed(self.tasks)))

    def hear(self, event: Event) -> None:
        """Take note of an ended episode; other events pass by."""
        if not isinstance(event, EpisodeEnded):
            return
        where = event.key.contestant, event.key.task_hash
        if event.status == "done":
            self._progress.setdefault(where, {})[event.key.repeat] = event.progress
            self._errors.get(where, set()).discard(event.key.repeat)
        elif event.status == "error":
            self._errors.setdefault(where, set()).add(event.key.repeat)
        for name, comparison in self._comparisons.items():
            if event.key.contestant in (self.baseline, name):
                self._go_on(name, comparison)

    @property
    def decided(self) -> str | None:
        """What is certain now, in a sentence; None as long as something is open."""
        answers = [self._answer(name) for name in self._comparisons]
        if not answers or None in answers:
            return None
        return "; ".join(answer for answer in answers if answer)

    def intervals(self) -> dict[str, tuple[float, float, int]]:
        """Return each contestant's interval of the difference in progress so far, and the tasks in it."""
        return {
            name: (*comparison.sequence.interval, comparison.sequence.count)
            for name, comparison in self._comparisons.items()
        }

    def _go_on(self, name: str, comparison: _Comparison) -> None:
        waiting = comparison.waiting
        while waiting:
            base, other = self._mean(self.baseline, waiting[-1]), self._mean(name, waiting[-1])
            if base is not None and other is not None:
                comparison.sequence.add(other - base)
            elif not any(self._errors.get((who, waiting[-1])) for who in (self.baseline, name)):
                return
            waiting.pop()

    def _mean(self, contestant: str, task: str) -> float | None:
        repeats = self._progress.get((contestant, task), {})
        return sum(repeats.values()) / len(repeats) if len(repeats) >= self.repeats else None

    def _answer(self, name: str) -> str | None:
        sequence = self._comparisons[name].sequence
        low, high = sequence.interval
        if high < 0:
            answer = f"worse by {_points(-high)} to {_points(-low)} points"
        elif low > 0:
            answer = f"better by {_points(low)} to {_points(high)} points"
        elif low > -self.margin:
            answer = f"a drop of more than {_points(self.margin)} points is ruled out"
        elif high - low < 2 * self.margin:
            answer = f"within {_points(low)} and {_points(high)} points of the baseline"
        else:
            return None
        return f"{name}: {answer} ({sequence.count} tasks)"


def _points(rate: float) -> str:
    return f"{100 * rate:.1f}".removesuffix(".0")
