"""Energy of a model's predictions: how much it has to say for any token at all (ACBench eq. 7)."""

import torch
from torch import Tensor


def energy(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Return -T logsumexp(logits / T) for each position (eq. 7; Liu et al. 2020).

    `logits` is [..., vocabulary]; the result [...] is of the same unit, and lower the more confident a model
    is. Adding a constant to all logits lowers it by that constant. Raises `ValueError` where T is not
    positive.
    """
    if not temperature > 0:
        raise ValueError(f"a temperature is positive, not {temperature}")
    return -temperature * torch.logsumexp(logits / temperature, dim=-1)


def energy_gap(base: Tensor, other: Tensor) -> float:
    """Return Delta E = mean |E_base - E_other| over positions; both tensors have one shape."""
    if base.shape != other.shape or base.numel() == 0:
        raise ValueError("energies to compare need one shape, and at least one position")
    return float((base - other).abs().double().mean())
