"""A sweep as one JSON-able document, and the table that a terminal shows of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from arena.sweep.cliff import Cliff, find_cliff
from arena.sweep.judging import Judged, Line
from arena.verdict import points

LEVELS = {
    "progress": "progress",
    "success": "success",
    "valid_call_rate": "valid calls",
    "gain": "progress a turn",
}
COSTS = {
    "prompt_tokens": "read/turn",
    "tokens": "written",
    "time_s": "s",
    "size_bytes": "MB",
}
BAR_CHARS = 10
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def sweep_document(
    axis: str, about: str, measure: str, direction: str, lines: Sequence[Line], unplayed: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the document: {axis, about, measure, lines: [{contestant, reference, cliff, values}], unplayed}.

    Rates are 0..1; `ci` is at 95 %, and `verdict_kind` allows for all values of a line. `unplayed` are values
    that a bisecting sweep did not need, or that could not be played.
    """
    return {
        "axis": axis,
        "about": about,
        "measure": measure,
        "lines": [_line(line, find_cliff(line, measure, direction)) for line in lines],
        "unplayed": list(unplayed),
    }


def table_columns(document: Mapping[str, Any]) -> list[str]:
    """Return the columns of a document's table; `>` means right-aligned."""
    # a contestant of which nothing is finished has no row
    first = next(row for line in document["lines"] for row in [*line["references"], *line["values"]])
    levels = [f">{LEVELS[key]}" for key in first["levels"] if key in LEVELS]
    costs = [f">{COSTS[key]}" for key in first["costs"] if key in COSTS]
    return [document["axis"], "", *levels, ">n", ">difference", "", *costs, "verdict"]


def table_rows(document: Mapping[str, Any], line: Mapping[str, Any]) -> list[list[str]]:
    """Return a line's rows, the easiest value first, each after what it is compared with."""
    references, values = list(line["references"]), list(line["values"])
    at_each = {row["value"] for row in references} & {row["value"] for row in values}
    if not at_each:
        return [_row(document, row, row["label"], "compared with") for row in references] + [
            _row(document, row, row["label"], "not comparable") for row in values
        ]
    rows = []
    for reference in references:
        rows.append(_row(document, reference, f"{reference['label']}, {line['base']}", "compared with"))
        same = (row for row in values if row["value"] == reference["value"])
        rows += [_row(document, row, f"{row['label']}, {line['name']}", "not comparable") for row in same]
    # the base needs fewer turns than it may: later ones are its compressed models' alone
    beyond = (row for row in values if row["value"] not in at_each)
    rows += [_row(document, row, f"{row['label']}, {line['name']}", "not comparable") for row in beyond]
    return rows


def _row(document: Mapping[str, Any], row: Mapping[str, Any], label: str, without_verdict: str) -> list[str]:
    levels = [_points(value) for key, value in row["levels"].items() if key in LEVELS]
    costs = [_cost(key, value) for key, value in row["costs"].items() if key in COSTS]
    return [
        label,
        bar(row["levels"].get(document["measure"])),
        *levels,
        str(row.get("pairs", "")),
        _points(row.get("delta"), signed=True),
        f"[{_points(row['ci'][0])}, {_points(row['ci'][1])}]" if row.get("ci") else "",
        *costs,
        row.get("verdict") or without_verdict,
    ]


def bar(share: float | None) -> str:
    """Return a bar of `BAR_CHARS` cells for a share of 0..1."""
    if share is None:
        return ""
    eighths = round(max(0.0, min(1.0, share)) * BAR_CHARS * 8)
    return ("█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")).ljust(BAR_CHARS)


def _line(line: Line, cliff: Cliff) -> dict[str, Any]:
    return {
        "name": line.name,
        "base": line.base,
        "reference": line.reference,
        "cliff": {
            "kind": cliff.kind,
            "text": cliff.text,
            "kept": cliff.kept,
            "dropped": cliff.dropped,
        },
        "references": [_value(each) for each in line.references],
        "values": [_value(each) for each in line.judged],
    }


def _value(judged: Judged) -> dict[str, Any]:
    found: dict[str, Any] = {
        "value": judged.value,
        "label": judged.label,
        "run": judged.run,
        "contestant": judged.contestant,
        "levels": dict(judged.levels),
        "costs": dict(judged.costs),
    }
    if difference := judged.difference:
        found |= {
            "delta": difference.delta,
            "ci": [difference.low, difference.high],
            "p": difference.p,
            "pairs": difference.pairs,
        }
    if verdict := judged.verdict:
        found |= {
            "verdict": verdict.text,
            "verdict_kind": verdict.kind,
            "tasks_to_decide": verdict.tasks_to_decide,
        }
    return found


def _points(rate: float | None, *, signed: bool = False) -> str:
    if rate is None:
        return ""
    return ("+" if signed and rate > 0 else "") + points(rate)


def _cost(key: str, value: float | None) -> str:
    if value is None:
        return ""
    if key == "size_bytes":
        return f"{value / 1e6:,.1f}"
    return f"{value:.2f}" if key == "time_s" else f"{value:,.0f}"
