"""The gate's decision, by the logic of non-inferiority trials: what the interval rules out decides.

With d the allowed drop and [low, high] the 95 % interval of the difference to the baseline:

    PASS          low > -d, and no drop is proven
    WARN          low > -d, but a drop is proven (smaller than d); or an advisory benchmark fails
    FAIL          a drop is proven (high < 0 and adjusted p < 0.05) and it looks larger than d (delta < -d)
    INCONCLUSIVE  anything else; also where the base can't do the benchmark, or episodes are owed

That every critical benchmark has to pass needs no correction for their number, since all must (Berger 1982,
intersection-union tests); that any may fail does, hence Holm's p. Sources: Piaggio et al. 2012 (CONSORT
extension for non-inferiority); intervals and p-values: docs/statistics.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from analysis.power import tasks_to_gate
from analysis.significance import PairedDifference
from arena.gating.policy import Policy
from arena.report.candidates import models
from arena.verdict import SIGNIFICANT_P, points, rounded_tasks, would_decide
from arena.words import counted

Status = Literal["PASS", "WARN", "FAIL", "INCONCLUSIVE"]
OVERALL = "overall"
_WORST_FIRST: Sequence[Status] = ("FAIL", "INCONCLUSIVE", "WARN", "PASS")


@dataclass(frozen=True)
class Line:
    """The decision on a contestant on one benchmark (or `overall`). Drops and deltas are rates in 0..1."""

    contestant: str
    benchmark: str
    critical: bool
    status: Status
    reason: str
    max_drop: float
    delta: float | None = None
    ci: tuple[float, float] | None = None
    p_holm: float | None = None
    pairs: int = 0
    tasks_to_decide: int | None = None


@dataclass(frozen=True)
class Decision:
    """All lines, the status of each contestant, and the worst of them: the status of the run."""

    status: Status
    contestants: Mapping[str, Status]
    lines: Sequence[Line]
    measure: str

    def as_json(self) -> dict[str, Any]:
        """Return {status, measure, contestants, lines}."""
        return asdict(self)


def decide(document: Mapping[str, Any], policy: Policy) -> Decision:
    """Decide on every model of a report's document. Without any besides the baseline: INCONCLUSIVE.

    Yardsticks (`random`, `expert`, scripts) are no models, and not judged.
    """
    lines: list[Line] = []
    played = dict.fromkeys(name for table in document["contestants"].values() for name in table)
    benchmarks = [*dict.fromkeys([*played, *policy.critical])]
    if OVERALL not in benchmarks and len(played) > 1:
        benchmarks.append(OVERALL)
    names = list(models(document))
    for name in names:
        lines += [_line(document, policy, name, benchmark) for benchmark in benchmarks]
    contestants = {
        name: _worst([line.status for line in lines if line.contestant == name and _counts(line)])
        for name in names
    }
    return Decision(_worst(list(contestants.values())), contestants, lines, policy.measure)


def exit_code(status: Status, *, strict: bool) -> int:
    """Return 0 for pass and warn, 1 for fail, 3 for inconclusive (`strict`: 1)."""
    if status == "INCONCLUSIVE":
        return 1 if strict else 3
    return 1 if status == "FAIL" else 0


def _line(document: Mapping[str, Any], policy: Policy, name: str, benchmark: str) -> Line:
    table = document["overall"] if benchmark == OVERALL else document["contestants"]
    row = table[name] if benchmark == OVERALL else table[name].get(benchmark, {})
    critical, drop = policy.is_critical(benchmark), policy.drop_of(benchmark)
    found = row.get("measures", {}).get(policy.measure)
    if found is None:
        reason = row.get("verdict") or "nothing was played that pairs with the baseline"
        return Line(name, benchmark, critical, "INCONCLUSIVE", reason, drop)
    low, high = found["ci"]
    difference = PairedDifference(found["delta"], low, high, found["p"], found["pairs"], found["sd"])
    status, reason, needed = _judged(difference, found["p_holm"], found["comparisons"], drop)
    owed = sum(_errors(document, each, benchmark) for each in (document["baseline"], name))
    if found["verdict_kind"] == "no_base":
        status, reason, needed = "INCONCLUSIVE", found["verdict"], None
    elif document.get("unplayed") and "stopped" not in document:
        status, reason = "INCONCLUSIVE", f"{document['unplayed']} episodes are not played yet"
    elif owed and status != "FAIL":
        status, reason = "INCONCLUSIVE", f"{owed} episodes ended in an error and are owed"
    elif status == "FAIL" and not critical:
        status = "WARN"
    return Line(
        *(name, benchmark, critical, status, reason, drop),
        delta=found["delta"],
        ci=(low, high),
        p_holm=found["p_holm"],
        pairs=found["pairs"],
        tasks_to_decide=needed,
    )


def _judged(
    difference: PairedDifference, p_holm: float, comparisons: int, drop: float
) -> tuple[Status, str, int | None]:
    allowed = f"{100 * drop:g} points"  # as it was asked for, not rounded
    proven = difference.high < 0 and p_holm < SIGNIFICANT_P
    seen = f"{points(-difference.delta)} points"
    if difference.low > -drop:
        if proven:
            return "WARN", f"a drop of {seen} is certain, more than {allowed} ruled out", None
        return "PASS", f"a drop of more than {allowed} is ruled out", None
    if proven and difference.delta < -drop:
        return "FAIL", f"a drop is certain and looks like {seen}; allowed are {allowed}", None
    needed = rounded_tasks(tasks_to_gate(difference, drop, comparisons), difference.pairs)
    tasks = counted(difference.pairs, "task")
    open_question = f"{tasks} neither rule out a drop of {allowed} nor prove one{would_decide(needed)}"
    return "INCONCLUSIVE", open_question, needed


def _errors(document: Mapping[str, Any], name: str, benchmark: str) -> int:
    if benchmark == OVERALL:
        return document["overall"][name]["errors"]
    return document["contestants"][name].get(benchmark, {}).get("errors", 0)


def _counts(line: Line) -> bool:
    """Tell whether a line counts for its contestant: an advisory one that is open does not."""
    return line.critical or line.status != "INCONCLUSIVE"


def _worst(statuses: Sequence[Status]) -> Status:
    return next((status for status in _WORST_FIRST if status in statuses), "INCONCLUSIVE")
