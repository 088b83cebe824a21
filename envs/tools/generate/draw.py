"""Draws tasks: the bundled ones have the seed `BUNDLED_SEED`, any other seed gives other tasks."""

import json
import random
from collections.abc import Iterator, Mapping
from itertools import cycle
from types import ModuleType
from typing import Any, Literal

from envs.base import Task
from envs.tools.env import TOOLKITS
from envs.tools.generate import academia, movie, sheet, todo, weather
from envs.tools.generate.session import Draft, Session, Template, Unsuitable, lines, telling_results
from envs.tools.sheet import SheetToolkit
from envs.tools.todo import TodoToolkit

BUNDLED_SEED = 0
BUNDLED_PER_SUBSET = 24
MAX_STEPS = 30
"""As AgentBoard plays all tasks; solutions take at most half of it, but for long sheets."""

SUBSETS: Mapping[str, tuple[str, ...]] = {
    "tool-query": ("weather", "movie", "academia"),
    "tool-operation": ("todo", "sheet"),
}
_MODULES: Mapping[str, ModuleType] = {
    "weather": weather,
    "movie": movie,
    "academia": academia,
    "todo": todo,
    "sheet": sheet,
}
_CHANGES = ("add_", "update_", "delete_", "complete_")
_MAX_TRIES = 1000


def draw(benchmark: str, subset: str, seed: int, count: int) -> list[Task]:
    """Return `count` tasks, half of them easy: the same for a seed, whatever the count, as far as it goes.

    No two ask the same of the same world, and unless `seed` is `BUNDLED_SEED` none is a bundled task again.
    Raises `KeyError` for an unknown subset, `ValueError` where the templates can't give so many.
    """
    taken: set[str] = set()
    if seed != BUNDLED_SEED:
        bundled = draw(benchmark, subset, BUNDLED_SEED, BUNDLED_PER_SUBSET)
        taken.update(_problem(task.goal, task.data) for task in bundled)
    templates = _in_turn(subset)
    return [_draw_one(benchmark, subset, seed, index, *next(templates), taken) for index in range(count)]


def _in_turn(subset: str) -> Iterator[tuple[Literal["easy", "hard"], Template]]:
    easy, hard = (cycle(_MODULES[subset].TEMPLATES[difficulty]) for difficulty in ("easy", "hard"))
    while True:
        yield "easy", next(easy)
        yield "hard", next(hard)


def _draw_one(
    benchmark: str,
    subset: str,
    seed: int,
    index: int,
    difficulty: Literal["easy", "hard"],
    template: Template,
    taken: set[str],
) -> Task:
    for attempt in range(_MAX_TRIES):
        rng = random.Random(f"{subset}/{seed}/{index}/{attempt}")
        start = _MODULES[subset].start(rng)
        session = Session(TOOLKITS[subset](**start), rng)
        try:
            draft = template(session)
            data = _finished(session, start, draft)
        except Unsuitable:
            continue
        if (problem := _problem(draft.goal, data)) not in taken:
            taken.add(problem)
            break
    else:
        raise ValueError(f"no more {subset} tasks can be drawn with seed {seed}")
    name = index if seed == BUNDLED_SEED else f"seed{seed}-{index}"
    return Task(
        id=f"{benchmark}/{subset}/{name}",
        benchmark=benchmark,
        subset=subset,
        source="bundled",
        seed=seed,
        max_steps=MAX_STEPS,
        difficulty=difficulty,
        data={"tool": subset, **data},
        goal=draft.goal,
    )


def _problem(goal: str, data: Mapping[str, Any]) -> str:
    return json.dumps([goal, data["init"]], sort_keys=True)


def _finished(session: Session, start: dict[str, Any], draft: Draft) -> dict[str, Any]:
    toolkit = session.toolkit
    if isinstance(toolkit, SheetToolkit):
        return _finished_sheet(session, toolkit, start)
    session("finish", answer=draft.answer)
    if len(session.calls) > MAX_STEPS - 5:
        raise Unsuitable
    data = {"init": start, "solution": lines(session), "subgoals": telling_results(session)}
    if not isinstance(toolkit, TodoToolkit):
        return data
    changes = [
        result
        for call, result in zip(session.calls, session.results, strict=True)
        if call.name.startswith(_CHANGES)
    ]
    # where something is to be changed only the changes are expected: there are other ways to find what to
    # change, and saying that it is done is no achievement
    expected = changes or data["subgoals"]
    return data | {"subgoals": expected, "final": toolkit.state()}


def _finished_sheet(session: Session, toolkit: SheetToolkit, start: dict[str, Any]) -> dict[str, Any]:
    target = toolkit.values()
    session("finish")
    if len(session.calls) > MAX_STEPS - 2:
        raise Unsuitable
    opened = next(sheet for sheet in start["sheets"] if toolkit.is_open(sheet["name"]))
    others = [{"name": sheet["name"], "values": []} for sheet in start["sheets"] if sheet is not opened]
    init = {"sheets": [opened, *others], "opened": opened["name"]}
    return {"init": init, "solution": lines(session), "target": target}
