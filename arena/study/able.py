"""What a study's bases can't do: compression can't take it from them, so no finding is asked of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from arena.floors import check_floor
from arena.report.gathering import gather
from arena.study.family import Family
from arena.study.losses import Progress


def beyond(run: Path, found: Sequence[Family], progress: Progress) -> Mapping[str, frozenset[str]]:
    """Return the benchmarks whose floor a base doesn't clear: base -> names. Raises `StoreError`."""
    facts = {task_hash: (each.task, each.source) for task_hash, each in gather([run]).tasks.items()}
    return {family.base: frozenset(_not_cleared(family.base, progress, facts)) for family in found}


def _not_cleared(base: str, progress: Progress, facts: Mapping[str, tuple[str, str]]) -> list[str]:
    by_benchmark: dict[str, dict[str, float]] = {}
    for (contestant, task_hash), value in progress.items():
        if contestant == base and task_hash in facts:
            benchmark = facts[task_hash][0].partition("/")[0]
            by_benchmark.setdefault(benchmark, {})[task_hash] = value
    return [
        benchmark
        for benchmark, values in by_benchmark.items()
        if check_floor(values, None, facts).cleared is False
    ]
