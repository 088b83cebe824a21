"""Workflows in text form: numbered nodes, and edges between their numbers.

Node:
1: first subtask
2: second subtask
Edge: (START,1) (1,2) (2,END)
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Literal

import networkx as nx

Scoring = Literal["faithful", "strict"]

START, END = "START", "END"
MAX_ORDERS = 20
"""WorfBench compares with the first 20 topological orders of the gold graph."""
OWN_ORDER_FROM = 10
"""From this many nodes on (START and END counted) WorfBench takes the gold nodes in their written order."""

# the look-behind and the possessive quantifiers change no match, they keep the time linear
_NODE = re.compile(r"(?<!\d)\d++[:.] (.+)")
_EDGE = re.compile(r"\(\s*+(\d++|START)\s*+,\s*+(\d++|END)\s*+\)")
_STRICT_NODE = re.compile(r"^[ \t]*+(\d{1,6})[ \t]*+[:.)][ \t]*+(\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Workflow:
    """Nodes (START first, END last) and edges between their indices; an edge may lead nowhere."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]


def parse(text: str, scoring: Scoring = "faithful") -> Workflow | None:
    """Read a workflow; None where there is none (no edge, or in faithful reading no word "Node").

    Faithful (WorfBench, node_eval.py, workflow_to_graph_list): a node is whatever follows a number, a colon
    or dot and one space, anywhere; the numbers are not read, nodes count from 1 in their order. Strict: a
    node begins a line, and edges mean the numbers that were written.
    """
    return _parse_strict(text) if scoring == "strict" else _parse_faithful(text)


def _parse_faithful(text: str) -> Workflow | None:
    if "Node" not in text:
        return None
    nodes = (START, *(match.strip() for match in _NODE.findall(text)), END)
    try:
        edges = tuple(
            (0 if tail == START else int(tail), len(nodes) - 1 if head == END else int(head))
            for tail, head in _EDGE.findall(text)
        )
    except ValueError:  # a number of thousands of digits
        return None
    return Workflow(nodes, edges) if edges else None


def _parse_strict(text: str) -> Workflow | None:
    index_of: dict[int, int] = {}
    nodes = [START]
    for number, words in _STRICT_NODE.findall(text):
        if int(number) not in index_of:
            index_of[int(number)] = len(nodes)
            nodes.append(words.strip())
    nodes.append(END)
    edges = []
    for tail, head in _EDGE.findall(text):
        ends = (_strict_end(tail, index_of), len(nodes) - 1 if head == END else _strict_end(head, index_of))
        edges.append(ends)
    return Workflow(tuple(nodes), tuple(edges)) if edges and len(nodes) > 2 else None


def _strict_end(name: str, index_of: dict[int, int]) -> int:
    if name == START:
        return 0
    return index_of.get(int(name), -1) if len(name) <= 6 else -1


@lru_cache(maxsize=4096)
def orders(gold: Workflow) -> tuple[tuple[int, ...], ...]:
    """Return the orders of gold nodes (as indices) that WorfBench compares a reply with.

    START and END are left out, except where the gold graph has `OWN_ORDER_FROM` nodes or more. No order at
    all means that WorfBench stops: a cycle, or an edge to a node that is not there.
    """
    count = len(gold.nodes)
    if count >= OWN_ORDER_FROM:
        return (tuple(range(count)),)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(gold.edges)
    if max(graph.nodes) >= count or not nx.is_directed_acyclic_graph(graph):
        return ()
    inner = {i for i in range(count) if gold.nodes[i] not in (START, END)}
    first = islice(nx.all_topological_sorts(graph), MAX_ORDERS)
    return tuple(tuple(i for i in order if i in inner) for order in first)


@lru_cache(maxsize=4096)
def ancestors(gold: Workflow) -> tuple[frozenset[int], ...] | None:
    """Return for each node those that must come before it; None where the graph has a cycle."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(gold.nodes)))
    graph.add_edges_from(gold.edges)
    if not nx.is_directed_acyclic_graph(graph):
        return None
    return tuple(frozenset(nx.ancestors(graph, i)) for i in range(len(gold.nodes)))


def render(nodes: list[str], edges: list[tuple[int | str, int | str]]) -> str:
    """Return the text form of a workflow; nodes count from 1, edges may begin in START and end in END."""
    lines = [f"{number}: {node}" for number, node in enumerate(nodes, 1)]
    return "\n".join(["Node:", *lines, "Edge: " + " ".join(f"({tail},{head})" for tail, head in edges)])
