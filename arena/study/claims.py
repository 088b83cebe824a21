"""A finding of the paper, asked of a run: confirmed, contradicted, or not decidable with so many tasks."""

import math
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.power import tasks_without_a_difference
from analysis.prediction import rank_interval, spearman
from analysis.significance import paired_difference
from arena.plan import read_plan
from arena.score import read_scores
from arena.study.able import beyond
from arena.study.family import Family, families
from arena.study.losses import Progress, chosen_tasks, mean_losses, progress_by_task
from arena.verdict import MOST_TASKS
from arena.words import counted

Verdict = Literal["confirmed", "contradicted", "not decidable", "not asked"]

CONFIDENCE = 0.95
POWER = 0.8
FINISHED = 0.95
"""A contestant with a smaller share of its base's tasks would take them from the others' means."""
FEWEST_RECIPES = 4
"""A correlation over fewer says nothing."""


@dataclass(frozen=True)
class Answer:
    """A claim and what a run says of it.

    `estimate` with its 95 % interval is what the claim says is above `threshold` (for `small`: below it), in
    points of 100 or, for `ranks` and `correlate`, as it is. `cases` counts tasks or recipes (`of`); `needed`
    is how many would decide, if the estimate is right; None where no number would. `reason` says why nothing
    was asked.
    """

    says: str
    where: str
    verdict: Verdict
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float = 0.0
    cases: int = 0
    needed: int | None = None
    measured: str = ""
    reason: str = ""
    of: Literal["tasks", "recipes"] = "tasks"


@dataclass(frozen=True)
class Record:
    """What claims are asked of: a run's scores, its families, an analysis of its models if there is one."""

    progress: Progress
    tasks: Mapping[str, str]
    families: Sequence[Family]
    analysis: Mapping[str, Any]
    beyond: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Base -> the benchmarks that it can't do."""


def read_record(run: Path, analysis: Mapping[str, Any] | None = None) -> Record:
    """Read a run; `analysis` is the document that `arena analyze --out` writes. Raises `StoreError`."""
    _, episodes, _ = read_scores(run)
    tasks = {task_hash: task for task, task_hash in read_plan(run)["plan"]["tasks"]}
    progress, found = progress_by_task(episodes), families(run)
    return Record(progress, tasks, found, analysis or {}, beyond(run, found, progress))


def answers(record: Record) -> list[Answer]:
    """Ask all claims of a record."""
    return [_ASK[claim["kind"]](claim, record) for claim in _claims()["claim"]]


@cache
def _claims() -> Mapping[str, Any]:
    return tomllib.loads(files("arena.study").joinpath("claims.toml").read_text(encoding="utf-8"))


def _more(claim: Mapping[str, Any], record: Record) -> Answer:
    gaps: list[Mapping[str, float]] = []
    who: list[str] = []
    for family in record.families:
        tasks = _tasks(claim["tasks"], record, [family])
        these, than = (_members(family, claim[side], record) for side in ("these", "than"))
        lost, other = (mean_losses(record.progress, family.base, side, tasks) for side in (these, than))
        own = {task: lost[task] - other[task] for task in sorted(lost.keys() & other.keys())}
        gaps.append(own)
        if own:
            points = f"{100 * np.mean(list(own.values())):+.1f}: " if len(record.families) > 1 else ""
            who.append(f"{points}{counted(len(these), 'recipe')} against {len(than)} of {family.base}")
    return _decide(claim, [_over_families(gaps)], "; ".join(who))


def _by_tasks(claim: Mapping[str, Any], record: Record) -> Answer:
    sides = [_losses(record, claim["recipes"], claim[side]) for side in ("these", "than")]
    return _decide(claim, sides, f"{sides[0].size} against {sides[1].size} tasks")


def _small(claim: Mapping[str, Any], record: Record) -> Answer:
    lost = _losses(record, claim["recipes"], claim["tasks"])
    return _decide(claim, [lost], f"{lost.size} tasks", below=claim["margin"])


def _sizes(claim: Mapping[str, Any], record: Record) -> Answer:
    sized = [family for family in record.families if family.size_bytes]  # a server doesn't say it
    if len({family.size_bytes for family in sized}) < 2:
        return _not_asked(claim, "it takes base models of two known sizes in the run")
    # a model that plays in two engines is two families: the one with most recipes counts
    by_recipes = sorted(sized, key=lambda family: len(family.compressed))
    fullest = {family.size_bytes: family for family in by_recipes}
    small, large = fullest[min(fullest)], fullest[max(fullest)]
    finished = {name for family in (small, large) for name in _members(family, claim["recipes"], record)}
    shared = [
        recipe
        for recipe in _recipes(claim["recipes"])
        if {small.compressed.get(recipe), large.compressed.get(recipe)} <= finished
    ]
    tasks = _tasks(claim["tasks"], record, [small, large])
    first, second = (
        mean_losses(record.progress, family.base, [family.compressed[recipe] for recipe in shared], tasks)
        for family in (small, large)
    )
    gaps = [first[task] - second[task] for task in sorted(first.keys() & second.keys())]
    can = [_mean_progress(record, family.base, first.keys() & second.keys()) for family in (small, large)]
    return _decide(
        claim,
        [np.array(gaps)],
        f"{small.base} ({can[0]:.0f} without compression) against {large.base} ({can[1]:.0f}), "
        f"{len(shared)} recipes",
    )


def _mean_progress(record: Record, contestant: str, tasks: Collection[str]) -> float:
    """Return a contestant's progress on tasks, in points; NaN without any."""
    return 100 * float(np.mean([record.progress[contestant, task] for task in tasks] or [math.nan]))


def _ranks(claim: Mapping[str, Any], record: Record) -> Answer:
    pairs = [
        (overlap[str(claim["than"])]["jaccard"], overlap[str(claim["these"])]["jaccard"])
        for numbers in record.analysis.get("models", {}).values()
        if str(claim["these"]) in (overlap := numbers.get("top_k") or {}) and str(claim["than"]) in overlap
    ]
    if len(pairs) < FEWEST_RECIPES:
        return _not_asked(claim, f"it takes an analysis of at least {FEWEST_RECIPES} recipes")
    gaps = np.array([more - fewer for more, fewer in pairs])
    measured = f"Jaccard at {claim['than']} less at {claim['these']}, {len(pairs)} recipes"
    return replace(_decide(claim, [gaps], measured), of="recipes")


def _correlate(claim: Mapping[str, Any], record: Record) -> Answer:
    # the loss itself says more of the base than of the recipe: models of several bases may be among them
    rows = [
        (numbers["loss"] - numbers["base_loss"], 1 - numbers["top_k"]["10"]["jaccard"])
        for numbers in record.analysis.get("models", {}).values()
        if numbers.get("loss") is not None and "10" in (numbers.get("top_k") or {})
    ]
    if len(rows) < FEWEST_RECIPES:
        return _not_asked(claim, f"it takes an analysis of at least {FEWEST_RECIPES} recipes")
    values = np.array(rows)
    if not np.all(np.ptp(values, axis=0) > 0):
        return _not_asked(claim, "losses or ranks of all recipes are the same, or no numbers")
    rho = spearman(values[:, 0], values[:, 1])
    low, high = rank_interval(rho, len(rows))
    return Answer(
        claim["says"],
        claim["where"],
        _verdict(low, high, 0.0),
        rho,
        low,
        high,
        cases=len(rows),
        of="recipes",
        measured=f"Spearman's rho of loss increase and 1 - Jaccard at 10, {len(rows)} recipes",
    )


_ASK = {
    "more": _more,
    "tasks": _by_tasks,
    "small": _small,
    "sizes": _sizes,
    "ranks": _ranks,
    "correlate": _correlate,
}


def _decide(
    claim: Mapping[str, Any],
    sides: Sequence[NDArray[np.float64]],
    measured: str,
    below: float | None = None,
) -> Answer:
    """Decide by the interval over tasks of the mean (one side) or of the difference of two means."""
    if any(side.size < 2 for side in sides):
        return _not_asked(
            claim, "the run has no contestants for it, or no finished tasks that the base can do"
        )
    estimate = float(sides[0].mean() - (sides[1].mean() if len(sides) > 1 else 0))
    low, high = _interval(sides)
    threshold = below or 0.0
    verdict = _verdict(threshold - high, threshold - low, 0) if below is not None else _verdict(low, high, 0)
    return Answer(
        claim["says"],
        claim["where"],
        verdict,
        estimate,
        low,
        high,
        threshold,
        sum(side.size for side in sides),
        _needed(sides, estimate - threshold) if verdict == "not decidable" else None,
        measured,
    )


def _verdict(low: float, high: float, threshold: float) -> Verdict:
    if low > threshold:
        return "confirmed"
    return "contradicted" if high < threshold else "not decidable"


def _interval(sides: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """Return the interval of a mean, or of the difference of two independent ones, as reports have them.

    A report's differences end at ±1, those of two losses at ±2.
    """
    scale = max(1.0, *(float(np.abs(side).max()) for side in sides))
    first, *others = (paired_difference(np.zeros(side.size), side / scale) for side in sides)
    if not others:
        return scale * first.low, scale * first.high
    (second,) = others
    estimate = first.delta - second.delta
    return (
        scale * (estimate - math.hypot(first.delta - first.low, second.high - second.delta)),
        scale * (estimate + math.hypot(first.high - first.delta, second.delta - second.low)),
    )


def _needed(sides: Sequence[NDArray[np.float64]], effect: float) -> int | None:
    """Return how many tasks or recipes (a side) would decide with a power of 80 %, were the estimate true.

    None where nobody plays as many. Where so many were played and too few of them differ to tell, it is how
    many without another difference would: as `analysis.significance.paired_difference` widens its interval.
    """
    variance = sum(float(side.var(ddof=1)) for side in sides)
    if effect == 0:
        return None
    quantiles = stats.norm.ppf((1 + CONFIDENCE) / 2) + stats.norm.ppf(POWER)
    needed = math.ceil(variance * (quantiles / effect) ** 2)
    if needed > MOST_TASKS:
        return None
    have = min(side.size for side in sides)
    if needed > have:
        return needed
    return max(have + 1, math.ceil(tasks_without_a_difference(min(abs(effect), 0.99))))


def _not_asked(claim: Mapping[str, Any], reason: str) -> Answer:
    return Answer(claim["says"], claim["where"], "not asked", reason=reason)


def _losses(record: Record, recipes: str, tasks: str) -> NDArray[np.float64]:
    """Return the mean loss over a group of recipes, one number a task of a group of tasks."""
    return _over_families(
        [
            mean_losses(
                record.progress,
                family.base,
                _members(family, recipes, record),
                _tasks(tasks, record, [family]),
            )
            for family in record.families
        ]
    )


def _over_families(by_family: Iterable[Mapping[str, float]]) -> NDArray[np.float64]:
    """Return each task's mean over the families that have played it.

    One number a task: what two models make of the same task, or one model in two engines, is not independent.
    """
    values: dict[str, list[float]] = {}
    for found in by_family:
        for task, value in found.items():
            values.setdefault(task, []).append(value)
    return np.array([np.mean(of_task) for of_task in values.values()])


def _recipes(group: str) -> list[str]:
    return list(_claims()["recipes"][group])


def _members(family: Family, group: str, record: Record) -> list[str]:
    """Return the contestants of a group that have finished (nearly) all that their base has."""
    finished = Counter(name for name, _ in record.progress)
    enough = FINISHED * finished[family.base]
    found = [family.compressed[recipe] for recipe in _recipes(group) if recipe in family.compressed]
    return [name for name in found if finished[name] >= max(1, enough)]


def _tasks(group: str, record: Record, bases: Sequence[Family]) -> list[str]:
    """Return the tasks of a group that all of the bases can do."""
    beyond = {benchmark for family in bases for benchmark in record.beyond.get(family.base, ())}
    return [
        task_hash
        for task_hash in chosen_tasks(record.tasks, _claims()["tasks"][group])
        if record.tasks[task_hash].partition("/")[0] not in beyond
    ]
