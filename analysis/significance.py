"""Do two paired sets of scores differ? Deltas with intervals and p-values; arrays in, numbers out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.95
Z_ALPHA = float(stats.norm.isf((1 - CONFIDENCE) / 2))
RESAMPLES = 9999

MOST_FLIPPED = 13
"""Up to so many differing tasks all sign patterns are tried; beyond, `RESAMPLES` random ones."""
FEW_DIFFERING = 5
"""With fewer tasks that differ from the rest, resampling them tells too little of what was not seen."""
DIFFERS = 0.01
"""Tasks that lie no further apart are taken as alike: none of them tells how much another may lose."""
MOST_RESAMPLED = 2000
"""Beyond so many tasks a mean is as good as normal, and resampling would only take long."""
_BATCH = 4_000_000

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference (other - base) with its confidence interval and two-sided p-value; `pairs` counted.

    `sd` is the standard deviation of a task's difference, so that the standard error is sd / sqrt(pairs).
    `widened`: the interval is wider than what was seen, for what was not.
    """

    delta: float
    low: float
    high: float
    p: float
    pairs: int
    sd: float = 0.0
    widened: bool = False

    @property
    def dz(self) -> float | None:
        """Cohen's d of paired scores, the mean difference in standard deviations; None where that is 0."""
        return self.delta / self.sd if self.sd > 0 else None


def paired_difference(base: ArrayLike, other: ArrayLike, seed: int = 0) -> PairedDifference:
    """Compare two contestants on the same tasks.

    `base` and `other` are 1-d arrays of equal length, one score in 0..1 a task, in the same order. The
    interval is a percentile bootstrap over tasks, its quantiles widened for small numbers of tasks
    (Hesterberg 2015, "What teachers should know about the bootstrap", section 3.2), the p-value a sign-flip
    permutation test of the mean difference (exact where few tasks differ). Where fewer than `FEW_DIFFERING`
    tasks differ from the rest (by more than `DIFFERS`), the bootstrap sees too little (with none it is a
    point); the interval then is at least as wide as the share of differing tasks that n tasks without one
    can't rule out (Clopper & Pearson 1934: 1 - (alpha/2)^(1/n)).

    Raises `ValueError` where the lengths differ or nothing is paired.
    """
    return macro_difference([(base, other)], seed)


def macro_difference(groups: Sequence[tuple[ArrayLike, ArrayLike]], seed: int = 0) -> PairedDifference:
    """Compare two contestants over several groups of tasks, each group weighing the same.

    `groups` holds (base, other) as for `paired_difference`. Tasks are resampled within their group. What the
    groups with few differing tasks can't rule out (see there) beyond their own spread is added to the
    interval, in quadrature. A group of one task has no spread at all: where there is one, the interval is at
    least as wide as the spread of all tasks makes it.
    """
    differences = [_differences(base, other) for base, other in groups]
    if not differences:
        raise ValueError("paired scores need at least one group")
    pooled = np.concatenate(differences)
    weights = np.concatenate([np.full(each.size, 1 / (len(groups) * each.size)) for each in differences])
    delta, count = float(np.mean([each.mean() for each in differences])), pooled.size
    rng = np.random.default_rng(seed)
    sd = _deviation(differences, pooled)
    reach = Z_ALPHA * sd / np.sqrt(count)
    if count > MOST_RESAMPLED:
        low, high = delta - reach, delta + reach
    else:
        low, high = _bootstrap(differences, rng)
    few = _differing(pooled) < FEW_DIFFERING
    unseen = _unseen([each.size for each in differences]) if few else _unseen_beside(differences)
    if few:
        low, high = min(low, delta - unseen), max(high, delta + unseen)
    elif unseen:
        low, high = delta - np.hypot(delta - low, unseen), delta + np.hypot(high - delta, unseen)
    if min(each.size for each in differences) == 1:
        low, high = min(low, delta - reach), max(high, delta + reach)
    return PairedDifference(
        delta=delta,
        low=max(-1.0, float(low)),
        high=min(1.0, float(high)),
        p=sign_flip_p(pooled * weights, rng),
        pairs=count,
        sd=sd,
        widened=unseen > 0,
    )


def sign_flip_p(differences: ArrayLike, rng: np.random.Generator | None = None) -> float:
    """Return the two-sided p-value of the sum of paired differences, of any unit, being other than 0.

    Under the hypothesis that the two sides are the same, each difference could as well have the other sign.
    Source: Fisher 1935; Phipson & Smyth 2010 for the random patterns' p-value.
    """
    values = np.asarray(differences, dtype=float)
    values = values[values != 0]
    if values.size == 0:
        return 1.0
    observed = abs(values.sum()) - 1e-9 * np.abs(values).sum()
    if values.size <= MOST_FLIPPED:
        patterns = np.arange(2**values.size)[:, None] >> np.arange(values.size) & 1
        return float(np.mean(np.abs((2 * patterns - 1) @ values) >= observed))
    if values.size > MOST_RESAMPLED:
        return float(2 * stats.norm.sf(observed / np.sqrt(np.sum(values**2))))
    rng = rng or np.random.default_rng(0)
    extreme = 0
    for size in _batches(values.size):
        signs = 2.0 * rng.integers(0, 2, (size, values.size), dtype=np.int8) - 1
        extreme += int(np.sum(np.abs(signs @ values) >= observed))
    return (extreme + 1) / (RESAMPLES + 1)


def rank_biserial(base: ArrayLike, other: ArrayLike) -> float | None:
    """Return the matched-pairs rank-biserial correlation, in [-1, 1]; None where no task differs.

    1: the second side is better on every task that differs; -1: worse on every one. The effect size of
    Wilcoxon's signed-rank test. Source: Kerby 2014.
    """
    differences = _differences(base, other)
    differences = differences[differences != 0]
    if differences.size == 0:
        return None
    ranks = stats.rankdata(np.abs(differences))
    return float(np.sum(np.sign(differences) * ranks) / ranks.sum())


def _differences(base: ArrayLike, other: ArrayLike) -> Array:
    first, second = np.asarray(base, dtype=float), np.asarray(other, dtype=float)
    if first.shape != second.shape or first.ndim != 1 or first.size == 0:
        raise ValueError(f"paired scores need equal, non-zero length: {first.shape} and {second.shape}")
    return np.round(second - first, 12)  # 0.3 - 0.1 and 0.4 - 0.2 are the same difference


def _bootstrap(groups: Sequence[Array], rng: np.random.Generator) -> tuple[float, float]:
    count = sum(group.size for group in groups)
    means = np.zeros(RESAMPLES)
    for group in groups:
        drawn = [
            group[rng.integers(0, group.size, (size, group.size))].mean(axis=1)
            for size in _batches(group.size)
        ]
        means += np.concatenate(drawn) / len(groups)
    freedom = count - len(groups)
    if freedom < 1:
        return float(means.min()), float(means.max())
    reach = np.sqrt(count / freedom) * stats.t.isf((1 - CONFIDENCE) / 2, freedom)
    low, high = np.quantile(means, [stats.norm.cdf(-reach), stats.norm.cdf(reach)])
    return float(low), float(high)


def _batches(columns: int) -> list[int]:
    """Split `RESAMPLES` rows of so many columns into batches that fit in memory."""
    rows = max(1, _BATCH // columns)
    return [min(rows, RESAMPLES - start) for start in range(0, RESAMPLES, rows)]


def _differing(differences: Array) -> int:
    """Return how many tasks are left where the most that lie within `DIFFERS` of each other are taken out."""
    values = np.sort(differences)
    alike = np.searchsorted(values, values + DIFFERS, side="right") - np.arange(values.size)
    return int(values.size - alike.max())


def _unseen(sizes: Sequence[int]) -> float:
    """Return the largest mean share of differing tasks that can't be ruled out where none was seen.

    Either the same share everywhere, or all of it in the smallest group.
    """
    alpha = (1 - CONFIDENCE) / 2
    return max(1 - alpha ** (1 / sum(sizes)), (1 - alpha ** (1 / min(sizes))) / len(sizes))


def _unseen_beside(groups: Sequence[Array]) -> float:
    """Return what the groups with few differing tasks can't rule out beyond their own spread, in quadrature.

    As a part of the mean over all groups. Resampling gives such a group next to no spread, however few its
    tasks.
    """
    if len(groups) == 1:
        return 0.0
    beyond = 0.0
    for group in groups:
        if _differing(group) < FEW_DIFFERING:
            spread = Z_ALPHA * group.std(ddof=1 if group.size > 1 else 0)
            beyond += max(0.0, _unseen([group.size]) ** 2 - spread**2 / group.size)
    return float(np.sqrt(beyond) / len(groups))


def _deviation(groups: Sequence[Array], pooled: Array) -> float:
    """Return the deviation of one task that gives the mean over groups its standard error."""
    if pooled.size < 2:
        return 0.0
    # a group of one task borrows the spread of all
    variances = [(group if group.size > 1 else pooled).var(ddof=1) / group.size for group in groups]
    return float(np.sqrt(sum(variances) * pooled.size) / len(groups))
