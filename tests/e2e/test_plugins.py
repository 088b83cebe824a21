"""The example package of CONTRIBUTING.md adds a benchmark and an engine by entry points alone."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "docs/examples/arena_coin"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a process in which the example is installed (as pip would lay it out)."""
    shutil.copy(EXAMPLE / "arena_coin.py", tmp_path)
    info = tmp_path / "arena_coin-1.0.dist-info"
    info.mkdir()
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return os.environ | {"PYTHONPATH": str(tmp_path)}


def arena(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "arena", *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_the_benchmark_and_the_engine_of_another_package_play(environment: dict[str, str], tmp_path: Path):
    listed = json.loads(arena(environment, "tasks", "coin", "--json"))
    assert [task["id"] for task in listed] == [f"coin/{index}" for index in range(10)]
    assert "constant" in {kind["kind"] for kind in json.loads(arena(environment, "agents", "--json"))}

    suite = tmp_path / "coins.toml"
    suite.write_text('name = "coins"\n[[tasks]]\nbenchmark = "coin"\n')
    scores = json.loads(
        arena(environment, "batch", str(suite), "-a", "expert", "-a", "half=constant:heads", "--json")
    )
    assert scores["contestants"]["expert"]["coin"]["success"] == 1.0
    assert scores["contestants"]["half"]["coin"]["success"] == 0.5


def test_gymnasium_makes_it_without_importing_arena(environment: dict[str, str]):
    for first in ("gymnasium", "arena_coin, gymnasium"):
        assert step_of_coin(environment, first) == "(1.0, True, False)"


def step_of_coin(environment: dict[str, str], first: str) -> str:
    program = (
        f"import {first}; env = gymnasium.make('arena/Coin-v0'); "
        "env.reset(options={'task': 'coin/1'}); print(env.step('tails')[1:4])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
