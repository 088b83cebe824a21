"""Failed replies by kind: how many, and whether a contestant fails so more often than the baseline."""

from collections import Counter
from collections.abc import Mapping, Sequence
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
    base = _by_task(episodes, baseline)
    compared = {name: _compared(base, _by_task(episodes, name)) for name in contestants if name != baseline}
    rows = [row for kinds in compared.values() for row in kinds.values()]
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = p
    return {name: kinds for name, kinds in compared.items() if kinds}


ByTask = Mapping[str, Sequence[EpisodeScore]]


def _by_task(episodes: Sequence[EpisodeScore], contestant: str) -> ByTask:
    found: dict[str, list[EpisodeScore]] = {}
    for each in episodes:
        # where no turns are told, no failures are either
        if each.contestant == contestant and each.turns:
            found.setdefault(each.task_hash, []).append(each)
    return found


def _compared(base: ByTask, other: ByTask) -> dict[str, dict[str, Any]]:
    shared = sorted(base.keys() & other.keys())
    every = [each for task in shared for each in (*base[task], *other[task])]
    total: Counter[str] = Counter()
    for each in every:
        total.update(each.failures)
    kinds = [kind for kind, _ in total.most_common()]
    return {kind: _row(kind, base, other, shared) for kind in ([ANY, *kinds] if kinds else [])}


def _row(kind: str, base: ByTask, other: ByTask, tasks: Sequence[str]) -> dict[str, Any]:
    theirs = [_failed(base[task], kind) for task in tasks]
    ours = [_failed(other[task], kind) for task in tasks]
    differences = [after - before for before, after in zip(theirs, ours, strict=True)]
    worst = min(range(len(tasks)), key=lambda index: (-differences[index], other[tasks[index]][0].task))
    return {
        "per_episode": fmean(ours),
        "base_per_episode": fmean(theirs),
        "delta": fmean(differences),
        "tasks_more": sum(each > 0 for each in differences),
        "tasks_fewer": sum(each < 0 for each in differences),
        "pairs": len(tasks),
        "p": sign_flip_p(differences),
        "example": other[tasks[worst]][0].task if differences[worst] > 0 else None,
    }


def _failed(episodes: Sequence[EpisodeScore], kind: str) -> float:
    return fmean(
        sum(each.failures.values()) if kind == ANY else each.failures.get(kind, 0) for each in episodes
    )
