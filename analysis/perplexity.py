"""Loss, perplexity, divergence: the yardsticks that those who make quantizers use themselves."""

import math

from torch import Tensor


def loss(log_probabilities: Tensor, targets: Tensor) -> Tensor:
    """Return -log p(target) in nats for each position.

    `log_probabilities` is [positions, vocabulary], `targets` [positions] holds the tokens that came next.
    """
    return -log_probabilities.gather(-1, targets[:, None]).squeeze(-1)


def perplexity(mean_loss: float) -> float:
    """Return exp of a mean loss in nats; infinite where that exceeds what a float holds."""
    try:
        return math.exp(mean_loss)
    except OverflowError:
        return math.inf


def kl_divergence(base: Tensor, other: Tensor) -> Tensor:
    """Return KL(base || other) = sum_v p_v (log p_v - log q_v) in nats for each position.

    Both are log-probabilities [positions, vocabulary]. Never below 0: rounding is cut off.
    """
    return (base.exp() * (base - other)).sum(dim=-1).clamp_min(0)


def top_1_flips(base: Tensor, other: Tensor) -> Tensor:
    """Return True for each position where the two models' best tokens differ; [positions, vocabulary] each.

    Of tokens with equal values the one with the lower id is the best (as `torch.argmax` has it).
    """
    return base.argmax(dim=-1) != other.argmax(dim=-1)
