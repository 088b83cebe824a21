"""Which weights become 0: the lowest scores of a layer, of each row, or of every M neighbours.

A score says how much a weight is missed: its magnitude, or its magnitude times the norm of its input (Wanda).
All functions return a mask that is true for the weights that become 0, and always exactly the number asked
for: of equal scores the first are taken.
"""

import numpy as np
import torch
from torch import Tensor


def lowest_of_layer(scores: Tensor, sparsity: float) -> Tensor:
    """Return the mask of the `sparsity` · n lowest of n scores [out, in], wherever they lie in the layer."""
    return _lowest(scores.reshape(1, -1), sparsity).reshape(scores.shape)


def lowest_of_rows(scores: Tensor, sparsity: float) -> Tensor:
    """Return the mask of the `sparsity` · in lowest scores of each row of scores [out, in]."""
    return _lowest(scores, sparsity)


def lowest_of_neighbours(scores: Tensor, keep: int, of: int) -> Tensor:
    """Return the mask that leaves the `keep` highest of every `of` neighbours in a row of scores [out, in].

    `of` divides in. 2:4 is `keep=2, of=4`.
    """
    rows, width = scores.shape
    groups = scores.reshape(rows, width // of, of)
    lowest = groups.argsort(dim=2, stable=True)[:, :, : of - keep]
    mask = torch.zeros_like(groups, dtype=torch.bool).scatter_(2, lowest, value=True)
    return mask.reshape(rows, width)


def has_pattern(weight: Tensor, keep: int, of: int) -> bool:
    """Whether every `of` neighbours in every row of weights [out, in] hold at most `keep` that are not 0."""
    rows, width = weight.shape
    if width % of:
        return False
    return bool((weight.reshape(rows, width // of, of) != 0).sum(dim=2).le(keep).all())


def _lowest(scores: Tensor, sparsity: float) -> Tensor:
    count = round(scores.shape[1] * sparsity)
    if count == 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    # numpy's partition takes an eighth of the time of torch's kthvalue on a CPU
    ranked = np.partition(scores.float().cpu().numpy(), count - 1, axis=1)
    threshold = torch.from_numpy(ranked[:, count - 1 : count]).to(scores)
    at_most = scores <= threshold
    if int(at_most.sum()) == count * len(scores):
        return at_most  # no equal scores to choose among
    mask = scores < threshold
    wanted = count - mask.sum(dim=1, keepdim=True)
    ties = scores == threshold
    return mask | (ties & (ties.cumsum(dim=1) <= wanted))
