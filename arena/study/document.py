"""The study of a run as one JSON-able document: what the Markdown page and the terminal are drawn from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from arena.compressed import split_recipe
from arena.errors import StoreError
from arena.paths import typed_path
from arena.plan import read_plan
from arena.report.document import report_document
from arena.study.claims import FINISHED, Record, answers, read_record
from arena.study.family import by_model
from arena.study.noise import twins
from compress.errors import RecipeError
from compress.recipe import Calibrated, read_recipe


def study_document(
    run: Path, analyses: Sequence[Mapping[str, Any]] = (), telling: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the study as plain data: all that its page says.

    That is {run, created, machine, packages, suite, calibration, reports, claims, noise, sizes, needle,
    analyses, telling}. `reports` and `analyses` (the documents of `arena analyze`) are one a base model;
    `telling` is what `telling_of` returns; `needle` is contestant -> length (tokens) -> depth (percent) ->
    mean score 0..1.
    Raises `StoreError` for a run that can't be read, or was imported.
    """
    plan = read_plan(run)
    if "imported" in plan:
        raise StoreError(
            f"{run} was imported: logs don't tell which recipes its contestants were made by",
            "`arena report` compares them",
        )
    models = {name: numbers for each in analyses for name, numbers in each.get("models", {}).items()}
    record = read_record(run, {"models": models})
    return {
        "run": run.name,
        "created": plan["created"],
        "machine": plan["machine"],
        "packages": plan["packages"],
        "suite": _suite(plan),
        "calibration": _calibration(plan, run.parent / "recipes"),
        "reports": [report_document(run, only=names) for names in by_model(run)],
        "claims": [asdict(answer) for answer in answers(record)],
        "noise": [asdict(pair) | {"tie": pair.tie} for pair in twins(run) if pair.episodes],
        "sizes": _sizes(plan, record),
        "needle": needle_grid(record),
        "analyses": list(analyses),
        "telling": telling,
    }


def needle_grid(record: Record) -> dict[str, dict[int, dict[float, float]]]:
    """Return each contestant's mean score on needles: length in tokens -> depth in percent -> 0..1."""
    cells: dict[tuple[str, int, float], list[float]] = {}
    for (contestant, task_hash), progress in record.progress.items():
        benchmark, _, place = record.tasks.get(task_hash, "").partition("/")
        length, _, depth = place.partition("/")
        if benchmark == "needle" and length.isdigit():
            cells.setdefault((contestant, int(length), float(depth)), []).append(progress)
    grid: dict[str, dict[int, dict[float, float]]] = {}
    for (name, tokens, percent), values in sorted(cells.items()):
        grid.setdefault(name, {}).setdefault(tokens, {})[percent] = float(np.mean(values))
    return grid


def _suite(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return {name, tasks: benchmark -> how many, repeats, temperature}."""
    frozen = plan["plan"]
    tasks = Counter(task.partition("/")[0] for task, _ in frozen["tasks"])
    return {
        "name": frozen["suite"],
        "tasks": dict(tasks),
        "repeats": frozen["repeats"],
        "temperature": frozen["settings"].get("temperature", 0.0),
    }


def _calibration(plan: Mapping[str, Any], recipes: Path) -> list[str]:
    """Return on how much text contestants were calibrated (`128 x 512`), files that are gone left out.

    Recipes that are files are named as they were typed; from another folder they are found in `recipes`.
    """
    found = set()
    for contestant in plan["contestants"]:
        _, name = split_recipe(contestant["spec"])
        if name and name.endswith(".toml") and not typed_path(name).exists():
            name = str(recipes / Path(name).name)
        with suppress(RecipeError):
            recipe = read_recipe(name) if name else None
            if isinstance(recipe, Calibrated):
                found.add(f"{recipe.samples} x {recipe.tokens}")
    return sorted(found)


def _sizes(plan: Mapping[str, Any], record: Record) -> list[dict[str, Any]]:
    """Return {contestant, size_bytes (None: unknown), tasks, progress} of all that have finished a task.

    `progress` is the mean over the `tasks` (how many) that all of them share who have finished (nearly) as
    many as any; None for the others, whose tasks may be the easy ones.
    """
    finished: dict[str, set[str]] = {}
    for name, task in record.progress:
        finished.setdefault(name, set()).add(task)
    most = max(map(len, finished.values()), default=0)
    enough = {name: tasks for name, tasks in finished.items() if len(tasks) >= FINISHED * most}
    shared = set.intersection(*enough.values()) if enough else set()
    rows = []
    for contestant in plan["contestants"]:
        name = contestant["name"]
        if name in finished:
            values = [record.progress[name, task] for task in sorted(shared)] if name in enough else []
            rows.append(
                {
                    "contestant": name,
                    "size_bytes": contestant.get("size_bytes"),
                    "tasks": len(values),
                    "progress": float(np.mean(values)) if values else None,
                }
            )
    return rows
