"""Asks the simulator which tasks there are, and writes tasks.json: `python -m envs.scienceworld.survey`.

Run once for each release of the simulator (an hour); nothing else in Arena runs it.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from envs.scienceworld import pool
from envs.scienceworld.installed import SIMULATOR_VERSION
from envs.scienceworld.simulator import Simulator
from envs.scienceworld.tasks import simplifications

GOLD_PATHS = 3
"""How many variations of a task are solved for its typical length."""
SLOW = ("grow-fruit", "mendelian-genetics-known-plant", "mendelian-genetics-unknown-plant")
MOST_SLOW = 37
"""The simulator thinks 3 to 11 seconds about each variation of these: the first ones stand for the rest."""


def survey(gold_paths: int = GOLD_PATHS) -> dict[str, Any]:
    """Return what the simulator says of its tasks, in the form of tasks.json.

    With `gold_paths` 0, `gold_steps` and `solved_in` are left out.
    """
    simulator = pool.borrow()
    try:
        return {
            "simulator": SIMULATOR_VERSION,
            "tasks": {name: _describe(simulator, name, gold_paths) for name in simulator.task_names()},
        }
    finally:
        pool.give_back(simulator)


def _describe(simulator: Simulator, name: str, gold_paths: int) -> dict[str, Any]:
    simulator.load(name, 0, simplifications(name))
    splits = {split: [min(held), max(held)] for split, held in simulator.splits().items()}
    task: dict[str, Any] = {"variations": simulator.variations(name), "splits": splits}
    if gold_paths:
        lengths = [
            len(simulator.gold_path(name, variation, simplifications(name)))
            for variation in range(gold_paths)
        ]
        task["gold_steps"] = statistics.median(lengths)
        tried = min(task["variations"], MOST_SLOW) if name in SLOW else task["variations"]
        task["solved_in"] = [_solved_in(simulator, name, variation) for variation in range(tried)]
    return task


def _solved_in(simulator: Simulator, name: str, variation: int) -> int | None:
    """Return after how many steps the simulator's own solution has a score of 100; None where it has not."""
    setting = name, variation, simplifications(name)
    path = simulator.gold_path(*setting)
    simulator.load(*setting)
    simulator.step("look around")  # as the environment begins
    for steps, action in enumerate(path, 1):
        reply = simulator.step(action)
        if reply.score == 100:
            return steps
        if reply.completed or reply.score < 0:
            break
    return None


if __name__ == "__main__":
    target = Path(__file__).with_name("tasks.json")
    found = survey()
    rows = [f"  {json.dumps(name)}: {json.dumps(task)}" for name, task in found["tasks"].items()]
    head = f' "simulator": {json.dumps(found["simulator"])},\n "tasks": {{\n'
    target.write_text("{\n" + head + ",\n".join(rows) + "\n }\n}\n", encoding="utf-8")
    sys.stderr.write(f"wrote {target}\n")
