"""The study as a page of Markdown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arena.analyzing import tables as analysis_tables
from arena.divergence import tables as divergence_tables
from arena.report import tables
from arena.report.tables import literal, markdown, points_with_interval
from arena.study.lineup import plain_name
from arena.words import counted
from envs.registry import benchmarks

_NOT_POINTS = ("Spearman's rho", "Jaccard at")
"""How what is measured begins where it is no loss. Base models are named there too, and called anything."""
_TELLING = 8
"""How many metrics are shown, the most telling first."""


def study_page(document: Mapping[str, Any]) -> str:
    """Return the page: what to ship, the paper's findings, scores, an example, what is inside, noise."""
    reports = document["reports"]
    parts = [
        f"# Study of {_names(document)}",
        _about(document),
        _of_each("## Which to ship", reports, _to_ship),
        _claims(document["claims"]),
        _of_each("## Scores", reports, _scores),
        _of_each("## Failures", reports, _failures),
        _templates(reports),
    ]
    parts += [_sizes(document["sizes"]), _needle(document["needle"])]
    parts += [_telling(document["telling"]), _analyses(document["analyses"]), _noise(document["noise"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def report_files(reports: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the file's name of each base model's report."""
    if len(reports) == 1:
        return {"report.html": reports[0]}
    return {f"report-{plain_name(each['baseline'])}.html": each for each in reports}


def claim_rows(claims: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return one row a claim: what it says, the verdict, the estimate and its interval, how measured."""
    return [
        (each["says"], _verdict(each), _estimate(each), each["measured"] or each["reason"]) for each in claims
    ]


CLAIM_COLUMNS = ("the paper's finding", "here", ">estimate, 95 % interval", "measured")


def _names(document: Mapping[str, Any]) -> str:
    bases = [report["baseline"] for report in document["reports"]]
    others = len({row["contestant"] for row in document["sizes"]}) - len(bases)
    named = literal(" and ".join(bases))
    beside = f", and {others} contestants beside {'it' if len(bases) == 1 else 'them'}"
    return named + (beside if others > 0 else "")


def _of_each(
    title: str,
    reports: Sequence[Mapping[str, Any]],
    section: Callable[[Mapping[str, Any]], str],
) -> str:
    """Return a section of all reports, each under its base model's name where there are several."""
    said = [(report["baseline"], text) for report in reports if (text := section(report))]
    heads = [f"### {literal(base)}\n\n" if len(reports) > 1 else "" for base, _ in said]
    texts = [head + text for head, (_, text) in zip(heads, said, strict=True)]
    return "\n\n".join([title, *texts]) if texts else ""


def _about(document: Mapping[str, Any]) -> str:
    machine = document["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in document["packages"].items())
    suite, texts = document["suite"], document["calibration"]
    tasks = ", ".join(f"{count} {benchmark}" for benchmark, count in suite["tasks"].items())
    often = "once" if suite["repeats"] == 1 else f"{suite['repeats']} times"
    calibrated = f" Recipes that look at texts were shown {' or '.join(texts)} tokens." if texts else ""
    return (
        f"Tasks of the suite {literal(suite['name'])} ({_whose(document['reports'])}): {literal(tasks)}; "
        f"each {often}, temperature {suite['temperature']:g}.{calibrated}\n\n"
        f"Made by `arena study`; run `{document['run']}`, begun {document['created'][:10]} on "
        f"{machine['cores']} cores ({machine['processor']}); {packages}. Losses are "
        "differences of progress rates on the same tasks, in points of 100, with 95 % intervals over tasks."
    )


def _whose(reports: Sequence[Mapping[str, Any]]) -> str:
    """Return where the tasks are from."""
    data = [each for report in reports for each in report["provenance"]["data"].values()]
    sources = sorted({source for each in data for source in each["sources"]})
    if sources == ["bundled"]:
        return "bundled, not official data"
    return literal(" and ".join(sources)) + " data" if sources else "none played yet"


def _to_ship(report: Mapping[str, Any]) -> str:
    said = report["headline"]
    sentences = [f"**{literal(said['text'])}.**", *map(literal, said["why"])]
    if said["caution"]:
        sentences.append(literal(said["caution"]))
    return "\n\n".join(sentences)


def _claims(claims: Sequence[Mapping[str, Any]]) -> str:
    return "## What the paper found, and what this run says\n\n" + markdown(CLAIM_COLUMNS, claim_rows(claims))


def _verdict(claim: Mapping[str, Any]) -> str:
    if claim["verdict"] == "not decidable":
        enough = f"; about {claim['needed']:,} would do" if claim["needed"] else ""
        return f"not decidable with so few {claim['of']}{enough}"
    return str(claim["verdict"])


def _estimate(claim: Mapping[str, Any]) -> str:
    if claim["estimate"] is None:
        return ""
    value, *ends = (claim["estimate"], claim["low"], claim["high"])
    if claim["measured"].startswith(_NOT_POINTS):
        return f"{value:+.2f} [{ends[0]:+.2f}, {ends[1]:+.2f}]"
    return " ".join(points_with_interval(value, ends))


def _scores(report: Mapping[str, Any]) -> str:
    played = [row for row in tables.score_rows(report) if row[-1] != tables.NOTHING_TO_PAIR]
    return markdown(tables.SCORE_COLUMNS, played)


def _failures(report: Mapping[str, Any]) -> str:
    rows = tables.failure_rows(report)
    return markdown(tables.FAILURE_COLUMNS, rows) if rows else ""


def _templates(reports: Sequence[Mapping[str, Any]]) -> str:
    """Compare bases whose chat template was given the tools with those that read Arena's own prompt.

    Benchmark by benchmark: where a task has no tools, both read the same.
    """
    rows = []
    for report in reports:
        for where, name, fields in tables.places(report):
            told = report["agents"][name]["options"].get("tools") in ("template", "server")
            if told and "measures" in fields and where in benchmarks() and benchmarks()[where].has_tools():
                calls = fields["measures"].get("valid_call_rate", {})
                rows.append((where, name, str(fields["pairs"]), _difference(fields), _difference(calls)))
    if not rows:
        return ""
    columns = ("benchmark", "contestant", ">tasks", ">progress, 95 % interval", ">valid calls, 95 % interval")
    return (
        "## Tools in the chat template\n\nTools as the model's own chat template words them, less the same "
        "base with the tools in Arena's prompt, in points.\n\n" + markdown(columns, rows)
    )


def _difference(fields: Mapping[str, Any]) -> str:
    if "ci" not in fields:
        return "-"
    return " ".join(points_with_interval(fields["delta"], fields["ci"]))


def _telling(example: Mapping[str, Any] | None) -> str:
    if not example:
        return ""
    lines = [*example["heading"], "", *example["verdict"]]
    return "\n\n".join(
        [
            "## One turn, token by token",
            "\n".join(f"    {line}" for line in lines),  # indented: nothing in it is markup
            markdown(divergence_tables.TOKEN_COLUMNS, example["tokens"]),
            literal(divergence_tables.LEGEND),
        ]
    )


def _sizes(sizes: Sequence[Mapping[str, Any]]) -> str:
    known = [row for row in sizes if row["size_bytes"]]  # a server doesn't say it
    if not known:
        return ""
    rows = [
        (
            row["contestant"],
            f"{row['size_bytes'] / 1e6:,.1f}",
            "-" if row["progress"] is None else f"{100 * row['progress']:.1f}",
        )
        for row in sorted(known, key=lambda row: row["size_bytes"])
    ]
    tasks = max(row["tasks"] for row in known)
    others = " (-: finished fewer)" if any(row["progress"] is None for row in known) else ""
    return (
        f"## Size against score\n\nMean progress rate over the same {counted(tasks, 'task')}{others}, each "
        "weighing the same.\n\n" + markdown(("contestant", ">MB", ">progress"), rows)
    )


def _needle(grid: Mapping[str, Mapping[int, Mapping[float, float]]]) -> str:
    if not grid:
        return ""
    places = sorted(
        {(length, depth) for cells in grid.values() for length in cells for depth in cells[length]}
    )
    columns = ("contestant", *(f">{length:,} at {depth:g} %" for length, depth in places))
    rows = [
        (name, *(_cell(cells.get(length, {}).get(depth)) for length, depth in places))
        for name, cells in grid.items()
    ]
    return (
        "## Needle\n\nScores of 100 by length of the text (tokens) and depth of the needle.\n\n"
        + markdown(columns, rows)
    )


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f}"


def _analyses(analyses: Sequence[Mapping[str, Any]]) -> str:
    parts: list[str] = []
    for analysis in analyses:
        for title, table, most in (
            (f"### {analysis['base']['name']}: inside", analysis_tables.metrics, None),
            ("### Which cheap metric went with the loss of progress", analysis_tables.predictors, _TELLING),
        ):
            columns, rows = table(analysis)
            if rows:
                parts += [title, *_read_on(analysis, most), markdown(columns, rows[:most])]
    return "\n\n".join(["## What changed inside", *parts]) if parts else ""


def _read_on(analysis: Mapping[str, Any], most: int | None) -> list[str]:
    tokens = analysis.get("source", {}).get("tokens")
    if most is not None or not tokens:
        return []
    return [f"On {tokens:,} tokens of the base's own replies in this run; more is in `study.json`."]


def _noise(pairs: Sequence[Mapping[str, Any]]) -> str:
    if not pairs:
        return ""
    rows = [
        (
            f"{pair['first']}, {pair['second']}",
            "same engine" if pair["same_engine"] else "two engines",
            f"{pair['equal_episodes']} of {pair['episodes']}",
            f"{pair['equal_turns']} of {pair['turns']}",
            f"{100 * pair['progress_difference']:+.1f}",
        )
        for pair in pairs
    ]
    return (
        "## Noise floor\n\nThe same weights twice. Within one engine every turn ought to be equal; where it "
        "isn't, a reply depends on what else is in the batch (16-bit arithmetic). Between two engines the "
        "difference is numerics. No smaller one says anything about compression.\n\n"
        + markdown(("contestants", "what", ">equal episodes", ">equal turns", ">progress difference"), rows)
    )
