"""Failed replies by kind: how many, and whether a contestant fails so more often than the baseline."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from analysis.multiple import holm
from analysis.significance import sign_flip_p
from arena.score import EpisodeScore

ANY = "any"
"""All kinds together."""


def failure_counts(episodes: Sequence[EpisodeScore]) -> dict[str, dict[str, int]]:
    """Return contestant -> kind -> failed turns, most frequent first."""
    counts: dict[str, Counter[str]] = {}
    for each in episodes:
        if each.failures:
            counts.setdefault(each.contestant, Counter()).update(each.failures)
    return {name: dict(counts[name].most_common()) for name in sorted(counts)}


def compared_failures(
    episodes: Sequence[EpisodeScore], baseline: str, contestants: Sequence[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return contestant -> kind -> how it differs from the baseline on the tasks that both have finished.

    Each task counts once (repeats collapse to their mean), with the number of its turns that failed in that
    way. `p` is a sign-flip permutation test's, `p_holm` allows for all kinds of all contestants. `example` is
    the task on which the contestant failed most beyond the baseline.
    """
    base = _failed(episodes, baseline)
    compared = {name: _compared(base, _failed(episodes, name)) for name in contestants if name != baseline}
    rows = [row for kinds in compared.values() for row in kinds.values()]
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = p
    return {name: kinds for name, kinds in compared.items() if kinds}


@dataclass(frozen=True)
class Failed:
    """A contestant's failed turns. `tasks` maps the hash of each task that it has finished to its name.

    `counts` maps a kind to the mean number of failed turns of those tasks where there are any, and `total` to
    that of all turns.
    """

    tasks: Mapping[str, str]
    counts: Mapping[str, Mapping[str, float]]
    total: Mapping[str, Mapping[str, int]]


def _failed(episodes: Sequence[EpisodeScore], contestant: str) -> Failed:
    # where no turns are told, no failures are either
    played = [each for each in episodes if each.contestant == contestant and each.turns]
    tries = Counter(each.task_hash for each in played)
    total: dict[str, Counter[str]] = {}
    for each in played:
        for kind, count in each.failures.items():
            total.setdefault(kind, Counter())[each.task_hash] += count
            total.setdefault(ANY, Counter())[each.task_hash] += count
    counts = {
        kind: {task: count / tries[task] for task, count in by_task.items()}
        for kind, by_task in total.items()
    }
    # of a task under several names the first counts
    return Failed({each.task_hash: each.task for each in reversed(played)}, counts, total)


def _compared(base: Failed, other: Failed) -> dict[str, dict[str, Any]]:
    shared = sorted(base.tasks.keys() & other.tasks.keys())
    total: Counter[str] = Counter()
    for side in (base, other):
        for kind, by_task in side.total.items():
            total[kind] += sum(
                by_task[task] for task in by_task.keys() & other.tasks.keys() & base.tasks.keys()
            )
    kinds = [kind for kind, count in total.most_common() if kind != ANY and count]
    return {kind: _row(kind, base, other, shared) for kind in ([ANY, *kinds] if kinds else [])}


def _row(kind: str, base: Failed, other: Failed, tasks: Sequence[str]) -> dict[str, Any]:
    before, after = base.counts.get(kind, {}), other.counts.get(kind, {})
    theirs = [before.get(task, 0.0) for task in tasks]
    ours = [after.get(task, 0.0) for task in tasks]
    differences = [mine - its for its, mine in zip(theirs, ours, strict=True)]
    most = max(differences)
    worst = [other.tasks[task] for task, each in zip(tasks, differences, strict=True) if each == most]
    return {
        "per_episode": fmean(ours),
        "base_per_episode": fmean(theirs),
        "delta": fmean(differences),
        "tasks_more": sum(each > 0 for each in differences),
        "tasks_fewer": sum(each < 0 for each in differences),
        "pairs": len(tasks),
        "p": sign_flip_p(differences),
        "example": min(worst) if most > 0 else None,
    }
