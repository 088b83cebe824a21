"""A base that writes letters, a copy of it with one broken weight, and a run of both on the toy ladder."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from arena.lineup import line_up
from arena.run import play_run
from arena.suite import parse_suite

sys.path.insert(0, str(Path(__file__).parents[2] / "toys"))
from tiny_models import byte_tokenizer, save_tiny

SUITE = """
name = "ladders"
[settings]
protocol = "text"
max_tokens = 12
stop = ["x"]
[[tasks]]
benchmark = "ladder"
ids = ["ladder/1", "ladder/3"]
max_steps = 3
"""
HEAD = "lm_head.weight"


def damaged(source: Path, folder: Path, damage: Callable[[torch.Tensor], None]) -> Path:
    """A copy of a model folder whose output weights [vocabulary, width] were damaged in place."""
    shutil.copytree(source, folder)
    weights = load_file(source / "model.safetensors")
    damage(weights[HEAD])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `base`, `same`, and `broken`: one weight, of the letter that base writes, is another."""
    folder = tmp_path_factory.mktemp("models")
    letters = byte_tokenizer().convert_tokens_to_ids(list("abcdefghijklmnopqrstuvwxyz"))

    def only_letters(head: torch.Tensor) -> None:
        kept = head[letters].clone()
        head.zero_()
        head[letters] = kept

    def one_weight(head: torch.Tensor) -> None:
        head[letters[4], 5] += 4.0

    base = damaged(save_tiny(folder / "random", max_position_embeddings=4096), folder / "base", only_letters)
    shutil.copytree(base, folder / "same")
    damaged(base, folder / "broken", one_weight)
    return folder


Play = Callable[[list[str], Path], Path]


@pytest.fixture
def play(ladder: type) -> Play:
    """Play contestants as typed on two ladders, into a folder, and return it."""

    def played(typed: list[str], folder: Path) -> Path:
        plan, engines = line_up(parse_suite(SUITE, "ladders"), typed)
        asyncio.run(play_run(plan, folder, engines, lambda _: None))
        return folder

    return played


@pytest.fixture
def run(play: Play, models: Path, tmp_path: Path) -> Path:
    """A run of `base`, `same`, `broken` and `expert` on two ladders."""
    return play(
        [*(f"{name}=hf:{models / name}" for name in ("base", "same", "broken")), "expert"], tmp_path / "run"
    )


@pytest.fixture
def damage_head() -> Callable[..., Path]:
    """Copy a model folder and damage its output weights in place."""
    return damaged
