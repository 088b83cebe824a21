"""Which reply node is which gold node: a maximum-weight matching over cosines above a threshold."""

from bisect import bisect_left

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Weights = NDArray[np.float64]

MAX_NODES_FOR_TIES = 300
"""Up to here equally good matchings are told apart by networkx, as the originals do; its time is cubic."""
_TIE = 1e-9
_IN_PLACE = 1e-6


def match(weights: Weights, threshold: float) -> tuple[list[int], bool]:
    """Return for each row the column it is matched with (-1: none), and whether no other is as good.

    Only pairs whose weight is above the threshold may match. Where several matchings are equally good, the
    choice is that of `networkx.max_weight_matching` on the graph whose edges were added row by row, which
    WorfBench (graph_evaluator.py, match_node) and T-Eval (planning_evaluator.py) use.
    """
    allowed = np.where(weights > threshold, weights, 0.0)
    matched, total = _best(allowed)
    if _is_only_one(allowed, matched, total):
        return matched, True
    if max(weights.shape) > MAX_NODES_FOR_TIES:
        return matched, False
    return _as_networkx(allowed), False


def in_place(weights: Weights, threshold: float) -> Weights:
    """Return weights by which, of equally good matchings, the one wins that changes the fewest places.

    A step that stands in both several times would else be matched crosswise, and a copy of gold not be equal
    to it. What it adds, a millionth at most, lifts no pair above the threshold.
    """
    rows, columns = (np.arange(count) / max(1, count - 1) for count in weights.shape)
    apart = np.abs(rows[:, None] - columns[None, :])
    return np.where(weights > threshold, weights + _IN_PLACE * (1 - apart**2), weights)


def _best(allowed: Weights) -> tuple[list[int], float]:
    rows, columns = linear_sum_assignment(allowed, maximize=True)
    matched = [-1] * allowed.shape[0]
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if allowed[row, column] > 0:
            matched[row] = column
    return matched, float(allowed[rows, columns].sum())


def _is_only_one(allowed: Weights, matched: list[int], total: float) -> bool:
    """Tell whether each matching that lacks one of the matched pairs is worse."""
    if (allowed > 0).sum() == sum(column >= 0 for column in matched):
        return True  # nothing to choose from
    for row, column in enumerate(matched):
        if column < 0:
            continue
        kept, allowed[row, column] = allowed[row, column], 0.0
        rows, columns = linear_sum_assignment(allowed, maximize=True)
        rival = float(allowed[rows, columns].sum())
        allowed[row, column] = kept
        if rival > total - _TIE:
            return False
    return True


def _as_networkx(allowed: Weights) -> list[int]:
    graph = nx.Graph()
    for row, column in np.argwhere(allowed > 0).tolist():
        graph.add_edge(row, str(column), weight=allowed[row, column])
    matched = [-1] * allowed.shape[0]
    for pair in nx.max_weight_matching(graph):
        row, column = pair if isinstance(pair[0], int) else pair[::-1]
        matched[row] = int(column)
    return matched


def longest_rise(positions: list[int]) -> int:
    """Return the length of the longest strictly increasing subsequence; -1 is no position."""
    tails: list[int] = []
    for position in positions:
        if position < 0:
            continue
        place = bisect_left(tails, position)
        tails[place : place + 1] = [position]
    return len(tails)
