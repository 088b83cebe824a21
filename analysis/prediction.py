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
    """Spearman's rho with its 95 % interval; `rho` is NaN where one side has one value only."""

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


def rank_interval(rho: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a Spearman's rho over `count` (at least 4) cases.

    Fisher's z with the variance of Fieller, Hartley & Pearson (1957). Ranks move in steps: |rho| is taken
    half a step nearer to 0, as is done for counts, so that a perfect order of a few is no proof. The interval
    excludes 0 where the exact test does (two-sided, 5 %), as compared for 4 to 7 cases.
    """
    half_step = 6 / (count * (count**2 - 1))
    z = math.copysign(math.atanh(max(0.0, abs(rho) - half_step)), rho)
    spread = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * math.sqrt(1.06 / (count - 3))
    return max(-1.0, math.tanh(z - spread)), min(1.0, math.tanh(z + spread))


def rank_correlation(metric: ArrayLike, drops: ArrayLike, seed: int = 0) -> RankCorrelation:
    """Correlate a metric with the drop of a score over contestants.

    `metric` is [contestants]; `drops` is [contestants, tasks]: the baseline's score less the contestant's, on
    tasks that all have played. The drop of a contestant is its mean over tasks. The interval is a percentile
    bootstrap that draws both anew, tasks (for all contestants alike, since they are paired) and contestants;
    drawings in which one side has one value only say nothing and are drawn again. It is never narrower than
    `rank_interval`: of a perfect order of a few, every drawing is a perfect order as well.

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
    low, high = rank_interval(rho, len(values))
    if drawn.size:
        ends = np.quantile(drawn, [tail, 1 - tail])
        low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    return RankCorrelation(rho, low, high, len(values))


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
