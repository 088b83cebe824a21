"""Single tasks: what each contestant scored on them, and which only one of two contestants solved."""

from collections.abc import Mapping, Sequence
from typing import Any

from arena.comparing import Table

SOLVED = 0.5
"""A task played several times counts as solved where more than this share of the tries solved it."""


def task_rows(
    table: Table, contestants: Sequence[str], names: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """Return benchmark -> tasks {task, hash, progress: {contestant: rate}, success: {contestant: rate}}.

    `names` maps hashes to task ids, which order the rows (numbers by value).
    """
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for contestant, benchmark in table:
        if contestant not in contestants:
            continue
        found = rows.setdefault(benchmark, {})
        for measure in ("progress", "success"):
            for task, mean in table.means(contestant, benchmark, measure).items():
                row = found.setdefault(
                    task, {"task": names.get(task, task), "hash": task, "progress": {}, "success": {}}
                )
                row[measure][contestant] = mean
    return {
        benchmark: sorted(found.values(), key=lambda row: (_natural(row["task"]), row["hash"]))
        for benchmark, found in rows.items()
    }


def flips(
    rows: Mapping[str, Sequence[Mapping[str, Any]]], baseline: str, contestant: str
) -> dict[str, list[dict[str, Any]]]:
    """Return {lost, gained}: the tasks that only the baseline solved, and those that only the contestant did.

    Each with the progress of both.
    """
    found: dict[str, list[dict[str, Any]]] = {"lost": [], "gained": []}
    for benchmark, tasks in rows.items():
        for row in tasks:
            base, other = row["success"].get(baseline), row["success"].get(contestant)
            if base is None or other is None or (base > SOLVED) == (other > SOLVED):
                continue
            found["lost" if base > SOLVED else "gained"].append(
                {
                    "benchmark": benchmark,
                    "task": row["task"],
                    "hash": row["hash"],
                    "base_progress": row["progress"].get(baseline),
                    "progress": row["progress"].get(contestant),
                }
            )
    return found


def _natural(task: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in task.split("/")]
