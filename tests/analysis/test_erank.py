import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.erank import (
    HiddenERank,
    entropy,
    erank_hidden,
    erank_of_spectrum,
    erank_weights,
    gram_error_bound,
    hidden_entropy,
)

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


def random_matrix(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def by_svd(matrix: torch.Tensor) -> float:
    values = np.linalg.svd(matrix.double().numpy(), compute_uv=False)
    share = values / values.sum()
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def with_spectrum(values: list[float], columns: int) -> torch.Tensor:
    """A matrix with these singular values, in float64."""
    rows = len(values)
    left, _ = torch.linalg.qr(random_matrix(rows, rows, 1).double())
    right, _ = torch.linalg.qr(random_matrix(columns, rows, 2).double())
    return left @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ right.T


def test_the_identity_uses_all_its_directions():
    assert erank_weights(torch.eye(7)).value == pytest.approx(7, rel=1e-9)


def test_a_matrix_of_rank_one_uses_one_direction():
    column = torch.arange(1.0, 9.0)[:, None]
    assert erank_weights(column @ torch.ones(1, 40)).value == pytest.approx(1, rel=1e-6)


def test_a_known_spectrum_gives_the_closed_form():
    # p = (1/2, 1/4, 1/4): H = 1.5 log 2, so ERank = 2^1.5
    assert erank_weights(with_spectrum([2, 1, 1], 9)).value == pytest.approx(2**1.5, rel=1e-9)
    assert erank_of_spectrum([2, 1, 1]) == pytest.approx(2**1.5)


@given(SHAPES, st.integers(0, 99), st.floats(1e-3, 1e3))
@settings(max_examples=40)
def test_scale_order_and_transposition_change_nothing(shape: tuple[int, int], seed: int, scale: float):
    matrix = random_matrix(*shape, seed)
    expected = erank_weights(matrix).value
    shuffled = matrix[torch.randperm(shape[0])][:, torch.randperm(shape[1])]
    for same in (scale * matrix, matrix.T, shuffled, -matrix):
        assert erank_weights(same).value == pytest.approx(expected, rel=1e-5)
    assert 1 - 1e-9 <= expected <= min(shape) + 1e-9


@given(SHAPES, st.integers(0, 99), st.sampled_from([torch.float32, torch.bfloat16, torch.float64]))
@settings(max_examples=40)
def test_the_shortcut_agrees_with_an_svd_within_its_own_bound(shape, seed: int, dtype: torch.dtype):
    matrix = random_matrix(*shape, seed).to(dtype)
    found, exact = erank_weights(matrix), by_svd(matrix)
    assert abs(found.value - exact) <= found.relative_error * exact + 1e-12
    assert found.relative_error <= 1e-3


@pytest.mark.parametrize("decay", [0.5, 3.0, 12.0])
def test_the_bound_holds_for_ill_conditioned_matrices(decay: float):
    matrix = with_spectrum([10.0 ** (-decay * i / 39) for i in range(40)], 100)
    gram_values = torch.linalg.eigvalsh(matrix @ matrix.T).clamp_min(0).sqrt().numpy()
    exact = by_svd(matrix)
    actual_error = abs(erank_of_spectrum(gram_values) - exact) / exact
    assert actual_error <= gram_error_bound(gram_values, 100)


def test_where_the_shortcut_can_prove_too_little_an_svd_decides():
    low_rank = random_matrix(60, 2) @ random_matrix(2, 90, 1)
    values = torch.linalg.eigvalsh((low_rank @ low_rank.T).double()).clamp_min(0).sqrt().numpy()
    assert gram_error_bound(values, 90) > 1e-6
    found = erank_weights(low_rank, tolerance=1e-6)
    assert found.relative_error <= 1e-6
    assert found.value == pytest.approx(by_svd(low_rank), rel=1e-9)


def test_a_wide_matrix_is_read_in_blocks():
    matrix = random_matrix(5, 3000)
    assert erank_weights(matrix).value == pytest.approx(by_svd(matrix), rel=1e-9)


@pytest.mark.parametrize(
    "bad",
    [torch.zeros(3, 3), torch.tensor([[1.0, math.nan]]), torch.ones(3), torch.ones(0, 3)],
    ids=["all zero", "NaN", "1-d", "empty"],
)
def test_what_has_no_effective_rank_is_refused(bad: torch.Tensor):
    with pytest.raises(ValueError, match="ERank"):
        erank_weights(bad)


@pytest.mark.parametrize("bad", [[], [0.0, 0.0], [1.0, -1.0], [math.inf]])
def test_an_entropy_of_nothing_is_refused(bad: list[float]):
    with pytest.raises(ValueError, match="entropy"):
        entropy(bad)


def hidden_by_definition(states: np.ndarray) -> float:
    centred = states - states.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    covariance = unit.T @ unit / len(unit)
    values = np.linalg.eigvalsh(covariance / np.trace(covariance))
    values = values[values > 1e-15]
    return float(np.exp(-(values * np.log(values)).sum()))


@pytest.mark.parametrize("shape", [(50, 8), (8, 50), (2, 5)])
def test_hidden_states_follow_the_definition_whichever_side_is_longer(shape: tuple[int, int]):
    states = random_matrix(*shape).double().numpy()
    assert erank_hidden(states) == pytest.approx(hidden_by_definition(states), rel=1e-9)


def test_two_opposite_states_use_one_direction_and_axes_use_all():
    assert erank_hidden([[1.0, 0.0], [-3.0, 0.0]]) == pytest.approx(1)
    axes = np.vstack([np.eye(4), -np.eye(4)])
    assert erank_hidden(axes) == pytest.approx(4)


@given(st.integers(0, 99), st.floats(0.01, 100), st.floats(-5, 5))
@settings(max_examples=25)
def test_hidden_states_may_be_shifted_scaled_and_turned(seed: int, scale: float, shift: float):
    states = random_matrix(20, 6, seed).double()
    turn, _ = torch.linalg.qr(random_matrix(6, 6, seed + 1).double())
    expected = erank_hidden(states)
    assert erank_hidden(scale * states @ turn + shift) == pytest.approx(expected, rel=1e-6)


def test_a_data_set_has_the_exponential_of_its_sequences_mean_entropy():
    sequences = [random_matrix(10, 6, seed) for seed in range(3)]
    stream = HiddenERank()
    assert math.isnan(stream.value)
    for states in sequences:
        stream.add(states)
    assert stream.value == pytest.approx(math.exp(np.mean([hidden_entropy(each) for each in sequences])))
    assert stream.sequences == 3


def test_states_without_a_direction_are_refused():
    with pytest.raises(ValueError, match="all alike"):
        erank_hidden(torch.ones(5, 3))
    with pytest.raises(ValueError, match="not finite"):
        erank_hidden([[1.0, math.inf], [0.0, 1.0]])
