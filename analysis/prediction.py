"""Does a cheap metric predict what compression costs? Rank correlations over contestants, with intervals."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.significance import CONFIDENCE

FEWEST_CONTESTANTS = 4
"""With fewer, every order of ranks is common by chance (3 have a rho of 1 in one of six cases)."""
RESAMPLES = 2000
_DECIMALS = 12
"""Means are equal where they differ by rounding only."""


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho with its bootstrap interval; `rho` is NaN where one side has one value only."""

    rho: float
    low: float
    high: float
    contestants: int


def spearman(first: ArrayLike, second: ArrayLike) -> float:
    """Return Spearman's rho of two arrays of one length; NaN where one of them has one value only."""
    one, two = stats.rankdata(first), stats.rankdata(second)
    one, two = one - one.mean(), two - two.mean()
    spread = math.sqrt(float((one**2).sum() * (two**2).sum()))
    return float((one * two).sum() / spread) if spread > 0 else math.nan


def rank_correlation(metric: ArrayLike, drops: ArrayLike, seed: int = 0) -> RankCorrelation:
    """Correlate a metric with the drop of a score over contestants.

    `metric` is [contestants]; `drops` is [contestants, tasks]: the baseline's score less the contestant's, on
    tasks that all have played. The drop of a contestant is its mean over tasks. The interval is a percentile
    bootstrap that draws both anew, tasks (for all contestants alike, since they are paired) and contestants;
    drawings in which one side has one value only say nothing and are drawn again.

    Raises `ValueError` where the shapes don't fit, numbers are not finite, or contestants are fewer than
    `FEWEST_CONTESTANTS`.
    """
    values, table = np.asarray(metric, dtype=float), np.asarray(drops, dtype=float)
    if table.ndim != 2 or values.shape != table.shape[:1] or table.shape[1] == 0:
        raise ValueError(f"a metric {values.shape} does not fit drops {table.shape}")
    if len(values) < FEWEST_CONTESTANTS:
        raise ValueError(f"{len(values)} contestants are too few: {FEWEST_CONTESTANTS} at least")
    if not (np.isfinite(values).all() and np.isfinite(table).all()):
        raise ValueError("a rank correlation needs finite numbers")
    rho = spearman(values, np.round(table.mean(axis=1), _DECIMALS))
    if math.isnan(rho):
        return RankCorrelation(rho, math.nan, math.nan, len(values))
    drawn = _drawings(values, table, np.random.default_rng(seed))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]) if drawn.size else (math.nan, math.nan)
    return RankCorrelation(rho, float(low), float(high), len(values))


def _drawings(
    values: NDArray[np.float64], table: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    contestants, tasks = table.shape
    who = rng.integers(contestants, size=(2 * RESAMPLES, contestants))
    # how often each task is drawn, shared by all contestants of a drawing
    often = rng.multinomial(tasks, np.full(tasks, 1 / tasks), size=2 * RESAMPLES)
    means = np.take_along_axis(np.round(often @ table.T / tasks, _DECIMALS), who, axis=1)
    one, two = stats.rankdata(values[who], axis=1), stats.rankdata(means, axis=1)
    one, two = one - one.mean(axis=1, keepdims=True), two - two.mean(axis=1, keepdims=True)
    spread = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
    telling = spread > 0
    return ((one * two).sum(axis=1)[telling] / spread[telling])[:RESAMPLES]
