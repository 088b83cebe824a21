"""What a batch will take before it is played: episodes, tokens and hours, by benchmark and contestant."""

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from arena.contestant import Contestant
from arena.engines.vllm_machine import CPU_PACKAGE
from arena.errors import StoreError
from arena.expected import Expected, expected, table
from arena.plan import Plan, exists, read_plan, without_none
from arena.presets import presets
from arena.store.files import DATABASE, connect, runs_folder
from envs import registry

LATEST_TURNS = 2000
"""How many turns of an earlier run its engine's speed is taken from."""
LONGEST_PAUSE_S = 60.0
"""What is longer between two turns is no playing: the run was interrupted."""
NO_MODEL = {"expert", "random", "script", "replay"}
_MACHINES = {
    "gpu": "on one data-centre GPU",
    "cpu": "on a CPU of 2 cores",
    "vllm-cpu": "in vLLM on a CPU of 2 cores",
}
"""What a model is computed on, as `[speed]` of `expected.toml` has it, in words."""


@dataclass(frozen=True)
class Speed:
    """How fast an engine is: tokens written a second in a full batch (a token read costs `read_cost` of it).

    None where no model runs. `source` says where the figure is from, `batch` how many episodes in flight such
    a speed takes: with fewer it is assumed to fall in proportion.
    """

    tokens_s: float | None
    source: str
    batch: int = 1
    read_cost: float = 0.0


@dataclass(frozen=True)
class Row:
    """A contestant's share of a benchmark that is still to be played."""

    benchmark: str
    sources: str
    contestant: str
    episodes: int
    done: int
    turns: float
    prompt_tokens: float
    reply_tokens: float
    hours: float


def forecast(plan: Plan, run: Path) -> tuple[list[Row], dict[str, Speed]]:
    """Return what a plan still takes, benchmark by benchmark, and each contestant's speed.

    `run` is where it would be recorded: what is done there is not counted again.
    """
    done = _done(run)
    speeds = {each.name: speed_of(each) for each in plan.contestants}
    owed: dict[tuple[str, str], list[str]] = {}
    finished: dict[tuple[str, str], int] = {}
    for key in plan.episodes():
        where = key.task.partition("/")[0], key.contestant
        owed.setdefault(where, [])
        if key.unique in done:
            finished[where] = finished.get(where, 0) + 1
        else:
            owed[where].append(key.task_hash)
    tasks = {task.hash: task for task in plan.tasks}
    thinks = {each.name: each.settings.thought_tokens for each in plan.contestants}
    rows = []
    for (benchmark, name), hashes in owed.items():
        takes = [expected(tasks[each], thinks[name]) for each in hashes]
        sources = sorted({task.source for task in plan.tasks if task.benchmark == benchmark})
        rows.append(
            Row(
                benchmark,
                " and ".join(sources),
                name,
                len(hashes),
                finished.get((benchmark, name), 0),
                sum(each.turns for each in takes),
                sum(each.prompt_tokens for each in takes),
                sum(each.reply_tokens for each in takes),
                _hours(takes, speeds[name], registry.benchmark(benchmark).most_at_once),
            )
        )
    return rows, speeds


def speed_of(contestant: Contestant) -> Speed:
    """Return how fast a contestant's engine was in its latest run here, else what its size lets assume."""
    engine = contestant.identity["engine"]
    if engine.get("engine") in NO_MODEL:
        return Speed(None, "no model")
    machine = _machine(engine)
    return _measured(engine, table()["speed"][machine]["read_cost"]) or _assumed(contestant, machine)


def _done(run: Path) -> set[tuple[str, str, int, int]]:
    if not exists(run):
        return set()
    db = connect(run)
    try:
        rows = db.execute("SELECT contestant, task_hash, seed, repeat FROM episode WHERE status = 'done'")
        return {tuple(row) for row in rows}
    finally:
        db.close()


def _hours(takes: Sequence[Expected], speed: Speed, most_at_once: int | None) -> float:
    if speed.tokens_s is None:
        return 0.0
    # a benchmark with few environments can't fill the batch
    filled = min(1.0, (most_at_once or speed.batch) / speed.batch)
    work = sum(each.reply_tokens + speed.read_cost * each.read_tokens for each in takes)
    return work / (speed.tokens_s * filled) / 3600


def _machine(engine: Mapping[str, Any]) -> str:
    """Return what a model is computed on, a key of `_MACHINES`: of a server elsewhere, a GPU is assumed."""
    if str(engine.get("build", "")).startswith(CPU_PACKAGE):
        return "vllm-cpu"
    return "cpu" if engine.get("engine") == "hf" and shutil.which("nvidia-smi") is None else "gpu"


def _assumed(contestant: Contestant, machine: str) -> Speed:
    size = contestant.size_bytes or _preset_bytes(contestant)
    row = table()["speed"][machine]
    if size is None:
        size, what = row["size_bytes"], "a model of 7 thousand million weights"
    else:
        what = f"{size / 1e9:.2g} GB"
    tokens_s = row["tokens_s"] * row["size_bytes"] / size
    return Speed(tokens_s, f"assumed for {what} {_MACHINES[machine]}", row["batch"], row["read_cost"])


def _preset_bytes(contestant: Contestant) -> float | None:
    for preset in presets().values():
        if preset.hub in contestant.spec:
            return preset.parameters * 2e9  # 16-bit weights
    return None


def _measured(engine: Mapping[str, Any], read_cost: float) -> Speed | None:
    """Return the speed in the newest run of this folder that a contestant of this engine has played in."""
    folder, recorded = runs_folder(), without_none(engine)
    found = sorted(folder.glob(f"*/{DATABASE}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for database in found:
        run = database.parent
        try:
            names = [
                each["name"]
                for each in read_plan(run)["contestants"]
                if each["identity"]["engine"] == recorded
            ]
            speeds = [speed for name in names if (speed := _speed_in(run, name, read_cost))]
        except (StoreError, KeyError, TypeError, sqlite3.Error):
            continue  # not a run that this Arena reads; another may do
        if speeds:
            return Speed(speeds[0], f"measured in run {run.name}", read_cost=read_cost)
    return None


def _speed_in(run: Path, contestant: str, read_cost: float) -> float | None:
    db = connect(run)
    try:
        rows = db.execute(
            "SELECT v.at, t.completion_tokens, t.prompt_tokens - t.cached_tokens FROM event v"
            " JOIN episode e ON e.id = v.episode_id"
            " JOIN turn t ON t.episode_id = v.episode_id AND t.idx = v.turn_idx"
            " WHERE v.kind = 'turn_played' AND e.contestant = ? ORDER BY v.id DESC LIMIT ?",
            (contestant, LATEST_TURNS),
        ).fetchall()
    finally:
        db.close()
    seconds = work = 0.0
    for (at, written, read), (before, _, _) in pairwise(rows):
        # a pause, or (in a merged run) a turn that another machine played, says nothing of the speed
        if 0 <= at - before < LONGEST_PAUSE_S:
            seconds += at - before
            work += written + read_cost * read
    return work / seconds if seconds > 0 and work > 0 else None
