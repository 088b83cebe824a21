"""On which nodes of a cluster a contestant is played, and what each of its replicas takes there."""

from collections.abc import Sequence
from dataclasses import dataclass

from arena.contestant import Contestant
from arena.errors import EngineError


@dataclass(frozen=True)
class Node:
    """A node of the cluster: `cpus` and `gpus` are what it offers in all, `name` is its address."""

    id: str
    name: str
    cpus: float
    gpus: float


@dataclass(frozen=True)
class Placement:
    """A replica's node, and what it takes there."""

    node: Node
    cpus: float
    gpus: int


def placements(contestant: Contestant, *, exclusive: bool, nodes: Sequence[Node]) -> list[Placement]:
    """Return where a contestant's replicas are to run.

    vLLM: one replica for each `tensor_parallel_size` GPUs of a node. Transformers: one a GPU. Where no node
    has a GPU, both (and other engines that fill a machine, `exclusive`) have one replica a node, which takes
    all its cores. Engines that compute nothing themselves have one a node, which takes nothing. Nodes that
    offer neither cores nor GPUs (a head that shall not work) get none. Raises `EngineError` where there is
    no place at all.
    """
    working = [node for node in nodes if node.cpus or node.gpus]
    together = _gpus_of(contestant) if any(node.gpus >= 1 for node in working) else 0
    if together:
        found = [Placement(node, 0, together) for node in working for _ in range(int(node.gpus) // together)]
    else:
        found = [Placement(node, node.cpus if exclusive else 0, 0) for node in working]
    if not found:
        most = int(max((node.gpus for node in working), default=0))
        raise EngineError(
            f"{contestant.name} wants {together} GPUs of one node, and none has more than {most}"
            if together
            else "no node of the cluster offers cores",
            "lower tensor_parallel_size" if together else "add a node (`ray start --address=…`)",
        )
    return found


def _gpus_of(contestant: Contestant) -> int:
    kind = contestant.identity["engine"].get("engine")
    if kind == "vllm":
        return int(contestant.engine_options.get("tensor_parallel_size", 1))
    return int(kind == "hf" and contestant.engine_options.get("device") != "cpu")
