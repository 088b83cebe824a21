"""Tiny models for the tests of `arena.analyzing`: a random Llama, and copies of it with damaged weights."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from arena.analyzing.models import Opened, candidates, open_model

sys.path.insert(0, str(Path(__file__).parents[2] / "toys"))
from tiny_models import save_tiny

Change = Callable[[torch.Tensor], torch.Tensor]


def rounded(step: float) -> Change:
    return lambda weight: (weight / step).round() * step


def pruned(share: float) -> Change:
    def prune(weight: torch.Tensor) -> torch.Tensor:
        smallest = weight.abs().flatten().kthvalue(int(share * weight.numel())).values
        return torch.where(weight.abs() <= smallest, 0.0, weight)

    return prune


def copy_with(source: Path, folder: Path, change: Change) -> Path:
    """A copy of a model folder in which `change` is done to every matrix of its layers."""
    shutil.copytree(source, folder)
    weights = load_file(source / "model.safetensors")
    changed = {n: change(w) if w.ndim == 2 and ".layers." in n else w for n, w in weights.items()}
    save_file(changed, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model `base` and copies: `same`, `fine`, `coarse`, `coarser`, `pruned`, `broken`."""
    folder = tmp_path_factory.mktemp("models")
    base = save_tiny(folder / "base", max_position_embeddings=16384)
    changes = {
        "same": lambda weight: weight,
        "fine": rounded(0.02),
        "coarse": rounded(0.2),
        "coarser": rounded(0.5),
        "pruned": pruned(0.5),
        "broken": lambda weight: torch.full_like(weight, torch.nan),
    }
    for name, change in changes.items():
        copy_with(base, folder / name, change)
    return folder


@pytest.fixture(scope="session")
def opened(models: Path) -> Callable[[str], Opened]:
    """Open a model of `models` by name; each is loaded once."""
    known: dict[str, Opened] = {}

    def open_once(name: str) -> Opened:
        if name not in known:
            (candidate,) = candidates([str(models / name)])
            known[name] = open_model(candidate)
        return known[name]

    return open_once


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "text.txt"
    lines = (f"Line {i}: the robot picks up ball {i % 7} and walks to room {i % 3}.\n" for i in range(40))
    file.write_text("".join(lines))
    return file
