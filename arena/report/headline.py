"""The report in one sentence: which contestant to ship, and how sure that is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from analysis.significance import PairedDifference
from arena.report.candidates import (
    OPEN,
    PLAYERS,
    SMALLER,
    Candidate,
    candidates,
    margin,
    models,
    rules_out,
)
from arena.report.tables import difference_cells
from arena.verdict import can_not, needed_tasks, points
from arena.words import counted

AS_SMALL = 1.02
"""Up to so many times the smallest's bytes a contestant counts as small as it."""
AS_SAFE = 0.01
"""Where the drops that are ruled out differ by no more than this, speed decides between two of one size."""
MOST_NAMED = 4
Kind = Literal["ship", "undecided", "none", "no_base", "alone"]


@dataclass(frozen=True)
class Headline:
    """What is recommended (`text`), and in further sentences why, how sure it is, and what is open.

    `caution` is why all of it may change yet: episodes that are not played, or that ended in an error.
    """

    kind: Kind
    text: str
    why: tuple[str, ...] = ()
    caution: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the fields as reports have them."""
        return {"kind": self.kind, "text": self.text, "why": list(self.why), "caution": self.caution}


def headline(document: Mapping[str, Any]) -> Headline:
    """Return the recommendation: the smallest contestant for which a loss beyond the margin is ruled out.

    The margin is `WORTH_RULING_OUT` of progress over all benchmarks, or half of what the base reaches
    (`LEAST_KEPT`) where that is less. Where no contestant is such, it says how many tasks would decide.
    """
    return replace(_headline(document), caution=_caution(document))


def _headline(document: Mapping[str, Any]) -> Headline:
    found = candidates(document)
    if document["agents"].get(document["baseline"], {}).get("engine") in PLAYERS:
        return Headline("alone", f"Nothing to ship: the baseline, {document['baseline']}, is no model")
    if not found:
        return Headline("alone", _nobody(document))
    if all(each.fields.get("verdict_kind") == "no_base" for each in found):
        return Headline("no_base", f"No verdict: {_no_base(document)} these tasks", _floors(document))
    safe = [each for each in found if each.safe]
    smaller = [each for each in safe if each.smaller]
    if smaller:
        return _ship(document, smaller, found)
    unsized = [each for each in safe if each.size_ratio is None]
    if unsized:
        text = f"{_names(unsized)}: no loss of more than {_exactly(margin(document))} points is possible"
        why = (
            *map(_sure, unsized[:MOST_NAMED]),
            *(said for each in unsized[:MOST_NAMED] for said in _not_known(each)),
            "How large it is isn't known, so what it saves isn't either.",
        )
        return Headline("ship", text, (*why, *_beyond_the_base(document), *_open(found, None)))
    if any(each.is_open and not each.as_large for each in found):
        worse = [each for each in found if each.is_out and not each.safe]
        text = "Nothing smaller is known to be safe" if safe or worse else "Nothing is decided"
        why = (
            *_as_large(safe),
            *_safe_somewhere(document, found),
            *map(_lost, worse[:MOST_NAMED]),
            *_open(found, None),
            *_beyond_the_base(document),
        )
        return Headline("undecided", text + _soonest(found), why)
    if waiting := _unpaired(document):
        text = f"Nothing is decided: no task yet that the base has finished too, of {_listed(waiting)}"
        return Headline("undecided", text, (*_as_large(safe), *_beyond_the_base(document)))
    who = "nothing smaller" if safe else "none of the others"
    text = f"Ship the base: {who} stays within {_exactly(margin(document))} points of it"
    unsafe = [each for each in found if not each.safe]
    why = (*_as_large(safe), *map(_lost, unsafe[:MOST_NAMED]), *_beyond_the_base(document))
    return Headline("none", text, why)


def _nobody(document: Mapping[str, Any]) -> str:
    base = document["baseline"]
    if not any(fields["episodes"] for fields in document["contestants"][base].values()):
        return "Nothing is scored yet"
    if not document["overall"].keys() - {base}:
        return f"Nothing is compared: only {base} was scored"
    return f"Nothing pairs with {base} yet" if models(document) else f"No model is compared with {base}"


def _unpaired(document: Mapping[str, Any]) -> list[str]:
    """Return the models that have finished no task together with the base."""
    return [name for name, fields in models(document).items() if not fields.get("verdict_kind")]


def _caution(document: Mapping[str, Any]) -> str | None:
    """Return what the recommendation doesn't know yet; None where everything was played and scored."""
    unplayed = 0 if document.get("stopped") else document.get("unplayed", 0)
    owed = sum(fields["errors"] for fields in document["overall"].values())
    told = [
        f"{counted(count, 'episode')} {what}"
        for count, what in (
            (unplayed, "not played yet"),
            (owed, "in error, in no score"),
        )
        if count
    ]
    return f"Preliminary: {', and '.join(told)}." if told else None


def _best(safe: Sequence[Candidate]) -> tuple[Candidate, list[Candidate]]:
    """Return the smallest, and its equals: those that are as small and as safe as makes no difference.

    Of those that are as small, it is the one that is known to lose least; of its equals, the fastest, where
    one engine played them all: what a reply takes says more of the engine than of the model.
    """
    smallest = min(each.size_ratio or 0.0 for each in safe)
    as_small = [each for each in safe if (each.size_ratio or 0.0) <= smallest * AS_SMALL]
    safest = max(each.fields["ci"][0] for each in as_small)
    equals = [each for each in as_small if each.fields["ci"][0] >= safest - AS_SAFE]
    by_time = len({each.engine for each in equals}) == 1
    best = min(
        equals,
        key=lambda each: (by_time and (each.fields.get("time_s") or math.inf), -each.fields["ci"][0]),
    )
    return best, [each for each in equals if each is not best]


def _ship(document: Mapping[str, Any], safe: Sequence[Candidate], found: Sequence[Candidate]) -> Headline:
    best, equals = _best(safe)
    size = f"{100 * (best.size_ratio or 0):.0f}\N{NO-BREAK SPACE}% of the base's size"
    why = [
        _sure(best),
        *(_tied(best, each) for each in equals[:MOST_NAMED]),
        *_where_worse(document, best),
        *_not_known(best),
        *_beyond_the_base(document),
        *_open(found, best),
    ]
    return Headline("ship", f"Ship {best.name}: {size}", tuple(why))


def _tied(best: Candidate, other: Candidate) -> str:
    """Return why one of two contestants of the same size and safety was named and not the other."""
    ours, theirs = (each.fields.get("time_s") for each in (best, other))
    if best.engine != other.engine:
        return f"{other.name} is as small and as safe; another engine played it, so their times say nothing."
    timed = f"; its replies took {theirs:.2g} s an episode here, not {ours:.2g} s" if ours and theirs else ""
    return f"{other.name} is as small and as safe{timed}."


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
    tasks = counted(fields["pairs"], "task")
    return f"{candidate.name}: {ruled_out} (95 % sure; {delta} {interval} on {tasks})."


def _lost(candidate: Candidate) -> str:
    is_told_by_one = candidate.harmed and candidate.fields["verdict_kind"] in OPEN
    told = [] if is_told_by_one else [candidate.fields["verdict"]]
    if candidate.harmed and (candidate.benchmarks > 1 or not told):
        told.append(f"proven worse on {', '.join(candidate.harmed)}")
    return f"{candidate.name}: {'; '.join(told)}."


def _safe_somewhere(document: Mapping[str, Any], found: Sequence[Candidate]) -> list[str]:
    """Return of each benchmark for which smaller ones a loss beyond the margin is ruled out on it alone."""
    told = []
    for benchmark, base in document["contestants"][document["baseline"]].items():
        scores = {each.name: document["contestants"][each.name].get(benchmark, {}) for each in found}
        most = margin(document, benchmark)
        safe = [each.name for each in found if not each.as_large and rules_out(scores[each.name], most)]
        if safe:
            told.append(
                f"On {benchmark} alone ({base['episodes']:,} episodes) a drop of more than"
                f" {_exactly(most)} points is ruled out for {_listed(safe)}."
            )
    return told


def _where_worse(document: Mapping[str, Any], best: Candidate) -> list[str]:
    worse = [
        benchmark
        for benchmark, fields in document["contestants"][best.name].items()
        if fields.get("verdict_kind") in ("worse", "looks_worse")
    ]
    return [f"Look at {', '.join(worse)}, where it is worse or looks so."] if worse else []


def _not_known(candidate: Candidate) -> list[str]:
    if not candidate.unknown:
        return []
    return [
        f"Nothing is known of {candidate.name} on {', '.join(candidate.unknown)}: no task that both finished."
    ]


def _beyond_the_base(document: Mapping[str, Any]) -> list[str]:
    left_out = [name for name, check in document.get("floors", {}).items() if check["cleared"] is False]
    return (
        [f"Nothing is said of {', '.join(left_out)}: the base doesn't clear its floor."] if left_out else []
    )


def _no_base(document: Mapping[str, Any]) -> str:
    failed = [check for check in document["floors"].values() if check["cleared"] is False]
    above = any(check["progress"] > check["floor"] for check in failed)
    return can_not(is_above_floor=above)


def _floors(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return how far the base came on what it can't do, or isn't shown to; more tasks may show the latter."""
    return tuple(
        f"{benchmark}: progress {points(check['progress'])}, floor {points(check['floor'])}."
        for benchmark, check in document["floors"].items()
        if check["cleared"] is False
    )


def _as_large(safe: Sequence[Candidate]) -> list[str]:
    if not safe:
        return []
    lose, save = ("loses", "saves") if len(safe) == 1 else ("lose", "save")
    return [f"{_names(safe)} {lose} nothing beyond the margin, and {save} nothing: as large as the base."]


def _open(found: Sequence[Candidate], best: Candidate | None) -> list[str]:
    """Return what is undecided among those that are smaller than the best (without one: among all).

    Those come first that may be safe, and of those the ones that the fewest tasks would decide.
    """
    limit = SMALLER if best is None or best.size_ratio is None else best.size_ratio
    waiting = [each for each in found if each.is_open]
    better = [each for each in waiting if each.size_ratio is None or each.size_ratio < limit]
    asked = sorted(better or ([] if best else waiting), key=_promise)
    return [_would_tell(each, smaller=best is not None) for each in asked[:MOST_NAMED]]


def _promise(candidate: Candidate) -> tuple[bool, float]:
    """Return by what open ones are ordered: nobody waits for what looks like a loss beyond the margin."""
    return candidate.fields["delta"] < -candidate.margin, _needed(candidate) or math.inf


def _needed(candidate: Candidate) -> int | None:
    """Return about how many tasks would decide on the margin that counts here; None where none would."""
    fields = candidate.fields
    low, high = fields["ci"]
    difference = PairedDifference(fields["delta"], low, high, fields["p"], fields["pairs"], fields["sd"])
    return needed_tasks(difference, candidate.margin, fields["comparisons"])


def _soonest(found: Sequence[Candidate]) -> str:
    open_ones = [each for each in found if each.is_open and not each.as_large]
    told = [each for each in open_ones if _needed(each) is not None]
    if not told:
        return ""
    first = min(told, key=_promise)
    return f": about {_needed(first):,} tasks would decide about {first.name}"


def _would_tell(candidate: Candidate, *, smaller: bool) -> str:
    verdict = candidate.fields.get("verdict_kind")
    needed = _needed(candidate)
    tasks = "no number of tasks that anybody plays" if needed is None else f"about {needed:,} tasks"
    is_so = "is smaller still, but undecided" if smaller else "is undecided"
    if verdict not in OPEN:
        most = _exactly(candidate.margin)
        half = f"{most} points, half of what the base reaches, may be lost"
        return f"{candidate.name} {is_so}: {half}; {tasks} would decide."
    if verdict == "looks_worse":
        is_so = "is smaller still, and " if smaller else ""
        return f"{candidate.name} {is_so}{candidate.fields['verdict']}; {tasks} would decide."
    pairs = f"{candidate.fields['pairs']:,} tasks"
    if candidate.scarce:
        pairs += (
            f", of which {', '.join(f'{benchmark} has {count}' for benchmark, count in candidate.scarce)},"
        )
    return f"{candidate.name} {is_so}: {pairs} say too little; {tasks} would decide."


def _names(found: Sequence[Candidate]) -> str:
    return _listed([each.name for each in found])


def _listed(names: Sequence[str]) -> str:
    named = ", ".join(names[:MOST_NAMED])
    return f"{named} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else named


def _exactly(rate: float) -> str:
    """Return a margin in points of 100, to two digits: rounded to whole ones it would be another."""
    return f"{100 * rate:.2g}"
