"""Tasks played several times: how reliably they are solved."""

from collections.abc import Sequence
from math import comb


def pass_hat_k(outcomes: Sequence[tuple[int, int]], k: int) -> float | None:
    """Return pass^k, the chance that a task is solved in all of `k` tries, as a mean over tasks.

    `outcomes` holds (tries, successes) of each task; tasks tried less than `k` times are left out, and None
    is returned where none is left. C(successes, k) / C(tries, k) estimates each without bias. Source: Yao et
    al. 2024, "tau-bench", section 3.
    """
    told = [comb(successes, k) / comb(tries, k) for tries, successes in outcomes if tries >= k]
    return sum(told) / len(told) if told else None
