"""The tasks of WorfBench: ours, drawn from templates, and the official ones from the user's copy."""

import random
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from envs.base import Source, Task
from envs.workflow.graph import END, START, render
from envs.workflow.official import KINDS, REPLY_TOKENS, official_tasks

TASKS_A_KIND = 16


def tasks(source: Source) -> Sequence[Task]:
    """Return all tasks of a source: 112 bundled ones. Raises `MissingData` or `BadData`."""
    return official_tasks() if source == "official" else _bundled()


def _bundled() -> list[Task]:
    return [_task(kind, index) for kind in KINDS for index in range(TASKS_A_KIND)]


@cache
def _templates() -> Mapping[str, Any]:
    return tomllib.loads(files("envs.workflow").joinpath("templates.toml").read_text(encoding="utf-8"))


def _task(kind: str, index: int) -> Task:
    form = _templates()["kinds"][kind]
    scenarios = form["scenarios"]
    scenario, turn = scenarios[index % len(scenarios)], index // len(scenarios)
    draw = random.Random(f"worfbench-{kind}-{index}")
    # each filling of a scenario takes other words for every slot
    slots = {name: values[turn % len(values)] for name, values in scenario["slots"].items()}
    nodes = [step["text"].format(**slots) for step in scenario["steps"]]
    edges = _edges([step["after"] for step in scenario["steps"]])
    offered = [line.format(**slots) for line in scenario.get("offered", form.get("offered", []))]
    if form["offer_steps"]:
        offered += nodes
        draw.shuffle(offered)
    request = form["request"].format(
        goal=scenario["goal"].format(**slots), offered="\n".join(f"- {line}" for line in offered)
    )
    branches = len(edges) > len(nodes) + 1
    return Task(
        id=f"worfbench/{kind}/{index}",
        benchmark="worfbench",
        subset=kind,
        source="bundled",
        seed=index,
        max_steps=1,
        difficulty="hard" if branches else "easy",
        data={
            "messages": [
                {"role": "system", "content": _templates()["system"].strip()},
                {"role": "user", "content": request.strip()},
            ],
            "gold": render(nodes, edges),
        },
        goal=scenario["goal"].format(**slots),
        reply_tokens=REPLY_TOKENS,
    )


def _edges(after: Sequence[Sequence[int]]) -> list[tuple[int | str, int | str]]:
    edges: list[tuple[int | str, int | str]] = []
    for number, earlier in enumerate(after, 1):
        edges += [(tail, number) for tail in earlier] or [(START, number)]
    followed = {tail for tail, _ in edges}
    return edges + [(number, END) for number in range(1, len(after) + 1) if number not in followed]
