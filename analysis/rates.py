"""Rates of yes and no: intervals that hold where a rate is 0 or 1, and whether two paired rates differ."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from analysis.significance import CONFIDENCE, PairedDifference


def wilson_interval(rate: float, count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Wilson's score interval of a rate (0..1) that was seen in `count` independent trials.

    Also fit for a mean of scores in 0..1, where it is too wide rather than too narrow: no such score varies
    more than a coin of the same mean. Source: Wilson 1927; recommended by Brown, Cai & DasGupta 2001.
    Raises `ValueError` without trials.
    """
    if count < 1 or not 0 <= rate <= 1:
        raise ValueError(f"a rate in 0..1 of at least one trial is needed: {rate} of {count}")
    z2 = stats.norm.isf((1 - confidence) / 2) ** 2
    centre = (rate + z2 / (2 * count)) / (1 + z2 / count)
    reach = np.sqrt(z2 * (rate * (1 - rate) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return max(0.0, float(centre - reach)), min(1.0, float(centre + reach))


@dataclass(frozen=True)
class PairedOutcomes:
    """Tasks by who solved them: both, the first alone (`lost`), the second alone (`gained`), neither."""

    both: int
    lost: int
    gained: int
    neither: int

    @property
    def pairs(self) -> int:
        """How many tasks there are."""
        return self.both + self.lost + self.gained + self.neither

    @property
    def odds_ratio(self) -> float | None:
        """Gained / lost, the conditional odds ratio of matched pairs; None where nothing was lost."""
        return self.gained / self.lost if self.lost else None


def paired_outcomes(base: ArrayLike, other: ArrayLike) -> PairedOutcomes:
    """Count paired outcomes; both are 1-d arrays of 0 and 1 of equal length, one a task.

    Raises `ValueError` where they differ in length, are empty, or hold anything else.
    """
    first, second = np.asarray(base, dtype=float), np.asarray(other, dtype=float)
    if first.shape != second.shape or first.ndim != 1 or first.size == 0:
        raise ValueError(f"paired outcomes need equal, non-zero length: {first.shape} and {second.shape}")
    if not np.isin([first, second], (0, 1)).all():
        raise ValueError("outcomes are 0 or 1")
    return PairedOutcomes(
        both=int(np.sum((first == 1) & (second == 1))),
        lost=int(np.sum((first == 1) & (second == 0))),
        gained=int(np.sum((first == 0) & (second == 1))),
        neither=int(np.sum((first == 0) & (second == 0))),
    )


def paired_rates(outcomes: PairedOutcomes) -> PairedDifference:
    """Compare two success rates on the same tasks (second - first).

    The interval is Tango's, which inverts the score test and neither degenerates nor grows too narrow where
    few or no tasks differ; the bootstrap does both. The p-value is McNemar's exact one.
    """
    lost, gained, pairs = outcomes.lost, outcomes.gained, outcomes.pairs
    delta = (gained - lost) / pairs
    low, high = tango_interval(lost, gained, pairs)
    sd = np.sqrt(max(0.0, (lost + gained) / pairs - delta**2) * pairs / max(1, pairs - 1))
    return PairedDifference(delta, low, high, mcnemar_p(lost, gained), pairs, float(sd))


def mcnemar_p(lost: int, gained: int) -> float:
    """Return the exact two-sided p-value of McNemar's test: a fair coin for each task that only one solved.

    Source: McNemar 1947; exact binomial form, as in Fagerland, Lydersen & Laake 2013.
    """
    if lost + gained == 0:
        return 1.0
    return float(stats.binomtest(lost, lost + gained, 0.5).pvalue)


def tango_interval(lost: int, gained: int, pairs: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the score interval of a difference of paired rates, (gained - lost) / pairs.

    Source: Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design"; recommended by Fagerland, Lydersen & Laake 2014.
    """
    z = stats.norm.isf((1 - confidence) / 2)

    def excess(difference: float, sign: int) -> float:
        return _score(difference, lost, gained, pairs) - sign * z

    delta = (gained - lost) / pairs
    edge = 1 - 1e-12
    low = -1.0 if excess(-edge, 1) < 0 else optimize.brentq(excess, -edge, delta, args=(1,))
    high = 1.0 if excess(edge, -1) > 0 else optimize.brentq(excess, delta, edge, args=(-1,))
    return float(low), float(high)


def _score(difference: float, lost: int, gained: int, pairs: int) -> float:
    """Return the score statistic of the hypothesis that the true difference is `difference`."""
    surplus = gained - lost - pairs * difference
    if surplus == 0:
        return 0.0
    # the likeliest share of tasks lost under the hypothesis solves a quadratic equation
    linear = (2 * pairs - gained + lost) * difference - gained - lost
    constant = -lost * difference * (1 - difference)
    share = (np.sqrt(max(0.0, linear**2 - 8 * pairs * constant)) - linear) / (4 * pairs)
    variance = pairs * (2 * share + difference * (1 - difference))
    return float(surplus / np.sqrt(variance)) if variance > 0 else float(np.copysign(np.inf, surplus))
