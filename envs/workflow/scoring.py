"""WorfBench's two scores of a workflow against the gold one: chain and graph.

From WorfBench (evaluator/graph_evaluator.py; "Benchmarking Agentic Workflow Generation", section 3.3).
`faithful` reproduces it, with 0 where it stops with an error; `strict` mends what docs/scoring.md lists.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

import networkx as nx
import numpy as np

from envs.embedding import Encoder
from envs.workflow.graph import END, START, Scoring, Workflow, ancestors, orders, parse
from envs.workflow.matching import Weights, in_place, longest_rise, match

MATCH_THRESHOLD = 0.6
MAX_NODES = 300
"""Reply nodes beyond this many match nothing; they still count as nodes of the reply."""

Scores = dict[str, float]


def score(reply: str, gold: str, encoder: Encoder, scoring: Scoring = "faithful") -> dict[str, Scores]:
    """Return `chain` and `graph`, each with precision, recall and f1_score in 0..1.

    Both are 0 for a reply without edges or nodes, and (faithful) where the gold graph is broken.
    """
    gold_flow, reply_flow = parse(gold, scoring), parse(reply, scoring)
    if gold_flow is None or reply_flow is None:
        return {"chain": _prf(0, 1, 1), "graph": _prf(0, 1, 1)}
    nodes = reply_flow.nodes[:MAX_NODES]
    if scoring == "strict":
        return _strict(reply_flow, gold_flow, encoder.alikeness(nodes, gold_flow.nodes))
    cosines = encoder.cosines(nodes, gold_flow.nodes)
    return {
        "chain": _faithful_chain(reply_flow, gold_flow, cosines),
        "graph": _faithful_graph(reply_flow, gold_flow, cosines),
    }


def score_row(row: Mapping[str, Any], encoder: Encoder, scoring: Scoring = "faithful") -> dict[str, Scores]:
    """Score one recorded reply: `row` has `reply` and `gold`. Raises `ValueError` where it has not."""
    for field in ("reply", "gold"):
        if not isinstance(row.get(field), str):
            raise ValueError(f"{field} must be a text")
    return score(row["reply"], row["gold"], encoder, scoring)


def headline(scores: Mapping[str, Scores]) -> float:
    """Return the one number that a workflow's progress is: the mean of both F1 scores."""
    return (scores["chain"]["f1_score"] + scores["graph"]["f1_score"]) / 2


def _prf(hits: float, reply_count: int, gold_count: int, gold_hits: float | None = None) -> Scores:
    precision, recall = hits / reply_count, (hits if gold_hits is None else gold_hits) / gold_count
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": precision, "recall": recall, "f1_score": f1}


def _faithful_chain(reply: Workflow, gold: Workflow, cosines: Weights) -> Scores:
    inner = [i for i, node in enumerate(reply.nodes[:MAX_NODES]) if node not in (START, END)]
    count = sum(node not in (START, END) for node in reply.nodes)
    candidates = orders(gold)
    if not inner or not candidates or not candidates[0]:
        return _prf(0, 1, 1)
    best = 0
    places: Mapping[int, int] | None = None  # reply node -> gold node, where it is the same in every order
    for order in candidates:
        if places is None:
            matched, only_one = match(cosines[np.ix_(inner, order)], MATCH_THRESHOLD)
            if only_one:
                places = {i: order[column] for i, column in enumerate(matched) if column >= 0}
        else:
            position = {node: place for place, node in enumerate(order)}
            matched = [position[places[i]] if i in places else -1 for i in range(len(inner))]
        # the original counts from 1 even where nothing matches
        best = max(best, 1, longest_rise(matched))
    return _prf(best, count, len(candidates[0]))


def _faithful_graph(reply: Workflow, gold: Workflow, cosines: Weights) -> Scores:
    # START and END are matched by their text like any other node
    matched, _ = match(cosines, MATCH_THRESHOLD)
    ours = {row for row, column in enumerate(matched) if column >= 0}
    theirs = {column for column in matched if column >= 0}
    if not ours:
        return _prf(0, 1, 1)
    kept = {edge for edge in gold.edges if theirs.issuperset(edge)}
    # the original compares reply indices with gold indices as they are, unmapped
    common = [edge for edge in reply.edges if ours.issuperset(edge) and edge in kept]
    return _prf(
        _largest_component(ours, common),
        len(reply.nodes),
        len(gold.nodes),
        gold_hits=_largest_component(theirs, common),
    )


def _largest_component(nodes: set[int], edges: Sequence[tuple[int, int]]) -> int:
    graph = nx.Graph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(edges)
    return max(map(len, nx.connected_components(graph)))


def _strict(reply: Workflow, gold: Workflow, cosines: Weights) -> dict[str, Scores]:
    reply_count, gold_count = len(reply.nodes) - 2, len(gold.nodes) - 2
    before = ancestors(gold) if max(map(max, gold.edges)) < len(gold.nodes) else None
    if before is None:
        return {"chain": _prf(0, 1, 1), "graph": _prf(0, 1, 1)}
    inner = in_place(cosines[1 : reply_count + 1, 1:-1], MATCH_THRESHOLD)
    matched = [column + 1 if column >= 0 else -1 for column in match(inner, MATCH_THRESHOLD)[0]]
    connected = _strict_component(reply, gold, matched)
    right = _right_edges(reply, gold, matched, before)
    return {
        "chain": _prf(_longest_agreement(matched, before), reply_count, gold_count),
        "graph": _prf(connected * right, reply_count, gold_count, gold_hits=connected if right else 0),
    }


def _longest_agreement(matched: Sequence[int], before: Sequence[frozenset[int]]) -> int:
    """Return how many matched nodes, at most, stand in an order that the gold graph allows.

    Two nodes clash where the later one must come first. Clashing is transitive, so by Dilworth's theorem the
    largest set without a clash is the nodes less a maximum matching of clashing pairs.
    """
    sequence = [node for node in matched if node >= 0]
    if not sequence:
        return 0
    clashes = nx.Graph()
    earlier = [("earlier", i) for i in range(len(sequence))]
    clashes.add_nodes_from(earlier)
    for i, node in enumerate(sequence):
        clashes.add_edges_from(
            (earlier[i], ("later", j)) for j in range(i + 1, len(sequence)) if sequence[j] in before[node]
        )
    pairs = nx.bipartite.hopcroft_karp_matching(clashes, earlier)
    return len(sequence) - len(pairs) // 2


def _right_edges(
    reply: Workflow, gold: Workflow, matched: Sequence[int], before: Sequence[frozenset[int]]
) -> float:
    """Return the share of edges between matched nodes that are right; 0 for a graph with a circle.

    Right are those of gold, and those that no other edges of the reply imply and that gold implies: where a
    node was left out, an edge leads past it. Else whoever draws all edges would have drawn the right ones.
    """
    graph = nx.DiGraph(reply.edges)
    if not nx.is_directed_acyclic_graph(graph):
        return 0.0
    place = _places(reply, gold, matched)
    known = [edge for edge in set(reply.edges) if place.keys() >= set(edge)]
    needed = _needed(graph, known)
    edges = set(gold.edges)
    right = [
        (tail, head)
        for tail, head in known
        if (place[tail], place[head]) in edges
        or ((tail, head) in needed and place[tail] in before[place[head]])
    ]
    return len(right) / len(known) if known else 1.0


def _needed(graph: nx.DiGraph, edges: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return those of `edges` that no other edges of the graph imply: they are in its transitive reduction.

    The graph has no circle. A whole reduction would take time in the square of a reply's length; here each
    node notes, as the bits of a number, only which heads of `edges` can be reached from it.
    """
    bits = {head: 1 << i for i, head in enumerate({head for _, head in edges})}
    reached: dict[int, int] = {}
    implied: dict[int, int] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        later = list(graph.successors(node))
        implied[node] = reduce(or_, (reached[each] for each in later), 0)
        reached[node] = reduce(or_, (bits.get(each, 0) for each in later), implied[node])
    return {(tail, head) for tail, head in edges if not implied[tail] & bits[head]}


def _places(reply: Workflow, gold: Workflow, matched: Sequence[int]) -> dict[int, int]:
    """Return which gold node a reply node is, START and END with them."""
    place = {i + 1: column for i, column in enumerate(matched) if column >= 0}
    return place | {0: 0, len(reply.nodes) - 1: len(gold.nodes) - 1}


def _strict_component(reply: Workflow, gold: Workflow, matched: Sequence[int]) -> int:
    """Return the matched nodes in the largest part that common edges connect; START and END only connect."""
    start, end = 0, len(gold.nodes) - 1
    if all(column < 0 for column in matched):
        return 0
    place = _places(reply, gold, matched)
    mapped = {(place[tail], place[head]) for tail, head in reply.edges if tail in place and head in place}
    graph = nx.Graph()
    graph.add_nodes_from(place.values())
    graph.add_edges_from(mapped & set(gold.edges))
    return max(len(part - {start, end}) for part in nx.connected_components(graph))
