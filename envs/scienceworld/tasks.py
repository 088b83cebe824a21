"""The tasks of ScienceWorld, listed without starting Java."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from envs.base import Source, Task
from envs.datafile import json_value
from envs.datasets import how_to_import, official_folder
from envs.errors import BadData, MissingData
from envs.scienceworld import patterns

MAX_STEPS = 30
"""As AgentBoard plays them."""
ROOM = 1.5
"""Steps that a bundled task grants for each of the simulator's own solution, where that is more."""
SLACK = 1.25
"""Steps that a bundled task grants for each of its own variation's solution, where that is more still."""
SIMPLIFICATIONS = ("selfWateringFlowerPots", "openContainers", "openDoors", "noElectricalAction")
"""As AgentBoard plays them; for tasks about circuits the simulator's package refuses the last one."""


def tasks(source: Source) -> Sequence[Task]:
    """Return all tasks of a source.

    Bundled: all variations of the simulator's 30 tasks, `scienceworld/NAME/VARIATION`; a task is easy where
    the simulator's own solution (the median of the task's first three variations) fits in 30 steps; a hard
    one grants half as many steps again as that solution takes, and never less than a quarter more than the
    solution of this variation takes (of the slowest that was tried, where it was not): what the simulator
    finds differs by a few steps from process to process.
    Official: the labels of AgentBoard, one JSON object a line with id, task, goal, subgoals, difficulty and
    additional_info (env_name, var); of two lines for one variation the later counts, as in AgentBoard.

    Raises `MissingData` where the official labels are absent, `BadData` where they can't be read.
    """
    if source == "bundled":
        return _bundled()
    return _official(official_folder("scienceworld") / "test.jsonl")


def expert_solves(task: Task) -> bool:
    """Tell whether the simulator's own solution of a task was tried and reached its goal."""
    tried = known_tasks()[task.data["task"]]["solved_in"]
    return task.data["variation"] < len(tried) and tried[task.data["variation"]] is not None


def simplifications(name: str) -> str:
    """Return the simplifications under which a task is played, as the simulator wants them."""
    circuits = "power-component" in name or "conductivity" in name
    return ",".join(SIMPLIFICATIONS[:-1] if circuits else SIMPLIFICATIONS)


@cache
def known_tasks() -> Mapping[str, Mapping[str, Any]]:
    """Return the simulator's tasks: name -> variations, splits (first, last), gold_steps, solved_in."""
    return _survey()["tasks"]


@cache
def _survey() -> Mapping[str, Any]:
    return json.loads(files(__package__).joinpath("tasks.json").read_text(encoding="utf-8"))


def _bundled() -> list[Task]:
    return [
        _task(
            "bundled",
            name,
            variation,
            "easy" if known["gold_steps"] <= MAX_STEPS else "hard",
            max_steps=max(
                MAX_STEPS, round(ROOM * known["gold_steps"]), round(SLACK * _solved_in(known, variation))
            ),
        )
        for name, known in known_tasks().items()
        for variation in range(known["variations"])
    ]


def _solved_in(known: Mapping[str, Any], variation: int) -> int:
    """Return how many steps a variation's own solution takes; 0 where it is known to solve nothing."""
    tried: Sequence[int | None] = known["solved_in"]
    steps = tried[variation] if variation < len(tried) else max(filter(None, tried))
    return steps or 0


def _task(
    source: Source,
    name: str,
    variation: int,
    difficulty: Literal["easy", "hard"],
    goal: str = "",
    max_steps: int = MAX_STEPS,
    **data: Any,
) -> Task:
    return Task(
        id=f"scienceworld/{name}/{variation}",
        benchmark="scienceworld",
        subset=name,
        source=source,
        seed=variation,
        max_steps=max_steps,
        difficulty=difficulty,
        goal=goal,
        data={
            "simulator": _survey()["simulator"],
            "task": name,
            "variation": variation,
            "split": _split(name, variation),
            "simplifications": simplifications(name),
            **data,
        },
    )


def _split(name: str, variation: int) -> str | None:
    splits = known_tasks()[name]["splits"].items()
    return next((split for split, (first, last) in splits if first <= variation <= last), None)


def _official(path: Path) -> list[Task]:
    if not path.is_file():
        raise MissingData(f"there is no test.jsonl in {path.parent}", how_to_import("scienceworld"))
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path} can't be read: {error}") from error
    read = [_label(f"{path}, line {n}", line) for n, line in enumerate(lines, 1) if line.strip()]
    return list({task.id: task for task in read}.values())


def _label(where: str, line: str) -> Task:
    try:
        label = json_value(line)
        info = label["additional_info"]
        name, variation, goal = info["env_name"], info["var"], label["goal"]
        subgoals, difficulty = label["subgoals"], label["difficulty"]
    except (ValueError, RecursionError) as error:
        raise BadData(f"{where}: not JSON ({error})") from error
    except (KeyError, TypeError) as error:
        raise BadData(f"{where}: not a label of ScienceWorld (no {error})") from error
    if not isinstance(name, str) or name not in known_tasks():
        raise BadData(f"{where}: the simulator has no task {name!r}")
    if type(variation) is not int or not 0 <= variation < known_tasks()[name]["variations"]:
        raise BadData(f"{where}: {name} has no variation {variation!r}")
    if not isinstance(goal, str) or difficulty not in ("easy", "hard"):
        raise BadData(f"{where}: goal must be a text and difficulty easy or hard")
    patterns.check(where, subgoals)
    return _task("official", name, variation, difficulty, goal, subgoals=subgoals)
