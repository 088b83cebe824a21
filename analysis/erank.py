"""Effective rank (ERank): how many directions a matrix really uses.

Two forms (Xu et al., ACBench, ICML 2025, section 2.3 and eq. 4): of a weight matrix, from its singular values
(Roy & Vetterli 2007), and of hidden states, from the eigenvalues of their normalised covariance (Wei et al.,
"Diff-eRank", NeurIPS 2024). Diff-ERank is the compressed model's value minus its base's.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

RELATIVE_TOLERANCE = 1e-3
_UNIT_ROUNDOFF = 2.0**-53
_BLOCK_COLUMNS = 1024
"""So many columns are turned into float64 at once, whatever the width of the matrix."""


@dataclass(frozen=True)
class ERank:
    """An effective rank, and a bound on its relative error (of the computation, not of the weights)."""

    value: float
    relative_error: float


def entropy(weights: ArrayLike) -> float:
    """Return the Shannon entropy in nats of non-negative weights, normalised to sum 1; 0 log 0 = 0.

    Raises `ValueError` where they are negative, not finite, or sum to nothing.
    """
    values = np.asarray(weights, dtype=float)
    total = values.sum()
    if not np.isfinite(total) or total <= 0 or (values < 0).any():
        raise ValueError("an entropy needs finite, non-negative weights that are not all zero")
    share = values[values > 0] / total
    return float(-(share * np.log(share)).sum())


def erank_of_spectrum(singular_values: ArrayLike) -> float:
    """Return exp(-sum p_i log p_i) with p_i = s_i / sum_j s_j (ACBench eq. 4; Roy & Vetterli 2007, def. 1).

    Between 1 (one direction) and the number of values (all alike). Raises `ValueError` as `entropy` does.
    """
    return math.exp(entropy(singular_values))


def erank_weights(matrix: Tensor, tolerance: float = RELATIVE_TOLERANCE) -> ERank:
    """Return the effective rank of a weight matrix, eq. 4, within a proven relative error.

    `matrix` is [rows, columns] of any float type, on any device. Its singular values are the roots of the
    eigenvalues of its smaller Gram matrix in float64, which takes a fraction of an SVD's time; memory is that
    Gram matrix and one block of columns. Where the bound (`gram_error_bound`) exceeds `tolerance`, as it does
    for matrices of low rank, it is computed again by an SVD in float64.

    Raises `ValueError` where the matrix is not 2-d, is all zero or not finite.
    """
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(f"ERank is of a matrix, not of a tensor of shape {tuple(matrix.shape)}")
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    rows, columns = wide.shape
    gram = torch.zeros(rows, rows, dtype=torch.float64, device=matrix.device)
    for block in wide.split(_BLOCK_COLUMNS, dim=1):
        exact = block.to(torch.float64)
        gram.addmm_(exact, exact.T)
    squares = float(gram.diagonal().sum())
    if not math.isfinite(squares) or squares <= 0:
        raise ValueError("ERank needs a matrix of finite numbers that are not all zero")
    eigenvalues: NDArray[np.float64] = torch.linalg.eigvalsh(gram).clamp_min_(0).cpu().numpy()
    singular_values = np.sqrt(eigenvalues)
    bound = gram_error_bound(singular_values, columns)
    if bound <= tolerance:
        return ERank(erank_of_spectrum(singular_values), bound)
    singular_values = torch.linalg.svdvals(wide.to(torch.float64)).cpu().numpy()
    return ERank(erank_of_spectrum(singular_values), svd_error_bound(singular_values, columns))


def gram_error_bound(singular_values: NDArray[np.float64], columns: int) -> float:
    """Bound the relative error of an ERank from the eigenvalues of a Gram matrix summed over `columns`.

    Rounding perturbs the Gram matrix G = A A^T by at most n u / (1 - n u) ||A||_F^2 in norm (n columns, u the
    unit roundoff; Higham 2002, section 3.5), a backward stable eigensolver by about m u ||G||. By Weyl no
    eigenvalue moves further than that sum d, so a singular value s no further than min(sqrt(d), d / s).
    """
    squares = float((singular_values**2).sum())
    gamma = columns * _UNIT_ROUNDOFF / (1 - columns * _UNIT_ROUNDOFF)
    moved = gamma * squares + _solver_error(singular_values) * float(singular_values.max(initial=0.0))
    with np.errstate(divide="ignore"):
        each = np.minimum(math.sqrt(moved), moved / singular_values)
    return _erank_error(each, singular_values)


def svd_error_bound(singular_values: NDArray[np.float64], columns: int) -> float:
    """Bound the relative error of an ERank from a backward stable SVD: values are off by n u s_max."""
    each = np.full_like(singular_values, columns * _UNIT_ROUNDOFF * float(singular_values.max(initial=0.0)))
    return _erank_error(each, singular_values)


def _solver_error(singular_values: NDArray[np.float64]) -> float:
    return len(singular_values) * _UNIT_ROUNDOFF * float(singular_values.max(initial=0.0))


def _erank_error(errors: NDArray[np.float64], singular_values: NDArray[np.float64]) -> float:
    """Turn errors of singular values into one of exp(entropy), by the continuity of entropy.

    |H(p) - H(q)| <= t log(m - 1) + h(t) for distributions on m points that differ by t in total variation,
    h the binary entropy (Audenaert 2007 for the quantum case; sharp); here t <= sum |ds_i| / sum s_i.
    """
    total, count = float(singular_values.sum()), len(singular_values)
    apart = min(1.0, float(errors.sum()) / total)
    if count == 1:
        return 0.0
    if apart >= 1 - 1 / count:
        return float(count)
    binary = -(apart * math.log(apart) + (1 - apart) * math.log1p(-apart)) if apart > 0 else 0.0
    return math.expm1(apart * math.log(count - 1) + binary)


def hidden_entropy(states: ArrayLike | Tensor) -> float:
    """Return the entropy in nats of one sequence's hidden states.

    `states` is [tokens, width]: the last layer's. As Wei et al. (section 3): the mean row is subtracted, each
    row normalised, and the entropy is that of the eigenvalues of their covariance, scaled to trace 1. Rows
    equal to the mean have no direction and are left out.

    Raises `ValueError` where fewer than two rows differ, or numbers are not finite.
    """
    rows = torch.as_tensor(states).to(torch.float64)
    if rows.ndim != 2:
        raise ValueError(f"hidden states are [tokens, width], not of shape {tuple(rows.shape)}")
    rows = rows - rows.mean(dim=0)
    lengths = rows.norm(dim=1)
    if not torch.isfinite(lengths).all():
        raise ValueError("hidden states are not finite")
    kept = lengths > 0
    if not kept.any():
        raise ValueError("hidden states that are all alike have no effective rank")
    unit = rows[kept] / lengths[kept, None]
    # the smaller of covariance and Gram matrix: their non-zero eigenvalues are the same
    smaller = unit.T @ unit if unit.shape[0] > unit.shape[1] else unit @ unit.T
    return entropy(torch.linalg.eigvalsh(smaller).clamp_min_(0).cpu().numpy())


def erank_hidden(states: ArrayLike | Tensor) -> float:
    """Return exp of the entropy of one sequence's hidden states [tokens, width]: its effective rank."""
    return math.exp(hidden_entropy(states))


@dataclass
class HiddenERank:
    """The effective rank of hidden states over many sequences, which are seen one at a time.

    As Wei et al. define it for a data set: exp of the mean over its sequences of their entropies.
    """

    _total: float = field(default=0.0, init=False)
    sequences: int = field(default=0, init=False)

    def add(self, states: ArrayLike | Tensor) -> None:
        """Count a sequence's hidden states [tokens, width]. Raises `ValueError` as `hidden_entropy` does."""
        self._total += hidden_entropy(states)
        self.sequences += 1

    @property
    def value(self) -> float:
        """The effective rank so far; NaN before the first sequence."""
        return math.exp(self._total / self.sequences) if self.sequences else math.nan
