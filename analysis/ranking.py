"""Whether two models agree on the best next tokens, and on their order (ACBench section 2.3, eq. 5).

At each position three numbers for a k: the Jaccard similarity of the two models' sets of k best tokens, and
Kendall's tau and Spearman's rho of the two models' logits of the base's k best tokens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TopK:
    """Agreement at k for each position, all tensors [positions] in float64.

    `kendall` and `spearman` lie in -1..1 and are NaN where they mean nothing: k = 1, or all k logits of one
    model alike.
    """

    jaccard: Tensor
    kendall: Tensor
    spearman: Tensor


def top_tokens(logits: Tensor, k: int) -> Tensor:
    """Return the k best tokens of each position, best first: [positions, k].

    `logits` is [positions, vocabulary]. Of tokens with equal logits the lower id comes first, so that ties
    give no differences by chance.
    Raises `ValueError` where k is not in 1..vocabulary.
    """
    vocabulary = logits.shape[-1]
    if not 1 <= k <= vocabulary:
        raise ValueError(f"k = {k} is not among 1 to {vocabulary}, the size of the vocabulary")
    values, tokens = logits.topk(k, dim=-1)
    # topk leaves open which of equal logits it takes, and their order: where the last one kept has an equal
    # that is not, the whole row is sorted
    doubtful = (logits == values[:, -1:]).sum(dim=-1) > (values == values[:, -1:]).sum(dim=-1)
    if doubtful.any():
        tokens[doubtful] = logits[doubtful].argsort(dim=-1, descending=True, stable=True)[:, :k]
        values = logits.gather(-1, tokens)
    by_id = tokens.argsort(dim=-1)
    tokens, values = tokens.gather(-1, by_id), values.gather(-1, by_id)
    return tokens.gather(-1, values.argsort(dim=-1, descending=True, stable=True))


def compare_top_k(base: Tensor, other: Tensor, k: int) -> TopK:
    """Compare two models' logits [positions, vocabulary] at k.

    Raises `ValueError` where the shapes differ or k is not in 1..vocabulary.
    """
    _check_same(base, other)
    return compare_at(base, other, top_tokens(base, k), top_tokens(other, k), k)


def compare_at(base: Tensor, other: Tensor, base_top: Tensor, other_top: Tensor, k: int) -> TopK:
    """Do the same with `top_tokens` at hand, for k or more: for several k they are found once."""
    theirs = base_top[:, :k]
    first, second = base.gather(-1, theirs).double(), other.gather(-1, theirs).double()
    return TopK(jaccard(theirs, other_top[:, :k]), kendall_tau(first, second), spearman_rho(first, second))


def jaccard(first: Tensor, second: Tensor) -> Tensor:
    """Return |A n B| / |A u B| for each row (eq. 5); rows [positions, k] hold k different token ids each."""
    shared = (first[:, :, None] == second[:, None, :]).sum(dim=(1, 2)).double()
    return shared / (first.shape[1] + second.shape[1] - shared)


def kendall_tau(first: Tensor, second: Tensor) -> Tensor:
    """Return Kendall's tau-b of each pair of rows [positions, k]: agreeing minus disagreeing pairs.

    tau-b = sum_{i<j} sign(a_i - a_j) sign(b_i - b_j) / sqrt(pairs untied in a * pairs untied in b); NaN where
    a row has no untied pair (Kendall 1945).
    """
    one, two = _signs(first), _signs(second)
    untied = (one.abs().sum(dim=-1) * two.abs().sum(dim=-1)).sqrt()
    return (one * two).sum(dim=-1) / untied


def spearman_rho(first: Tensor, second: Tensor) -> Tensor:
    """Return Spearman's rho of each pair of rows [positions, k]: Pearson's r of the ranks.

    Equal values share the mean of their ranks; NaN where a row has one value only.
    """
    one, two = _centred_ranks(first), _centred_ranks(second)
    spread = ((one**2).sum(dim=-1) * (two**2).sum(dim=-1)).sqrt()
    return (one * two).sum(dim=-1) / spread


def _signs(values: Tensor) -> Tensor:
    size = values.shape[-1]
    i, j = torch.triu_indices(size, size, offset=1, device=values.device)
    return torch.sign(values[:, i] - values[:, j])


def _centred_ranks(values: Tensor) -> Tensor:
    # half the sum of signs against all others is the (mean) rank, counted from the middle
    return torch.sign(values[:, :, None] - values[:, None, :]).sum(dim=-1) / 2


def _check_same(base: Tensor, other: Tensor) -> None:
    if base.shape != other.shape or base.ndim != 2:
        shapes = f"{tuple(base.shape)} and {tuple(other.shape)}"
        raise ValueError(f"logits to compare need one shape [positions, vocabulary], not {shapes}")
