"""A finding of the paper, asked of a run: confirmed, contradicted, or not decidable with so many tasks."""

import math
import tomllib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.prediction import spearman
from arena.plan import read_plan
from arena.score import read_scores
from arena.study.able import beyond
from arena.study.family import Family, families
from arena.study.losses import Progress, chosen_tasks, mean_losses, progress_by_task

Verdict = Literal["confirmed", "contradicted", "not decidable", "not asked"]

CONFIDENCE = 0.95
RESAMPLES = 9999
POWER = 0.8
FINISHED = 0.95
"""A contestant with a smaller share of its base's tasks would take them from the others' means."""
FEWEST_RECIPES = 4
"""A correlation over fewer says nothing."""


@dataclass(frozen=True)
class Answer:
    """A claim and what a run says of it.

    `estimate` with its 95 % interval is what the claim says is above `threshold` (for `small`: below it), in
    points of 100 or, for `ranks` and `correlate`, as it is. `needed` is how many tasks would decide, if the
    estimate is right; None where no number would. `reason` says why nothing was asked.
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
    gaps: list[float] = []
    who: list[str] = []
    for family in record.families:
        tasks = _tasks(claim["tasks"], record, [family])
        these, than = (_members(family, claim[side], record) for side in ("these", "than"))
        lost, other = (mean_losses(record.progress, family.base, side, tasks) for side in (these, than))
        gaps += [lost[task] - other[task] for task in lost.keys() & other.keys()]
        who += [f"{len(these)} recipes against {len(than)} of {family.base}"] if lost and other else []
    return _decide(claim, [np.array(gaps)], ", ".join(who))


def _by_tasks(claim: Mapping[str, Any], record: Record) -> Answer:
    sides = [_losses(record, claim["recipes"], claim[side]) for side in ("these", "than")]
    return _decide(claim, sides, f"{sides[0].size} against {sides[1].size} tasks")


def _small(claim: Mapping[str, Any], record: Record) -> Answer:
    lost = _losses(record, claim["recipes"], claim["tasks"])
    return _decide(claim, [lost], f"{lost.size} tasks", below=claim["margin"])


def _sizes(claim: Mapping[str, Any], record: Record) -> Answer:
    if len({family.size_bytes for family in record.families}) < 2:
        return _not_asked(claim, "it takes base models of two sizes in the run")
    # a model that plays in two engines is two families: the ones with most recipes are compared
    most = max(len(family.compressed) for family in record.families)
    full = [family for family in record.families if len(family.compressed) == most]
    small, large = full[0], full[-1]
    shared = [
        recipe
        for recipe in _recipes(claim["recipes"])
        if recipe in small.compressed.keys() & large.compressed
    ]
    tasks = _tasks(claim["tasks"], record, [small, large])
    first, second = (
        mean_losses(record.progress, family.base, [family.compressed[recipe] for recipe in shared], tasks)
        for family in (small, large)
    )
    gaps = [first[task] - second[task] for task in first.keys() & second.keys()]
    return _decide(claim, [np.array(gaps)], f"{small.base} against {large.base}, {len(shared)} recipes")


def _ranks(claim: Mapping[str, Any], record: Record) -> Answer:
    pairs = [
        (overlap[str(claim["than"])]["jaccard"], overlap[str(claim["these"])]["jaccard"])
        for numbers in record.analysis.get("models", {}).values()
        if str(claim["these"]) in (overlap := numbers.get("top_k") or {}) and str(claim["than"]) in overlap
    ]
    if len(pairs) < FEWEST_RECIPES:
        return _not_asked(claim, f"it takes an analysis of at least {FEWEST_RECIPES} recipes")
    gaps = np.array([more - fewer for more, fewer in pairs])
    return _decide(
        claim, [gaps], f"Jaccard at {claim['than']} less at {claim['these']}, {len(pairs)} recipes"
    )


def _correlate(claim: Mapping[str, Any], record: Record) -> Answer:
    rows = [
        (numbers["loss"], 1 - numbers["top_k"]["10"]["jaccard"])
        for numbers in record.analysis.get("models", {}).values()
        if "loss" in numbers and "10" in (numbers.get("top_k") or {})
    ]
    if len(rows) < FEWEST_RECIPES:
        return _not_asked(claim, f"it takes an analysis of at least {FEWEST_RECIPES} recipes")
    values = np.array(rows)
    rho = spearman(values[:, 0], values[:, 1])
    # Fisher's z with Fieller's variance for ranks; kept off |rho| = 1, where the interval would be a point
    spread = stats.norm.ppf((1 + CONFIDENCE) / 2) * math.sqrt(1.06 / max(1, len(rows) - 3))
    z = math.atanh(max(-0.999, min(0.999, rho)))
    low, high = math.tanh(z - spread), math.tanh(z + spread)
    return Answer(
        claim["says"],
        claim["where"],
        _verdict(low, high, 0.0),
        rho,
        low,
        high,
        cases=len(rows),
        measured=f"Spearman's rho of loss and 1 - Jaccard at 10, {len(rows)} recipes",
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
    """Decide by a bootstrap over tasks of the mean (one side) or of the difference of two means."""
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
    if all(np.ptp(side) == 0 for side in sides):
        # the bootstrap sees no spread; n equal tasks can't rule out that some share of others differs
        unseen = 1 - ((1 - CONFIDENCE) / 2) ** (1 / min(side.size for side in sides))
        middle = float(sides[0][0] - (sides[1][0] if len(sides) > 1 else 0))
        return middle - unseen, middle + unseen

    def statistic(*samples: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        means = [sample.mean(axis=axis) for sample in samples]
        return means[0] - means[1] if len(means) > 1 else means[0]

    low, high = stats.bootstrap(
        tuple(sides),
        statistic,
        confidence_level=CONFIDENCE,
        method="percentile",
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(0),
        vectorized=True,
    ).confidence_interval
    return float(low), float(high)


def _needed(sides: Sequence[NDArray[np.float64]], effect: float) -> int | None:
    """Return how many tasks (a side) would decide with a power of 80 %, were the estimate true."""
    variance = sum(float(side.var(ddof=1)) for side in sides)
    if effect == 0 or variance == 0:
        return None
    quantiles = stats.norm.ppf((1 + CONFIDENCE) / 2) + stats.norm.ppf(POWER)
    return math.ceil(variance * (quantiles / effect) ** 2)


def _not_asked(claim: Mapping[str, Any], reason: str) -> Answer:
    return Answer(claim["says"], claim["where"], "not asked", reason=reason)


def _losses(record: Record, recipes: str, tasks: str) -> NDArray[np.float64]:
    """Return the mean loss over a group of recipes, one number a family and task of a group of tasks."""
    by_family = (
        mean_losses(
            record.progress, family.base, _members(family, recipes, record), _tasks(tasks, record, [family])
        )
        for family in record.families
    )
    return np.array([value for lost in by_family for value in lost.values()])


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
