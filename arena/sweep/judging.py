"""What the points of a sweep come to: levels, cost, and the paired difference to their reference."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.multiple import holm
from analysis.significance import PairedDifference
from arena.comparing import MEASURES
from arena.report.document import report_document
from arena.store.files import connect
from arena.sweep.axes import Point, Sweep
from arena.verdict import Verdict, verdict

COSTS = ("prompt_tokens", "tokens", "time_s", "size_bytes")
"""Tokens read a turn, tokens written and seconds of replies an episode, bytes of the model."""

_READ = """
SELECT e.contestant, AVG(t.prompt_tokens) AS tokens FROM turn t JOIN episode e ON e.id = t.episode_id
WHERE e.status = 'done' GROUP BY 1
"""


@dataclass(frozen=True)
class Judged:
    """A contestant at one value. `levels` are means of the measures (0..1), `costs` are named by `COSTS`.

    `difference` and `verdict` are of the measure that the sweep asks about. Both are None for what others
    are compared with, and where nothing pairs; a base that can't do the tasks leaves a verdict alone.
    """

    value: float | None
    label: str
    run: str
    contestant: str
    levels: Mapping[str, float | None]
    costs: Mapping[str, float | None]
    difference: PairedDifference | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Line:
    """One contestant along the axis, the easiest value first, compared with the contestant `base`.

    `references` is `base` at one value or at each, and `reference` says in words at which.
    """

    name: str
    base: str
    judged: tuple[Judged, ...]
    reference: str
    references: tuple[Judged, ...]


def judge(sweep: Sweep, runs: Mapping[Point, Path], measure: str) -> list[Line]:
    """Judge the points that were played into `runs`, one line a contestant that is compared.

    p-values allow for all values of a line (Holm). Raises what `arena.report.gathering.gather` raises.
    """
    played = [point for point in sweep.points if point in runs]
    if sweep.crossing:
        documents = {point: report_document(runs[point]) for point in played}
        return [
            _line(
                model,
                [(point, documents[point], point.names[place]) for point in played],
                measure,
                f"{sweep.models[0]} at the same value",
                [(point, documents[point], point.names[0]) for point in played],
                runs,
                sweep,
            )
            for place, model in enumerate(sweep.models)
            if place
        ]
    first = sweep.reference or played[0]
    others = [point for point in played if point is not first]
    document = report_document(runs[first], *(runs[point] for point in others))
    told = "the uncompressed model" if sweep.reference else sweep.axis.label(first.value or 0)
    return [
        _line(
            sweep.models[0],
            [(point, document, point.names[0]) for point in others],
            measure,
            told,
            [(first, document, first.names[0])],
            runs,
            sweep,
        )
    ]


Place = tuple[Point, Mapping[str, Any], str]
"""A point, the report that it is in, and the contestant's name there."""


def _line(
    name: str,
    places: Sequence[Place],
    measure: str,
    reference: str,
    references: Sequence[Place],
    runs: Mapping[Point, Path],
    sweep: Sweep,
) -> Line:
    judged = [_judged(place, measure, runs, sweep) for place in places]
    compared = [each for each in judged if each.difference is not None]
    p_values = holm([each.difference.p for each in compared if each.difference])
    allowed = {id(each): p for each, p in zip(compared, p_values, strict=True)}
    final = tuple(
        replace(each, verdict=verdict(each.difference, allowed[id(each)], len(compared)))
        if each.difference
        else each
        for each in judged
    )
    base = tuple(
        replace(_judged(place, measure, runs, sweep), difference=None, verdict=None) for place in references
    )
    return Line(name, sweep.models[0], final, reference, base)


def _judged(place: Place, measure: str, runs: Mapping[Point, Path], sweep: Sweep) -> Judged:
    point, document, name = place
    overall = document["overall"].get(name, {})
    compared = overall.get("measures", {}).get(measure)
    costs = {cost: overall.get(cost) for cost in COSTS} | {"prompt_tokens": _read(runs[point]).get(name)}
    return Judged(
        value=point.value,
        label="uncompressed" if point.value is None else sweep.axis.label(point.value),
        run=runs[point].name,
        contestant=name,
        levels={each: overall.get(each) for each in MEASURES},
        costs=costs,
        difference=_difference(compared) if compared else None,
        verdict=None if compared or "verdict" not in overall else _no_verdict(overall),
    )


def _difference(compared: Mapping[str, Any]) -> PairedDifference:
    low, high = compared["ci"]
    return PairedDifference(compared["delta"], low, high, compared["p"], compared["pairs"], compared["sd"])


def _no_verdict(overall: Mapping[str, Any]) -> Verdict:
    return Verdict(overall["verdict_kind"], overall["verdict"], overall["tasks_to_decide"])


def _read(run: Path) -> dict[str, float]:
    """Return how many tokens each contestant of a run read in a turn, on average."""
    with closing(connect(run)) as db:
        return {row["contestant"]: row["tokens"] for row in db.execute(_READ)}
