"""What vLLM is told about a machine, and the sentences about what goes wrong with it."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from arena.engines import vllm_machine, vllm_problem
from arena.engines.vllm_machine import cache_bytes, refuse_too_large, settle, threads_of_model
from arena.engines.vllm_problem import explain, import_problem, refuse_on_cpu
from arena.errors import EngineError
from compress.scheme import Scheme, quantization_config


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 2 cores with 2 threads each, one memory node, 4 GiB of free memory."""
    for cpu, siblings in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        topology = tmp_path / f"cpu{cpu}/topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(siblings)
    (tmp_path / "node0").mkdir()
    (tmp_path / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable:  {4 * 2**20} kB\n")
    monkeypatch.setattr(vllm_machine, "_CPUS", tmp_path)
    monkeypatch.setattr(vllm_machine, "_NODES", tmp_path)
    monkeypatch.setattr(vllm_machine, "_MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    return tmp_path


def test_all_cores_of_a_small_machine_compute_one_thread_each(machine: Path) -> None:
    environment: dict[str, str] = {}
    settle(environment)
    assert environment["VLLM_CPU_OMP_THREADS_BIND"] == "0,1"


def test_cores_that_this_process_may_not_use_are_left_alone(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 2, 3})
    assert threads_of_model() == [1, 2]


@pytest.mark.parametrize("name", ["VLLM_CPU_OMP_THREADS_BIND", "VLLM_CPU_NUM_OF_RESERVED_CPU"])
def test_what_the_user_has_set_is_kept(machine: Path, name: str) -> None:
    environment = {name: "1", "VLLM_LOGGING_LEVEL": "DEBUG"}
    settle(environment)
    assert environment[name] == "1"
    assert environment["VLLM_LOGGING_LEVEL"] == "DEBUG"
    assert ("VLLM_CPU_OMP_THREADS_BIND" in environment) == (name == "VLLM_CPU_OMP_THREADS_BIND")


def test_large_machines_are_left_to_vllm(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4, 40)))
    assert threads_of_model() == []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    (machine / "node1").mkdir()
    assert threads_of_model() == []


def test_vllm_reports_nothing_to_its_makers(machine: Path) -> None:
    environment: dict[str, str] = {}
    settle(environment)
    assert environment["VLLM_NO_USAGE_STATS"] == "1"


def test_caches_take_a_part_of_the_memory_unless_the_user_says_how_much() -> None:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert cache_bytes({}) == total // 8
    assert cache_bytes({"VLLM_CPU_KVCACHE_SPACE": "4"}) is None


def test_a_model_that_does_not_fit_into_memory_is_refused_before_it_is_loaded(machine: Path) -> None:
    refuse_too_large("small", 3 * 2**30, 2**29)
    with pytest.raises(EngineError, match=r"large needs 4\.0 GiB of memory with its caches, 4\.0 are free"):
        refuse_too_large("large", 3 * 2**30, 2**30 + 1)


LOG = """(EngineCore pid=7) INFO 11-24 [core.py:1] Error: none
(VllmWorker-0 pid=8) ERROR 11-24 13:45:30 [multiproc_executor.py:953]     raise ValueError(
(VllmWorker-0 pid=8) ERROR 11-24 13:45:30 [multiproc_executor.py:953] {reason}
(EngineCore pid=7) ERROR [core.py:1510] Exception: WorkerProc initialization failed due to an exception.
RuntimeError: Engine core initialization failed. See root cause above.
"""


@pytest.mark.parametrize(
    ("reason", "what", "next_step"),
    [
        (
            "ValueError: Available memory on node 0 (21.2/23.5 GiB) on startup is less than desired CPU "
            "memory utilization (0.92, 21.66 GiB)",
            "not enough memory",
            "VLLM_CPU_KVCACHE_SPACE",
        ),
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9 GiB",
            "not enough memory",
            "smaller",
        ),
        (
            "ValueError: To serve at least one request with the models's max seq len (131072), (15 GiB KV "
            "cache is needed, which is larger than the available KV cache memory (2 GiB). the estimated "
            "maximum model length is 16384",
            "full length",
            "max_model_len",
        ),
        (
            "NotImplementedError: No compressed-tensors compatible scheme was found",
            "quantization",
            "hf:models/m",
        ),
        (
            "ValueError: Failed to find a kernel that can implement the WNA16 linear layer",
            "quantization",
            "hf:",
        ),
        (
            "NotImplementedError: \"cpu_gemm_wna16\" not implemented for 'Float'",
            "16 bits only",
            "dtype=bfloat16",
        ),
        ("TypeError: something else", "TypeError: something else", "hf:models/m"),
    ],
)
def test_the_reason_is_found_in_the_log_and_said_in_one_sentence(
    tmp_path: Path, reason: str, what: str, next_step: str
) -> None:
    log = tmp_path / "log.txt"
    log.write_text(LOG.format(reason=reason))
    error = explain("models/m", RuntimeError("Engine core initialization failed."), log)
    assert what in error.message
    assert reason.partition(": ")[2][:30] in error.message
    assert "initialization failed" not in error.message
    assert "\n" not in error.message
    assert next_step in error.next_step
    assert str(log) in error.next_step


def quantized(scheme: Scheme) -> dict[str, Any]:
    return quantization_config({"model.layers.0.mlp.up_proj": scheme}, [])


@pytest.mark.parametrize("bits", [3, 8])
def test_what_a_cpu_can_t_serve_is_refused_before_it_is_loaded(bits: int) -> None:
    with pytest.raises(EngineError, match=f"no kernel for weights of {bits} bits") as caught:
        refuse_on_cpu("m", quantized(Scheme(bits, group_size=32)))
    assert "Play it as hf:m" in caught.value.next_step


@pytest.mark.parametrize(
    "quantization",
    [
        None,
        quantized(Scheme(4, group_size=32)),
        quantized(Scheme(8, activations="int")),
        quantized(Scheme(8, "float", activations="float")),
        {"quant_method": "gptq", "bits": 4, "group_size": 64},
        {"config_groups": "damaged"},
        {"config_groups": {"a": None, "b": {"weights": None}}},
    ],
)
def test_what_a_cpu_serves_or_nothing_is_known_of_is_left_to_vllm(quantization: Any) -> None:
    refuse_on_cpu("m", quantization)


def test_a_reason_that_pydantic_words_is_found_too() -> None:
    words = (
        "1 validation error for ModelConfig\n  Value error, User-specified max_model_len (9) is greater than"
    )
    error = explain("m", ValueError(words + " the derived max_model_len [type=value_error]\n  For more"))
    assert "more than the model was made for (User-specified max_model_len (9) is greater" in error.message
    assert "Set max_model_len lower" in error.next_step


def test_packages_that_break_the_import_are_named_with_the_command_that_removes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vllm_problem, "sys", type("Sys", (), {"modules": {}}))
    error = import_problem(RuntimeError("operator torchvision::nms does not exist"))
    assert "can't be imported beside torchvision" in error.message
    assert error.next_step == "pip uninstall -y torchvision torchaudio torchcodec"


def test_where_vllm_is_missing_the_error_says_how_to_get_it() -> None:
    error = import_problem(ModuleNotFoundError("No module named 'vllm'", name="vllm"))
    assert "not installed" in error.message
    assert "make vllm" in error.next_step
    assert "vllm" not in sys.modules
