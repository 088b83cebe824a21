"""The report in one sentence: which contestant to ship, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from arena.report.tables import difference_cells
from arena.verdict import WORTH_RULING_OUT, points

OVERALL = "overall"
PLAYERS = frozenset({"expert", "random", "script", "replay"})
"""Engines that are yardsticks, not models: nobody ships them."""
SMALLER = 0.995
"""Up to this share of the base's bytes a contestant counts as smaller."""
AS_SMALL = 1.02
"""Up to so many times the smallest's bytes a contestant counts as small as it."""
MOST_NAMED = 4

Kind = Literal["ship", "undecided", "none", "no_base", "alone"]


@dataclass(frozen=True)
class Headline:
    """What is recommended (`text`), and in further sentences why, how sure it is, and what is open."""

    kind: Kind
    text: str
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A contestant that might be shipped: its comparison with the base over all benchmarks.

    `harmed` are benchmarks on which it is proven worse, and a drop beyond the margin isn't ruled out.
    """

    name: str
    fields: Mapping[str, Any]
    size_ratio: float | None
    harmed: tuple[str, ...]

    @property
    def safe(self) -> bool:
        """Whether a loss beyond the margin is ruled out."""
        return "ci" in self.fields and self.fields["ci"][0] >= -WORTH_RULING_OUT and not self.harmed

    @property
    def is_open(self) -> bool:
        """Whether more tasks would tell."""
        return not self.safe and self.fields.get("verdict_kind") in ("undecided", "looks_worse")

    @property
    def smaller(self) -> bool:
        """Whether it is known to be smaller than the base."""
        return self.size_ratio is not None and self.size_ratio <= SMALLER

    @property
    def as_large(self) -> bool:
        """Whether it is known to save nothing."""
        return self.size_ratio is not None and self.size_ratio > SMALLER


def headline(document: Mapping[str, Any]) -> Headline:
    """Return the recommendation: the smallest contestant for which a loss beyond the margin is ruled out.

    The margin is `WORTH_RULING_OUT` of progress over all benchmarks. Where no contestant is such, it says how
    many tasks would decide.
    """
    found = candidates(document)
    if document["agents"].get(document["baseline"], {}).get("engine") in PLAYERS:
        return Headline("alone", f"Nothing to ship: the baseline, {document['baseline']}, is no model")
    if not found:
        return Headline("alone", _nobody(document))
    if all(each.fields.get("verdict_kind") == "no_base" for each in found):
        return Headline("no_base", "No verdict: the base can't do these tasks", (found[0].fields["verdict"],))
    safe = [each for each in found if each.safe]
    smaller = [each for each in safe if each.smaller]
    if smaller:
        return _ship(document, _best(smaller), found)
    unsized = [each for each in safe if each.size_ratio is None]
    if unsized:
        text = f"{_names(unsized)}: no loss of more than {_margin()} points is possible"
        why = (
            *map(_sure, unsized[:MOST_NAMED]),
            "How large it is isn't known, so what it saves isn't either.",
        )
        return Headline("ship", text, (*why, *_open(found, None)))
    if any(each.is_open and not each.as_large for each in found):
        text = "Nothing smaller is known to be safe" if safe else "Nothing is decided"
        return Headline("undecided", text + _soonest(found), (*_as_large(safe), *_open(found, None)))
    who = "nothing smaller" if safe else "none of the others"
    text = f"Ship the base: {who} stays within {_margin()} points of it"
    unsafe = [each for each in found if not each.safe]
    return Headline("none", text, (*_as_large(safe), *map(_lost, unsafe[:MOST_NAMED])))


def candidates(document: Mapping[str, Any]) -> list[Candidate]:
    """Return the contestants that were compared with the base, without yardsticks, in the report's order."""
    base = document["baseline"]
    agents, overall = document.get("agents", {}), document.get("overall", {})
    names = [
        name
        for name, fields in overall.items()
        if name != base and fields.get("verdict_kind") and agents.get(name, {}).get("engine") not in PLAYERS
    ]
    return [
        Candidate(name, overall[name], overall[name].get("size_ratio"), _harmed(document, name))
        for name in names
    ]


def _harmed(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(
        benchmark
        for benchmark, fields in document["contestants"][name].items()
        if fields.get("verdict_kind") == "worse" and fields["ci"][0] < -WORTH_RULING_OUT
    )


def _nobody(document: Mapping[str, Any]) -> str:
    base = document["baseline"]
    others = [name for name in document["overall"] if name != base]
    if not others:
        return f"Nothing is compared: only {base} was scored"
    models = [name for name in others if document["agents"][name]["engine"] not in PLAYERS]
    return f"Nothing pairs with {base} yet" if models else f"No model is compared with {base}"


def _best(safe: Sequence[Candidate]) -> Candidate:
    """Return the smallest; of those that are as small as makes no difference, the one known to lose least."""
    smallest = min(each.size_ratio or 0.0 for each in safe)
    as_small = [each for each in safe if (each.size_ratio or 0.0) <= smallest * AS_SMALL]
    return max(as_small, key=lambda each: each.fields["ci"][0])


def _ship(document: Mapping[str, Any], best: Candidate, found: Sequence[Candidate]) -> Headline:
    size = f"{100 * (best.size_ratio or 0):.0f}\N{NO-BREAK SPACE}% of the base's size"
    why = [_sure(best), *_caveats(document, best), *_open(found, best)]
    return Headline("ship", f"Ship {best.name}: {size}", tuple(why))


def _sure(candidate: Candidate) -> str:
    """Return what is ruled out for a safe contestant, in numbers."""
    fields = candidate.fields
    delta, interval, _ = difference_cells(fields)
    low = fields["ci"][0]
    ruled_out = (
        "it is better than the base"
        if low > 0
        else f"a drop of more than {points(-low, up=True)} points of progress is ruled out"
    )
    if fields["verdict_kind"] in ("worse", "looks_worse"):
        ruled_out = f"{fields['verdict']}; {ruled_out}"
    tasks = "1 task" if fields["pairs"] == 1 else f"{fields['pairs']:,} tasks"
    return f"{candidate.name}: {ruled_out} (95 % sure; {delta} {interval} on {tasks})."


def _lost(candidate: Candidate) -> str:
    harmed = f"; proven worse on {', '.join(candidate.harmed)}" if candidate.harmed else ""
    return f"{candidate.name}: {candidate.fields['verdict']}{harmed}."


def _caveats(document: Mapping[str, Any], best: Candidate) -> list[str]:
    said = []
    worse = [
        benchmark
        for benchmark, fields in document["contestants"][best.name].items()
        if fields.get("verdict_kind") in ("worse", "looks_worse")
    ]
    if worse:
        said.append(f"Look at {', '.join(worse)}, where it is worse or looks so.")
    left_out = [name for name, check in document.get("floors", {}).items() if check["cleared"] is False]
    if left_out:
        said.append(f"Nothing is said of {', '.join(left_out)}, which the base itself can't do.")
    return said


def _as_large(safe: Sequence[Candidate]) -> list[str]:
    if not safe:
        return []
    lose, save = ("loses", "saves") if len(safe) == 1 else ("lose", "save")
    return [f"{_names(safe)} {lose} nothing beyond the margin, and {save} nothing: as large as the base."]


def _open(found: Sequence[Candidate], best: Candidate | None) -> list[str]:
    """Return what is undecided among those that are smaller than the best (without one: among all)."""
    limit = SMALLER if best is None or best.size_ratio is None else best.size_ratio
    waiting = [each for each in found if each.is_open]
    better = [each for each in waiting if each.size_ratio is None or each.size_ratio < limit]
    asked = better or ([] if best else waiting)
    return [_would_tell(each, smaller=best is not None) for each in asked[:MOST_NAMED]]


def _soonest(found: Sequence[Candidate]) -> str:
    needed = [each.fields["tasks_to_decide"] for each in found if each.is_open and not each.as_large]
    told = [tasks for tasks in needed if tasks is not None]
    return f": about {min(told):,} tasks would decide" if told else ""


def _would_tell(candidate: Candidate, *, smaller: bool) -> str:
    needed = candidate.fields.get("tasks_to_decide")
    tasks = "no number of tasks that anybody plays" if needed is None else f"about {needed:,} tasks"
    is_so = "is smaller still, but undecided" if smaller else "is undecided"
    return (
        f"{candidate.name} {is_so}: {candidate.fields['pairs']:,} tasks say too little; {tasks} would decide."
    )


def _names(found: Sequence[Candidate]) -> str:
    named = ", ".join(each.name for each in found[:MOST_NAMED])
    return f"{named} and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else named


def _margin() -> str:
    return points(WORTH_RULING_OUT)
