"""Confidence sequences: intervals for a mean difference that stay honest however often one looks at them.

A 95 % interval that is drawn again after every task, until it says something, is wrong far more often than 1
time in 20. A confidence sequence is right at all times at once with 95 % probability, so that a comparison
may stop as soon as it says enough. Source: Waudby-Smith & Ramdas, "Estimating means of bounded random
variables by betting", JRSS B 86 (2024), section 4: the hedged capital process with predictable plug-in bets.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.significance import PairedDifference

ALPHA = 0.05
MOST_OF_CAPITAL = 0.5
"""The largest bet, as a share of what would ruin the bettor (the paper's c)."""
GRID_POINTS = 2001
"""Means tried in [-1, 1]: the ends of the interval are told to 0.001."""


class ConfidenceSequence:
    """An interval for the mean of paired differences in [-1, 1], valid after every one of them.

    Each candidate mean is defended by two bettors who gain where the differences are larger, or smaller, than
    it says. A mean on which one of them multiplies their stake by 2 / `alpha` is excluded, for good: under
    the true mean that happens with probability `alpha` at most at any time (Ville's inequality). Needs the
    differences in an order that their values don't shape: tasks in random order, and each where it was
    planned, not when it was over (long episodes differ from short ones).

    `means` are the candidates (default: a grid over [-1, 1]). With `runs`, so many sequences are followed at
    once, as simulations want: `add` takes one difference a run, and `log_evidence` has a row a run.
    """

    def __init__(self, alpha: float = ALPHA, means: ArrayLike | None = None, runs: int | None = None) -> None:
        grid = np.linspace(-1, 1, GRID_POINTS) if means is None else np.asarray(means, dtype=float)
        self._alpha = alpha
        self._means = (grid + 1) / 2  # differences in [-1, 1] are played as outcomes in [0, 1]
        shape = () if runs is None else (runs,)
        self._count = 0
        self._sum = np.zeros(shape)
        self._squares = np.zeros(shape)
        self._up = np.zeros((*shape, grid.size))
        self._down = np.zeros((*shape, grid.size))
        self._best = np.full((*shape, grid.size), -np.inf)

    @property
    def count(self) -> int:
        """How many differences were seen."""
        return self._count

    @property
    def mean(self) -> float:
        """The mean difference so far (0 before the first)."""
        return float(2 * self._sum / self._count - 1) if self._count else 0.0

    def add(self, difference: ArrayLike) -> None:
        """See the next difference, in [-1, 1] (one a run). Raises `ValueError` where it is outside."""
        values = np.asarray(difference, dtype=float)
        if not np.all(np.abs(values) <= 1):
            raise ValueError(f"differences lie in [-1, 1]: {values}")
        outcome = (values + 1) / 2
        bet = self._bet()[..., None]
        with np.errstate(divide="ignore"):  # who can't be ruined may bet any sum
            up = np.minimum(bet, MOST_OF_CAPITAL / self._means)
            down = np.minimum(bet, MOST_OF_CAPITAL / (1 - self._means))
        surplus = outcome[..., None] - self._means
        self._up += np.log1p(up * surplus)
        self._down += np.log1p(-down * surplus)
        # each bettor has half of the stake, hence log 2
        np.maximum(self._best, np.maximum(self._up, self._down) - np.log(2), out=self._best)
        self._count += 1
        self._sum = self._sum + outcome
        centre = (0.5 + self._sum) / (self._count + 1)
        self._squares = self._squares + (outcome - centre) ** 2

    @property
    def interval(self) -> tuple[float, float]:
        """The means that are not excluded, out to the nearest excluded ones on the grid."""
        kept = np.flatnonzero(self.log_evidence < np.log(1 / self._alpha))
        if kept.size == 0:  # an improbable sequence has excluded all
            return self.mean, self.mean
        low, high = max(kept[0] - 1, 0), min(kept[-1] + 1, self._means.size - 1)
        return 2 * float(self._means[low]) - 1, 2 * float(self._means[high]) - 1

    @property
    def log_evidence(self) -> NDArray[np.float64]:
        """Log of the largest capital won against each mean so far; its inverse is an anytime p-value."""
        return self._best

    def _bet(self) -> NDArray[np.float64]:
        """The plug-in bet for the next outcome, from those seen (eq. 26: empirical variance, shrinking)."""
        now = self._count + 1
        variance = (0.25 + self._squares) / now
        return np.sqrt(2 * np.log(2 / self._alpha) / (variance * now * np.log(1 + now)))


def anytime_difference(base: ArrayLike, other: ArrayLike) -> PairedDifference:
    """Compare two contestants on the same tasks where it may have been stopped for what it showed.

    `base` and `other` are as for `paired_difference`, in the (random) order in which the tasks were planned.
    The interval is the confidence sequence's; the p-value the inverse of what was won against a difference of
    0 (Ville 1939). Raises `ValueError` where the lengths differ or nothing is paired.
    """
    first, second = np.asarray(base, dtype=float), np.asarray(other, dtype=float)
    if first.shape != second.shape or first.ndim != 1 or first.size == 0:
        raise ValueError(f"paired scores need equal, non-zero length: {first.shape} and {second.shape}")
    differences = second - first
    sequence = ConfidenceSequence()
    for difference in differences:
        sequence.add(np.clip(difference, -1, 1))
    low, high = sequence.interval
    evidence = sequence.log_evidence[GRID_POINTS // 2]
    return PairedDifference(
        delta=float(differences.mean()),
        low=low,
        high=high,
        p=float(min(1.0, np.exp(-evidence))),
        pairs=differences.size,
        sd=float(differences.std(ddof=1)) if differences.size > 1 else 0.0,
    )
