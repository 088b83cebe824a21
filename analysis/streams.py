"""Numbers of endless streams, added chunk by chunk: means by label, histograms, values at positions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_BINS = 2048
_BIN_WIDTH = 0.25


@dataclass(frozen=True)
class Mean:
    """A mean, its standard error (as if values were independent), and how many values it is of."""

    value: float
    error: float
    count: int


class Means:
    """Mean and standard error of values under labels; NaN is not counted. Memory: three numbers a label."""

    def __init__(self) -> None:
        self._moments: dict[str, tuple[int, float, float]] = {}

    def add(self, label: str, values: ArrayLike) -> None:
        """Count values under a label."""
        array = np.asarray(values, dtype=float).ravel()
        array = array[~np.isnan(array)]
        if array.size == 0:
            return
        count, mean, squares = self._moments.get(label, (0, 0.0, 0.0))
        # Chan, Golub & LeVeque 1983: moments of two parts give those of the whole, without cancellation
        part_mean = float(array.mean())
        part_squares = float(((array - part_mean) ** 2).sum())
        total = count + array.size
        apart = part_mean - mean
        self._moments[label] = (
            total,
            mean + apart * array.size / total,
            squares + part_squares + apart**2 * count * array.size / total,
        )

    def labels(self) -> list[str]:
        """Return the labels, in the order in which they came."""
        return list(self._moments)

    def mean(self, label: str) -> Mean:
        """Return what is known of a label; NaN where it has no values, or too few for an error."""
        count, mean, squares = self._moments.get(label, (0, math.nan, 0.0))
        error = math.sqrt(squares / (count - 1) / count) if count > 1 else math.nan
        return Mean(mean, error, count)


def depth_label(position: int) -> str:
    """Return the bin of a depth in the context: 0, 1, 2-3, 4-7, 8-15, … tokens before this one."""
    low = 1 << position.bit_length() - 1 if position else 0
    return str(position) if position < 2 else f"{low}-{2 * low - 1}"


def by_depth(positions: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """Return which of the positions lie in which bin of depth (`depth_label`), shallow first."""
    bins = np.frexp(positions.astype(float))[1]  # the bit length
    return {depth_label(int(positions[bins == each][0])): bins == each for each in np.unique(bins)}


@dataclass
class Histogram:
    """Counts of values in bins of equal width, over a range that grows with the values.

    Bins begin at multiples of their width. When more than `MAX_BINS` would be needed, neighbours are merged
    until they are few enough: memory is bounded whatever the values.
    """

    width: float = _BIN_WIDTH
    _first: int = field(default=0, init=False)
    _counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64), init=False)

    def add(self, values: ArrayLike) -> None:
        """Count values. Raises `ValueError` where they are not finite."""
        array = np.asarray(values, dtype=float).ravel()
        if array.size == 0:
            return
        if not np.isfinite(array).all():
            raise ValueError("a histogram can't hold numbers that are not finite")
        while self._span(array) > MAX_BINS:
            self._double_width()
        bins = np.floor(array / self.width).astype(np.int64)
        low, high = int(bins.min()), int(bins.max()) + 1
        if self._counts.size:
            low, high = min(low, self._first), max(high, self._first + self._counts.size)
        counts = np.zeros(high - low, dtype=np.int64)
        start = self._first - low
        if self._counts.size:
            counts[start : start + self._counts.size] = self._counts
        self._counts = counts + np.bincount(bins - low, minlength=high - low)
        self._first = low

    @property
    def counts(self) -> NDArray[np.int64]:
        """The counts, one a bin."""
        return self._counts

    @property
    def edges(self) -> NDArray[np.float64]:
        """The bins' edges, one more than there are bins; empty before the first value."""
        size = self._counts.size
        return np.asarray(self.width * (self._first + np.arange(size + 1 if size else 0)), dtype=np.float64)

    def _span(self, array: NDArray[np.float64]) -> float:
        low, high = math.floor(array.min() / self.width), math.floor(array.max() / self.width) + 1
        if self._counts.size:
            low, high = min(low, self._first), max(high, self._first + self._counts.size)
        return high - low

    def _double_width(self) -> None:
        size, first = self._counts.size, self._first
        self.width *= 2
        if not size:
            return
        bins = (first + np.arange(size)) // 2
        self._first = int(bins[0])
        self._counts = np.bincount(bins - bins[0], weights=self._counts).astype(np.int64)


class AtPositions:
    """Values at a few chosen positions of many sequences: all of them are kept, one a sequence."""

    def __init__(self, positions: Sequence[int]) -> None:
        self._values: dict[int, list[float]] = {position: [] for position in positions}

    def add(self, positions: NDArray[np.int64], values: ArrayLike) -> None:
        """Keep those of a sequence's values, at these positions, whose position was chosen."""
        array = np.asarray(values, dtype=float)
        for position, kept in self._values.items():
            kept += array[positions == position].tolist()

    def values(self) -> dict[int, list[float]]:
        """Return the values by position; positions that no sequence reached are left out."""
        return {position: kept for position, kept in self._values.items() if kept}
