"""Do two paired sets of scores differ? Deltas with intervals and p-values; arrays in, numbers out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 9999


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference (other - base) with its confidence interval and two-sided p-value; `pairs` counted."""

    delta: float
    low: float
    high: float
    p: float
    pairs: int


def paired_difference(base: ArrayLike, other: ArrayLike, seed: int = 0) -> PairedDifference:
    """Compare two contestants on the same tasks.

    `base` and `other` are 1-d arrays of equal length, one score in 0..1 a task, in the same order. The
    interval is a percentile bootstrap over tasks (Efron & Tibshirani 1993, ch. 13), the p-value a sign-flip
    permutation test of the mean difference (exact where 2^n is small). Where all differences are equal the
    bootstrap degenerates to a point; the interval is then widened by the share of differing tasks that n
    tasks without one can't rule out (Clopper & Pearson 1934: 1 - (alpha/2)^(1/n)).

    Raises `ValueError` where the lengths differ or nothing is paired.
    """
    first, second = np.asarray(base, dtype=float), np.asarray(other, dtype=float)
    if first.shape != second.shape or first.ndim != 1 or first.size == 0:
        raise ValueError(f"paired scores need equal, non-zero length: {first.shape} and {second.shape}")
    differences = second - first
    delta, count = float(differences.mean()), differences.size
    if np.ptp(differences) == 0:
        unseen = 1 - ((1 - CONFIDENCE) / 2) ** (1 / count)
        p = 1.0 if delta == 0 else min(1.0, 2 * 0.5**count)
        return PairedDifference(delta, max(-1.0, delta - unseen), min(1.0, delta + unseen), p, count)
    rng = np.random.default_rng(seed)
    low, high = stats.bootstrap(
        (differences,),
        np.mean,
        confidence_level=CONFIDENCE,
        method="percentile",
        n_resamples=RESAMPLES,
        rng=rng,
    ).confidence_interval
    test = stats.permutation_test(
        (first, second),
        lambda x, y, axis: np.mean(y - x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=rng,
    )
    return PairedDifference(delta, float(low), float(high), float(test.pvalue), count)
