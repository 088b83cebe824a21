"""Masks: exactly as many zeros as asked for, and the right ones."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compress.pruning import has_pattern, lowest_of_layer, lowest_of_neighbours, lowest_of_rows


def scores(rows: int, width: int, seed: int) -> torch.Tensor:
    # few different values, so that many are equal
    return torch.randint(0, 9, (rows, width), generator=torch.Generator().manual_seed(seed)).float()


@given(st.integers(1, 6), st.integers(1, 40), st.floats(0.01, 0.99), st.integers(0, 99))
def test_the_number_of_zeros_is_exact_whatever_is_equal(
    rows: int, width: int, sparsity: float, seed: int
) -> None:
    given_scores = scores(rows, width, seed)
    whole = lowest_of_layer(given_scores, sparsity)
    assert int(whole.sum()) == round(rows * width * sparsity)
    by_row = lowest_of_rows(given_scores, sparsity)
    assert by_row.sum(1).tolist() == [round(width * sparsity)] * rows
    for mask in (whole, by_row[0:1]):
        part = given_scores if mask is whole else given_scores[0:1]
        if mask.any() and not mask.all():
            assert part[mask].max() <= part[~mask].min()


@pytest.mark.parametrize(("keep", "of"), [(2, 4), (4, 8), (1, 4)])
def test_of_every_few_neighbours_the_highest_stay(keep: int, of: int) -> None:
    given_scores = scores(5, 32, 1)
    mask = lowest_of_neighbours(given_scores, keep, of)
    for row, cut in zip(given_scores.double().numpy(), mask.numpy(), strict=True):
        for start in range(0, 32, of):
            lowest = np.argsort(row[start : start + of], kind="stable")[: of - keep]
            assert sorted(np.flatnonzero(cut[start : start + of])) == sorted(lowest)
    assert has_pattern(given_scores.masked_fill(mask, 0), keep, of)


def test_one_group_without_the_pattern_is_found() -> None:
    weight = torch.ones(4, 16).masked_fill(lowest_of_neighbours(torch.rand(4, 16), 2, 4), 0)
    assert has_pattern(weight, 2, 4)
    weight[3, 12:16] = torch.tensor([1.0, 1, 1, 0])
    assert not has_pattern(weight, 2, 4)
    assert not has_pattern(torch.zeros(2, 6), 2, 4)
