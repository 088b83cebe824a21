"""Many comparisons at once: p-values that allow for it."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down method, in the given order.

    Where the smallest adjusted ones are called significant at 5 %, the chance of one false call among all is
    5 % at most, however the comparisons depend on each other. Source: Holm 1979.
    """
    order = np.argsort(p_values, kind="stable")
    count = len(order)
    adjusted = [0.0] * count
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
