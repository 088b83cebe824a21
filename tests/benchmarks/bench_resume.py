"""How long a run of 100,000 episodes takes from the command to its first new turn, when it is resumed.

A synthetic run: its database is filled with finished episodes, all but a few, without playing them, from few
tasks with many repeats to as many tasks as episodes. What is measured is all that a command does until the
first request: the suite's tasks, the plan and what is done of it; a run of 1,000 episodes stands beside it.
"""

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.contestant import Contestant, agent_settings
from arena.engines.base import Completion, Engine, Request
from arena.plan import Plan, create_run
from arena.run import play_run
from arena.store.writer import RunWriter
from arena.suite import expand, parse_suite
from envs import registry
from envs.base import Task

sys.path.append(str(Path(__file__).parents[1] / "toys"))
import ladder

BAR_S = 3.0
OWED = 8
SUITE = 'name = "bench"\n[[tasks]]\nbenchmark = "ladder"\ncount = COUNT\n'


class Ups(Engine):
    """Climbs; notes when it was first asked."""

    first_asked: tuple[float, float] | None = None

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.first_asked = self.first_asked or (time.perf_counter(), time.process_time())
        return [Completion("up", "stop") for _ in requests]

    def identity(self) -> Mapping[str, Any]:
        return {"engine": "ups"}


def planned(tasks: int, contestants: int, repeats: int) -> Plan:
    suite = parse_suite(SUITE.replace("COUNT", str(tasks)), "bench")
    settings = agent_settings(suite.settings, {})
    names = [f"c{index}" for index in range(contestants)]
    return Plan(
        suite,
        [Contestant(name, name, {}, settings, {"engine": {"name": name}}) for name in names],
        expand(suite),
        repeats,
    )


def fill(plan: Plan, run: Path) -> None:
    create_run(plan, run)
    writer = RunWriter(run)
    writer.add_tasks(plan.tasks)
    writer.close()
    db = sqlite3.connect(run / "run.sqlite")
    rows = [
        (key.contestant, key.task_hash, key.task, key.seed, key.repeat) for key in plan.episodes()[:-OWED]
    ]
    db.executemany(
        "INSERT INTO episode (contestant, task_hash, task, seed, repeat, attempt, status, turns, started_at)"
        " VALUES (?, ?, ?, ?, ?, 1, 'done', 1, 0)",
        rows,
    )
    db.commit()
    db.close()


def resumed_s(folder: Path, name: str, tasks: int, contestants: int, repeats: int) -> None:
    run = folder / name
    fill(planned(tasks, contestants, repeats), run)
    registry._tasks.cache_clear()
    registry.tasks("ladder")  # reading them is the benchmark's own time; naming them by content is ours
    began, used = time.perf_counter(), time.process_time()
    plan = planned(tasks, contestants, repeats)  # as a command does that begins anew
    engines = {each.name: Ups() for each in plan.contestants}
    tally = asyncio.run(play_run(plan, run, engines, lambda event: None))
    assert tally.owed == 0
    first = min(engine.first_asked for engine in engines.values() if engine.first_asked)
    print(
        f"{tally.planned:,} episodes, {tasks:,} tasks, {contestants} contestants, {repeats} repeats:"
        f" first new turn after {first[0] - began:.2f} s (bar {BAR_S:g}),"
        f" {first[1] - used:.2f} s of them computing"
    )


def many(source: str) -> Sequence[Task]:
    return [
        Task(f"ladder/{index}", "ladder", None, "bundled", index, 6, "easy", {"top": 1 + index % 5})
        for index in range(100_000)
    ]


if __name__ == "__main__":
    ladder.tasks = many
    registry.benchmarks()["ladder"] = ladder.BENCHMARK
    with tempfile.TemporaryDirectory() as name:
        resumed_s(Path(name), "small", 250, 4, 1)
        resumed_s(Path(name), "repeats", 2_500, 4, 10)
        resumed_s(Path(name), "tasks", 25_000, 4, 1)
        resumed_s(Path(name), "all-tasks", 100_000, 1, 1)
