"""Fixtures that several packages' tests share."""

import importlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from envs import registry

# before anything imports torch: waiting threads that spin starve the others on two cores
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# the same examples each time, however long they take: whether a change may land is no matter of luck, nor of
# the machine. `pytest --hypothesis-profile search` looks for new ones
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", settings.get_profile("repeatable"), derandomize=False, max_examples=1000)
settings.load_profile("repeatable")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of official data and parity vectors beside the repository; it is not part of it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the official data in ../shared, which is not part of the repository")
    return folder


@pytest.fixture(autouse=True)
def _no_outside_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a developer's own settings, runs and data out of the tests."""
    monkeypatch.setenv("ARENA_RUNS", str(tmp_path / "runs"))
    for name in ("ARENA_DATA", "ARENA_CONTESTANTS", "ARENA_API_KEY", "OPENAI_API_KEY", "ARENA_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ladder(monkeypatch: pytest.MonkeyPatch) -> type:
    """The toy benchmark `ladder`, known to the registry for the duration of a test."""
    monkeypatch.syspath_prepend(str(ROOT / "tests/toys"))
    module = importlib.import_module("ladder")
    monkeypatch.setitem(registry.benchmarks(), "ladder", module.BENCHMARK)
    monkeypatch.setattr(module.LadderEnv, "crashes", 0)
    monkeypatch.setattr(module.LadderEnv, "made", 0)
    return module.LadderEnv
