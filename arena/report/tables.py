"""The report as tables: rows of plain text, for the terminal and for Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

SCORE_COLUMNS = (
    "benchmark",
    "contestant",
    ">episodes",
    ">errors",
    ">progress",
    ">success",
    ">grounding",
    ">valid calls",
    ">turns",
    ">delta",
    "95 % interval",
    ">p",
    "verdict",
)


def score_rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return one row a benchmark and contestant, rates in percent, differences in points."""
    contestants = document["contestants"]
    benchmarks = dict.fromkeys(name for scores in contestants.values() for name in scores)
    return [
        _row(benchmark, name, scores[benchmark], name == document["baseline"])
        for benchmark in benchmarks
        for name, scores in contestants.items()
        if benchmark in scores
    ]


def failure_rows(document: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return one row a contestant and failure kind, most frequent first."""
    return [
        (contestant, kind, str(count))
        for contestant, kinds in document["failures"].items()
        for kind, count in kinds.items()
    ]


def import_remarks(document: Mapping[str, Any]) -> list[str]:
    """Return what is to be said of a run of other harnesses' logs: what they lack, and what doesn't pair."""
    imported = document.get("imported", {})
    remarks = [f"imported from {log['file']} ({log['format']})" for log in imported.get("logs", ())]
    remarks += [f"{benchmark}: progress is {by}" for benchmark, by in imported.get("progress_is", {}).items()]
    remarks += [
        f"{name}: its log does not hold {', '.join(measures)}"
        for name, measures in imported.get("missing", {}).items()
    ]
    remarks += imported.get("notes", ())
    unmatched = {name: count for name, count in imported.get("unmatched", {}).items() if count}
    if len(imported.get("unmatched", ())) > 1:
        remarks.append(f"{imported['paired']} tasks pair")
    remarks += [
        f"NOT MATCHED: {count} tasks of {name} are missing in another contestant's log"
        for name, count in unmatched.items()
    ]
    return remarks


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; text from outside can't break out of its cell."""
    head = "| " + " | ".join(column.removeprefix(">") for column in columns) + " |"
    rule = "|" + "|".join("---:" if column.startswith(">") else "---" for column in columns) + "|"
    return "\n".join([head, rule, *("| " + " | ".join(map(_cell, row)) + " |" for row in rows)])


def _row(benchmark: str, name: str, values: Mapping[str, Any], is_baseline: bool) -> tuple[str, ...]:
    difference: tuple[str, ...] = ("", "", "", "baseline" if is_baseline else "nothing to pair")
    if "delta" in values:
        low, high = values["ci"]
        difference = (
            f"{100 * values['delta']:+.1f}",
            f"[{100 * low:+.1f}, {100 * high:+.1f}]",
            f"{values['p']:.3f}",
            values["verdict"],
        )
    return (
        benchmark,
        name,
        str(values["episodes"]),
        str(values["errors"]),
        *(_percent(values[key]) for key in ("progress", "success", "grounding", "valid_call_rate")),
        "-" if values["turns"] is None else f"{values['turns']:.1f}",
        *difference,
    )


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f}"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
