"""A tiny model and enough text, for tests that compress."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "toys"))
import tiny_models

from compress.calibration import Calibration


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of two blocks with 32 hidden channels, as save_pretrained writes it."""
    return tiny_models.save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def texts() -> Calibration:
    """Some 3000 tokens for a model that has a token for each byte."""
    lines = [f"{i}. The {w} is {i % 7} miles from the river {w[::-1]}." for i in range(60) for w in ("mill",)]
    return Calibration("test", tuple(lines))


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
