"""The report as tables: rows of plain text, for the terminal, Markdown, CSV and LaTeX."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arena.literal import literal as visible

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
    ">tokens",
    ">s",
    ">delta",
    "95 % interval",
    ">p (Holm)",
    "verdict",
)
FAILURE_COLUMNS = ("contestant", "failure", ">turns", ">per episode", ">base's", ">p (Holm)")
RECOVERED_COLUMNS = (
    *("contestant", "constrained", "benchmark", "measure", ">tasks", ">base", ">free", ">constrained"),
    *(">gained", "95 % interval", ">of the loss"),
)
OVERALL = "overall"
NOTHING_TO_PAIR = "nothing to pair"

_MARKDOWN = "&<>`*_[]|\\!#~@"

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # in LaTeX's default font encoding these three are other signs: p < 0.001 would read "¡0.001"
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "Δ": r"$\Delta$",
    "\n": " ",
}


def places(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (benchmark, contestant, fields), and `overall` last where there are several benchmarks.

    Its `episodes` are those that its means are of: benchmarks that the base can't do are left out.
    """
    contestants = document["contestants"]
    benchmarks = dict.fromkeys(name for scores in contestants.values() for name in scores)
    for benchmark in benchmarks:
        for name, scores in contestants.items():
            if benchmark in scores:
                yield benchmark, name, scores[benchmark]
    if len(benchmarks) > 1:
        for name, fields in document.get("overall", {}).items():
            counted = (contestants[name].get(each, {}).get("episodes", 0) for each in fields["benchmarks"])
            yield OVERALL, name, {**fields, "episodes": sum(counted)}


def score_rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return one row a benchmark and contestant, rates in percent, differences in points."""
    return [
        (*score_cells(benchmark, name, values), *difference_cells(values), _said(document, name, values))
        for benchmark, name, values in places(document)
    ]


def score_cells(benchmark: str, name: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells of `SCORE_COLUMNS` up to the seconds."""
    rates = ("progress", "success", "grounding", "valid_call_rate")
    numbers = (("turns", 1), ("tokens", 0), ("time_s", 1))
    return (
        *(benchmark, name, str(values["episodes"]), str(values["errors"])),
        *(percent(values.get(key)) for key in rates),
        *("-" if values.get(key) is None else f"{values[key]:.{digits}f}" for key, digits in numbers),
    )


def difference_cells(values: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the difference of progress, its interval and its adjusted p-value; empty for the baseline."""
    if "delta" not in values:
        return "", "", ""
    return *points_with_interval(values["delta"], values["ci"]), p_value(values["p_holm"])


def points_with_interval(delta: float, ends: Sequence[float]) -> tuple[str, str]:
    """Return a difference of rates and its interval, in points of 100."""
    low, high = ends
    return f"{100 * delta:+.1f}", f"[{100 * low:+.1f}, {100 * high:+.1f}]"


def failure_rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return one row a contestant and failure kind, most frequent first."""
    return [
        (contestant, kind, str(count), *_compared(document, contestant, kind))
        for contestant, kinds in document["failures"].items()
        for kind, count in kinds.items()
    ]


def recovered_rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return one row a contestant with a constrained twin, benchmark and measure.

    The share of the loss is empty where no loss is proven.
    """
    rows = []
    for row in document.get("recovered", ()):
        who = (row["contestant"], row["constrained"], row["benchmark"])
        for measure in ("progress", "success", "valid_call_rate"):
            if found := row.get(measure):
                means = (percent(found[key]) for key in ("base", "free", "constrained"))
                share = "" if found["share"] is None else f"{100 * found['share']:.0f} %"
                gained = points_with_interval(found["gained"], found["gained_ci"])
                rows.append((*who, measure, str(row["tasks"]), *means, *gained, share))
    return rows


def as_csv(document: Mapping[str, Any]) -> str:
    """Return one line a benchmark, contestant and measure, numbers as they are (rates 0..1), for programs.

    The last column is the same in each: what was played where, as a report says it.
    """
    from arena.report.sentences import provenance

    played_on = " | ".join(provenance(document))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    compared = ("delta", "low", "high", "p", "p_holm", "pairs", "mde", "verdict")
    means = ("episodes", "errors", "mean", "mean_with_errors")
    writer.writerow(("benchmark", "contestant", "measure", *means, *compared, "played_on"))
    for benchmark, name, values in places(document):
        for measure in ("progress", "success", "valid_call_rate", "grounding", "turns", "tokens", "time_s"):
            found = values.get("measures", {}).get(measure, {})
            low, high = found.get("ci", ("", ""))
            flat = {**found, "low": low, "high": high}
            mean = (values["episodes"], values["errors"], values.get(measure))
            with_errors = values.get(f"{measure}_with_errors")
            row = (benchmark, name, measure, *mean, with_errors, *(flat.get(key, "") for key in compared))
            writer.writerow([_safe(cell) for cell in (*row, played_on)])
    return text.getvalue()


def latex(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a LaTeX table (package booktabs); text from outside is only text."""
    align = "".join("r" if column.startswith(">") else "l" for column in columns)
    head = " & ".join(_tex(column.removeprefix(">")) for column in columns)
    # after a line's end LaTeX takes a bracket or a star for an argument of that
    body = ["{}" * row[0].startswith(("[", "*")) + " & ".join(map(_tex, row)) + r" \\" for row in rows]
    lines = [rf"\begin{{tabular}}{{{align}}}", r"\toprule", head + r" \\", r"\midrule", *body]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


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


def named(rows: Sequence[Sequence[str]], names: int) -> list[tuple[str, ...]]:
    """Return rows whose first `names` cells, which are names from outside, Markdown shows as they are."""
    return [(*map(literal, row[:names]), *row[names:]) for row in rows]


def literal(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return "".join(f"&#{ord(char)};" if char in _MARKDOWN else char for char in " ".join(text.split()))


def percent(rate: float | None) -> str:
    """Return a rate in percent."""
    return "-" if rate is None else f"{100 * rate:.1f}"


def p_value(p: float) -> str:
    """Return a p-value with three digits."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _said(document: Mapping[str, Any], name: str, values: Mapping[str, Any]) -> str:
    return values.get("verdict") or ("baseline" if name == document["baseline"] else NOTHING_TO_PAIR)


def _compared(document: Mapping[str, Any], contestant: str, kind: str) -> tuple[str, str, str]:
    found = document.get("failures_compared", {}).get(contestant, {}).get(kind)
    if found is None:
        return "", "", ""
    means = (found["per_episode"], found["base_per_episode"])
    return (*(f"{mean:.2f}" for mean in means), p_value(found["p_holm"]))  # type: ignore[return-value]


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _tex(text: str) -> str:
    return "".join(_ESCAPED.get(char, char) for char in visible(text))


def _safe(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula, and no terminal for an order."""
    if not isinstance(cell, str):
        return "" if cell is None else cell
    shown = visible(cell)
    is_formula = cell[:1] in ("\t", "\r") or shown.lstrip()[:1] in ("=", "+", "-", "@")
    return ("'" if is_formula else "") + shown
