"""What compression cost, task by task: the numbers that claims are made about."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np

from arena.score import EpisodeScore

Progress = Mapping[tuple[str, str], float]
"""(contestant, task's hash) -> progress rate, repeats averaged."""


def progress_by_task(episodes: Iterable[EpisodeScore]) -> Progress:
    """Return each contestant's mean progress rate on each task that it has finished."""
    values: dict[tuple[str, str], list[float]] = {}
    for each in episodes:
        if each.progress is not None:
            values.setdefault((each.contestant, each.task_hash), []).append(each.progress)
    return {place: float(np.mean(repeats)) for place, repeats in values.items()}


def mean_losses(
    progress: Progress, base: str, others: Sequence[str], tasks: Sequence[str]
) -> dict[str, float]:
    """Return, per task that the base and all of `others` have finished, what they lost on average (0..1)."""
    return {
        task: float(np.mean([progress[base, task] - progress[other, task] for other in others]))
        for task in tasks
        if others and all((name, task) in progress for name in (base, *others))
    }


def chosen_tasks(tasks: Mapping[str, str], patterns: Sequence[str]) -> list[str]:
    """Return the hashes of the tasks (hash -> id) that a pattern with `*` lets through: `teval/*-json`.

    A pattern names the beginning of an id: benchmark, or benchmark and subset.
    """
    return [
        task_hash
        for task_hash, task in tasks.items()
        if any(fnmatchcase(task, pattern) or fnmatchcase(task, pattern + "/*") for pattern in patterns)
    ]
