"""ScienceWorld: our step against the stock one, on the same actions; a Java process's start and memory.

Run: python tests/benchmarks/bench_scienceworld.py   (two minutes; Linux; needs the extra `scienceworld`)

The stock step is `scienceworld.ScienceWorldEnv.step` in its own Java process with its default options. Both
play the simulator's own solutions of some tasks, twice to warm up and then in turns. Wall time says little on
a busy machine (a short answer waits as long for its turn as a long one), so the processor time of Python and
Java together is printed beside it.
"""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from scienceworld import ScienceWorldEnv as StockEnv

from envs.base import Task
from envs.registry import find_task
from envs.scienceworld import pool
from envs.scienceworld.env import ScienceWorldEnv

TASKS = [
    "boil/0",
    "find-plant/0",
    "use-thermometer/3",
    "chemistry-mix/1",
    "grow-plant/0",
    "power-component/0",
]
WARM_UPS, ROUNDS = 2, 3


@dataclass
class Player:
    """One way to play; `wall_s` and `cpu_s` are sums over `steps` steps."""

    name: str
    begin: Callable[[Task], object]
    step: Callable[[str], object]
    pid: Callable[[], int]
    steps: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0


def main() -> None:
    ours, official, stock = ScienceWorldEnv(), ScienceWorldEnv("official"), StockEnv("")
    players = [
        Player("ours", lambda task: start(ours, task), ours.step, lambda: ours._simulator.jvm.pid),
        Player(
            "ours, official",
            lambda task: start(official, as_official(task)),
            official.step,
            lambda: official._simulator.jvm.pid,
        ),
        Player(
            "stock",
            lambda task: start_stock(stock, task),
            stock.step,
            lambda: stock._gateway.java_process.pid,
        ),
    ]
    tasks = [replace(find_task(f"scienceworld/{name}"), max_steps=10_000) for name in TASKS]
    paths = [solution(ours, task) for task in tasks]
    for round_ in range(WARM_UPS + ROUNDS):
        for task, path in zip(tasks, paths, strict=True):
            for player in players:
                play(player, task, path, counts=round_ >= WARM_UPS)
    for player in players:
        wall_ms, cpu_ms = 1000 * player.wall_s / player.steps, 1000 * player.cpu_s / player.steps
        memory = resident_mib(player.pid())
        print(
            f"{player.name:15} {1000 / wall_ms:6.1f} steps/s, {wall_ms:6.2f} ms a step "
            f"({cpu_ms:6.2f} ms of processor time), Java resident {memory} MiB"
        )
    last = players[-1]
    for player in players[:-1]:
        print(
            f"{player.name} / stock: {last.wall_s / player.wall_s:.1f}x, "
            f"{last.cpu_s / player.cpu_s:.1f}x in processor time   (bar: 10x)"
        )
    resets = [timed(lambda task=task: ours.reset(options={"task": task})) for task in tasks * 3]
    print(f"reset on a warm process: {1000 * statistics.median(resets):.0f} ms (median of {len(resets)})")
    stock.close()
    ours.close()
    official.close()
    pool.close()
    starts = [timed(pool.borrow) for _ in range(3)]
    print(f"start of a Java process: {statistics.median(starts):.2f} s (median of {len(starts)})")


def play(player: Player, task: Task, path: list[str], *, counts: bool) -> None:
    player.begin(task)
    wall, cpu = time.perf_counter(), processor_s(player.pid())
    for action in path:
        player.step(action)
    if counts:
        player.steps += len(path)
        player.wall_s += time.perf_counter() - wall
        player.cpu_s += processor_s(player.pid()) - cpu


def solution(env: ScienceWorldEnv, task: Task) -> list[str]:
    """Return the simulator's solution, up to where the task is solved."""
    start(env, task)
    played = []
    for action in env.expert():
        played.append(action)
        if env.step(action)[2]:
            break
    return played


def start(env: ScienceWorldEnv, task: Task) -> None:
    env.reset(options={"task": task})


def start_stock(env: StockEnv, task: Task) -> None:
    env.load(task.data["task"], task.data["variation"], task.data["simplifications"])
    env.reset()


def as_official(task: Task) -> Task:
    return replace(task, source="official", data={**task.data, "subgoals": ["never said", "nor this"]})


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def processor_s(pid: int) -> float:
    """Return the processor time that this process and Java process `pid` have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))


if __name__ == "__main__":
    main()
