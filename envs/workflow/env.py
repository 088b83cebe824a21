"""WorfBench as an environment: one request, one workflow; with more steps, broken ones may be repaired."""

from collections.abc import Mapping, Sequence

import networkx as nx

from envs.base import Outcome
from envs.onestep import EncodedEnv, Graded, Scoring
from envs.workflow.graph import parse
from envs.workflow.scoring import headline, score


class WorfBenchEnv(EncodedEnv):
    """Plans as graphs. Progress is the mean of the chain's and the graph's F1; success is both at 1.

    Where a task's `max_steps` is above 1 (a suite may set it; off otherwise), a reply that is no workflow, or
    one with a cycle or a node that leads nowhere, is answered with what is wrong, and may be sent again.
    """

    benchmark = "worfbench"

    def messages(self) -> Sequence[Mapping[str, str]]:
        """Return the request as chat messages: system, examples where there are any, user."""
        assert self.task is not None
        return self.task.data["messages"]

    def expert(self) -> Sequence[str]:
        """Return the gold workflow."""
        assert self.task is not None
        return [self.task.data["gold"]]

    def _apply(self, action: str) -> Outcome:
        assert self.task is not None
        if self._steps + 1 < self.task.max_steps:
            wrong = complaint(action)
            if wrong:
                return Outcome(f"{wrong} Write the whole workflow again.", progress=0.0, valid=False)
        return super()._apply(action)

    def _grade(self, reply: str, scoring: Scoring) -> Graded:
        assert self.task is not None
        by_kind = score(reply, self.task.data["gold"], self._encoder, scoring)
        flat = {f"{kind}_{name}": value for kind, found in by_kind.items() for name, value in found.items()}
        return Graded(flat, headline(by_kind), readable=parse(reply, scoring) is not None)


def complaint(reply: str) -> str:
    """Return what makes a reply no sound workflow, in one sentence; nothing where it is sound."""
    flow = parse(reply, "strict")
    if flow is None:
        return "This is no workflow: it needs a line `1: subtask` for each node, and edges such as (START,1)."
    graph = nx.DiGraph(list(flow.edges))
    last = len(flow.nodes) - 1
    if any(not 0 <= node <= last for node in graph.nodes):
        return "An edge leads to a number that no node has."
    cycle = next(iter(nx.simple_cycles(graph)), None) if not nx.is_directed_acyclic_graph(graph) else None
    if cycle:
        steps = " -> ".join(map(str, [*cycle, cycle[0]]))
        return f"The nodes {steps} depend on each other in a circle."
    left_out = [node for node in range(1, last) if not _is_on_a_way(graph, node, last)]
    if left_out:
        return f"Node {left_out[0]} is on no way from START to END."
    return ""


def _is_on_a_way(graph: nx.DiGraph, node: int, last: int) -> bool:
    if not {0, node, last} <= set(graph.nodes):
        return False
    return nx.has_path(graph, 0, node) and nx.has_path(graph, node, last)
