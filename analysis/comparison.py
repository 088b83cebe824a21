"""Two models' logits at the same positions, in one pass: all that is asked of them, one number a position.

Vocabulary-sized tensors live only inside `compare`; what comes out is [positions].
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.energy import energy
from analysis.perplexity import kl_divergence, loss, top_1_flips
from analysis.ranking import compare_at, top_tokens

JACCARD, KENDALL, SPEARMAN = "jaccard", "kendall", "spearman"
Numbers = Mapping[str, NDArray[np.float64]]


def at_k(measure: str, k: int) -> str:
    """Return the name of a ranking measure at k, as `compare` has it: `jaccard@5`."""
    return f"{measure}@{k}"


def check_finite(logits: Tensor) -> None:
    """Raise `ValueError` where logits [positions, vocabulary] hold NaN or infinities; it says how many."""
    bad = ~torch.isfinite(logits)
    if bad.any():
        positions = int(bad.any(dim=-1).sum())
        raise ValueError(f"logits are NaN or infinite at {positions} of {logits.shape[0]} positions")


def compare(
    base: Tensor, other: Tensor, targets: Tensor, ks: Sequence[int], temperature: float = 1.0
) -> Numbers:
    """Compare two models' next-token logits [positions, vocabulary]; `targets` [positions] is what came next.

    Returns arrays [positions] in float64: `base_loss` and `loss` (nats), `kl` of the base to the other
    (nats), `flip` (1 where the best tokens differ), `base_energy` and `energy`, `energy_gap` (|difference|),
    and for each k `jaccard@k`, `kendall@k`, `spearman@k` (`analysis.ranking`; the latter two may be NaN).

    Raises `ValueError` where the shapes differ, a k does not fit the vocabulary, or logits are not finite.
    """
    if base.shape != other.shape or base.ndim != 2 or targets.shape != base.shape[:1]:
        raise ValueError(f"logits {tuple(base.shape)} and {tuple(other.shape)} can't be compared")
    check_finite(base)
    check_finite(other)
    base, other = base.float(), other.float()
    highest = max(ks, default=1)
    base_top, other_top = top_tokens(base, highest), top_tokens(other, highest)
    numbers = {
        "flip": top_1_flips(base, other),
        "base_energy": energy(base, temperature),
        "energy": energy(other, temperature),
    }
    numbers["energy_gap"] = (numbers["base_energy"] - numbers["energy"]).abs()
    for k in ks:
        found = compare_at(base, other, base_top, other_top, k)
        numbers[at_k(JACCARD, k)] = found.jaccard
        numbers[at_k(KENDALL, k)] = found.kendall
        numbers[at_k(SPEARMAN, k)] = found.spearman
    base, other = base.log_softmax(dim=-1), other.log_softmax(dim=-1)
    numbers["base_loss"], numbers["loss"] = loss(base, targets), loss(other, targets)
    numbers["kl"] = kl_divergence(base, other)
    return {name: values.double().cpu().numpy() for name, values in numbers.items()}
