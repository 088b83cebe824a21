import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.streams import MAX_BINS, AtPositions, Histogram, Means, by_depth, depth_label

FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False)
CHUNKS = st.lists(st.lists(FLOATS, max_size=6), min_size=1, max_size=6)


@given(CHUNKS)
@settings(max_examples=60)
def test_a_mean_in_chunks_is_the_mean_at_once(chunks: list[list[float]]):
    means = Means()
    for chunk in chunks:
        means.add("x", chunk)
    values = np.concatenate([np.asarray(chunk, dtype=float) for chunk in chunks])
    found = means.mean("x")
    assert found.count == len(values)
    if len(values):
        assert found.value == pytest.approx(values.mean(), abs=1e-6)
    if len(values) > 1:
        assert found.error == pytest.approx(values.std(ddof=1) / math.sqrt(len(values)), rel=1e-6, abs=1e-6)


def test_what_is_not_a_number_is_not_counted():
    means = Means()
    means.add("x", [1.0, math.nan, 3.0])
    means.add("y", [math.nan])
    assert (means.mean("x").value, means.mean("x").count) == (2.0, 2)
    assert means.labels() == ["x"]
    assert math.isnan(means.mean("y").value)


def test_small_differences_on_a_large_mean_survive():
    means = Means()
    for chunk in np.split(1e9 + np.arange(1000) % 2, 10):
        means.add("x", chunk)
    assert means.mean("x").error == pytest.approx(0.5 / math.sqrt(999), rel=1e-3)


@pytest.mark.parametrize(
    ("position", "label"), [(0, "0"), (1, "1"), (2, "2-3"), (3, "2-3"), (4, "4-7"), (255, "128-255")]
)
def test_depths_fall_into_bins_that_double(position: int, label: str):
    assert depth_label(position) == label


def test_every_position_is_in_one_bin_and_shallow_ones_come_first():
    bins = by_depth(np.arange(40))
    assert list(bins) == ["0", "1", "2-3", "4-7", "8-15", "16-31", "32-63"]
    assert (sum(each.astype(int) for each in bins.values()) == 1).all()
    assert [int(each.sum()) for each in bins.values()] == [1, 1, 2, 4, 8, 16, 8]


@given(CHUNKS)
@settings(max_examples=60)
def test_a_histogram_in_chunks_counts_what_numpy_counts(chunks: list[list[float]]):
    histogram = Histogram(width=64.0)
    for chunk in chunks:
        histogram.add(chunk)
    values = np.concatenate([np.asarray(chunk, dtype=float) for chunk in chunks])
    assert histogram.counts.sum() == len(values)
    assert histogram.counts.size <= MAX_BINS
    if len(values):
        # numpy closes the last bin on both sides, ours are all half-open
        edges = np.append(histogram.edges, np.inf)
        assert histogram.counts.tolist() == np.histogram(values, edges)[0][:-1].tolist()


def test_a_histogram_stays_small_whatever_the_values():
    histogram = Histogram()
    histogram.add(np.linspace(-10, 10, 1001))
    histogram.add([1e30, -1e30])
    assert histogram.counts.size <= MAX_BINS
    assert histogram.counts.sum() == 1003
    assert histogram.edges[0] <= -1e30
    assert histogram.edges[-1] >= 1e30


def test_a_histogram_refuses_what_is_not_finite():
    with pytest.raises(ValueError, match="not finite"):
        Histogram().add([math.inf])


def test_values_at_positions_are_kept_one_a_sequence():
    kept = AtPositions([1, 4, 99])
    kept.add(np.arange(3), [0.0, 0.1, 0.2])
    kept.add(np.arange(3, 6), [0.3, 0.4, 0.5])
    kept.add(np.arange(3), [1.0, 1.1, 1.2])
    assert kept.values() == {1: [0.1, 1.1], 4: [0.4]}
