import pytest

from arena.errors import EngineError
from arena.executors.placing import Node, placements

CPU_A, CPU_B = Node("a", "a", 8, 0), Node("b", "b", 4, 0)
HEAD = Node("h", "h", 0, 0)
GPU_C, GPU_D = Node("c", "c", 16, 4), Node("d", "d", 16, 2)


def places(contestant, nodes, *, exclusive=True) -> list[tuple]:
    found = placements(contestant, exclusive=exclusive, nodes=nodes)
    return [(place.node.id, place.cpus, place.gpus) for place in found]


def test_a_model_without_gpus_has_one_replica_a_node_that_takes_all_its_cores(contestant_with):
    for kind in ("hf", "vllm", "of-another-package"):
        assert places(contestant_with({"engine": kind}), [CPU_A, CPU_B]) == [("a", 8, 0), ("b", 4, 0)]


def test_an_engine_that_computes_nothing_has_one_replica_a_node_that_takes_nothing(contestant_with):
    scripted = contestant_with({"engine": "script"})
    assert places(scripted, [CPU_A, GPU_C], exclusive=False) == [("a", 0, 0), ("c", 0, 0)]


def test_a_transformers_model_has_one_replica_a_gpu_and_none_on_nodes_without(contestant_with):
    assert places(contestant_with({"engine": "hf"}), [CPU_A, GPU_D]) == [("d", 0, 1)] * 2


def test_a_model_that_shall_stay_on_cpus_does(contestant_with):
    assert places(contestant_with({"engine": "hf"}, device="cpu"), [GPU_D]) == [("d", 16, 0)]


def test_vllm_has_one_replica_for_each_group_of_gpus_that_share_a_model(contestant_with):
    model = contestant_with({"engine": "vllm"}, tensor_parallel_size=2)
    assert places(model, [GPU_C, GPU_D]) == [("c", 0, 2), ("c", 0, 2), ("d", 0, 2)]


def test_a_group_of_gpus_is_of_one_node(contestant_with):
    model = contestant_with({"engine": "vllm"}, tensor_parallel_size=6)
    with pytest.raises(EngineError, match="wants 6 GPUs of one node, and none has more than 4"):
        placements(model, exclusive=True, nodes=[GPU_C, GPU_D])


def test_a_head_without_cores_plays_nothing(contestant_with):
    scripted = contestant_with({"engine": "script"})
    assert places(scripted, [HEAD, CPU_B], exclusive=False) == [("b", 0, 0)]
    with pytest.raises(EngineError, match="no node of the cluster offers cores"):
        placements(scripted, exclusive=False, nodes=[HEAD])
