"""The ladder across tasks: how often each contestant did better or worse than the baseline, and the interval.

The interval of the mean difference of progress rates is a confidence sequence (`analysis.sequential`): it
holds at every moment, however often one looks at it while the series goes on.
"""

from dataclasses import dataclass, field

import numpy as np

from analysis.sequential import ConfidenceSequence
from tui.card import RunCard

SAME = 1e-9
"""Progress rates that differ by less are a tie."""

GRID = np.linspace(-1, 1, 401)
"""Means that are tried: half a point apart, which is what is shown, and quick."""

MOST_TASKS_AT_ONCE = 100
"""So many differences are taken in at one time, so that the screen is never kept waiting."""


@dataclass
class Rung:
    """How a contestant stands against the baseline: matches won, lost and tied, and the interval so far."""

    won: int = 0
    lost: int = 0
    tied: int = 0
    sequence: ConfidenceSequence = field(default_factory=lambda: ConfidenceSequence(means=GRID))
    next_task: int = 0

    @property
    def matches(self) -> int:
        """How many matches both have finished."""
        return self.won + self.lost + self.tied


class Ladder:
    """Takes in how episodes end; `catch_up` brings the intervals up to that.

    Differences enter an interval task by task as they were planned, each when all repeats of its task are
    over: what is over first is often what was easy. An episode that failed and is played later counts among
    the matches, but no more in the interval.
    """

    def __init__(self, card: RunCard) -> None:
        self.rungs = {name: Rung() for name in card.names[1:]}
        self._baseline = card.baseline
        self._rates: dict[tuple[int, str], float | None] = {}  # None: the episode failed, and is owed
        self._tasks: list[list[int]] = []  # the matches of each task
        places: dict[str, int] = {}
        for place, match in enumerate(card.matches):
            task = places.setdefault(match.task_hash, len(places))
            if task == len(self._tasks):
                self._tasks.append([])
            self._tasks[task].append(place)

    def fails(self, place: int, contestant: str) -> None:
        """An episode failed for reasons that are not the contestant's."""
        self._rates.setdefault((place, contestant), None)

    def ends(self, place: int, contestant: str, rate: float) -> None:
        """An episode is scored: its progress rate (0..1)."""
        if self._rates.get((place, contestant)) is not None:
            return
        self._rates[place, contestant] = rate
        names = self.rungs if contestant == self._baseline else [contestant]
        for name in names:
            difference = self._difference(place, name)
            if difference is None:
                continue
            rung = self.rungs[name]
            rung.won += difference > SAME
            rung.lost += difference < -SAME
            rung.tied += abs(difference) <= SAME

    def result(self, place: int, contestant: str) -> float | None:
        """Return by how much a contestant was better than the baseline in a match; None before both end."""
        return self._difference(place, contestant) if contestant in self.rungs else None

    def catch_up(self) -> bool:
        """Take further tasks into the intervals; False where there is nothing to take in."""
        moved = False
        for name, rung in self.rungs.items():
            for _ in range(MOST_TASKS_AT_ONCE):
                if rung.next_task >= len(self._tasks) or not self._is_over(rung.next_task, name):
                    break
                self._take_in(rung, name)
                moved = True
        return moved

    def _take_in(self, rung: Rung, name: str) -> None:
        places = self._tasks[rung.next_task]
        both = [each for place in places if (each := self._difference(place, name)) is not None]
        rung.next_task += 1
        if both:
            rung.sequence.add(min(max(sum(both) / len(both), -1.0), 1.0))

    def _is_over(self, task: int, name: str) -> bool:
        return all(
            (place, who) in self._rates for place in self._tasks[task] for who in (name, self._baseline)
        )

    def _difference(self, place: int, name: str) -> float | None:
        own, base = self._rates.get((place, name)), self._rates.get((place, self._baseline))
        return None if own is None or base is None else own - base
