"""`arena report`: what runs say."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from arena.cli.options import Json

_LAYOUTS = (
    (140, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)),
    (110, (1, 2, 4, 5, 7, 8, 10, 11, 12, 13)),
    (0, (1, 2, 4, 5, 7, 11)),
)
"""Which of `SCORE_COLUMNS` a terminal of so many columns holds beside names of usual length."""


def report(
    run: Annotated[list[str], typer.Argument(metavar="RUN…", help="Runs, by name or directory.")],
    chosen: Annotated[
        str, typer.Option("--filter", metavar="FILTER", help="Only these episodes: task:gripper turns>5 …")
    ] = "",
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--agent", "-a", metavar="NAME", help="Only this contestant; may be repeated, the baseline first."
        ),
    ] = None,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one line a measure.")] = False,
    as_latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX tables (booktabs).")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page.")
    ] = None,
) -> None:
    """Print scores, each contestant's difference to the baseline with its uncertainty, and a verdict.

    Several runs make one report: the same name and weights are one contestant, tasks pair by content.
    """
    from arena.cli.output import print_json
    from arena.errors import UsageError
    from arena.literal import literal
    from arena.report import sentences, tables
    from arena.report.document import report_document
    from arena.store.files import find_run

    if as_json + markdown + as_csv + as_latex > 1:
        raise UsageError("a report has one form at a time", "say --json, --markdown, --csv or --latex")
    runs = [find_run(each) for each in run]
    document = report_document(*runs, chosen=chosen, only=only or ())
    if html is not None:
        _write_page(document, runs, html)
    if as_json:
        print_json(document)
    elif as_csv:
        typer.echo(tables.as_csv(document), nl=False)
    elif as_latex:
        # verdicts are sentences and belong in the text
        rows = [row[:-1] for row in tables.score_rows(document)]
        # a table is copied without its report: what it was played on goes with it, as comments
        played_on = [f"% {' '.join(literal(line).split())}" for line in sentences.provenance(document)]
        typer.echo("\n".join([*played_on, tables.latex(tables.SCORE_COLUMNS[:-1], rows)]))
    elif markdown or html is None:
        print_report(document, markdown=markdown)


def _write_page(document: Mapping[str, Any], runs: Sequence[Path], file: Path) -> None:
    from arena.cli.output import say
    from arena.errors import writing
    from arena.report.html import html_page

    page = html_page(document, runs)
    with writing(file, "choose another file for --html"):
        file.write_text(page, encoding="utf-8")
    say(f"{file}: {len(page.encode()) / 1e6:.1f} MB, for any browser")


def print_report(document: Mapping[str, Any], *, markdown: bool = False) -> None:
    """Print the tables of a report document, and what they mean."""
    from arena.cli.output import say
    from arena.literal import literal
    from arena.report import tables

    for remark in tables.import_remarks(document):
        say(remark)
    if markdown:
        typer.echo(literal(_markdown(document)))
        return
    _print_scores(document)
    _print_sentences(document)


def _print_scores(document: Mapping[str, Any]) -> None:
    from arena.cli.output import out, print_table
    from arena.report import tables

    console = out()
    shown = next(columns for width, columns in _LAYOUTS if console.width >= width)
    by_benchmark: dict[str, list[tuple[str, ...]]] = {}
    for benchmark, name, values in tables.places(document):
        cells = (*tables.score_cells(benchmark, name, values), *tables.difference_cells(values))
        by_benchmark.setdefault(benchmark, []).append(tuple(cells[index] for index in shown))
    columns = [tables.SCORE_COLUMNS[index].replace("episodes", "n") for index in shown]
    for benchmark, rows in by_benchmark.items():
        print_table(columns, rows, title=benchmark)
        console.print()


def _print_sentences(document: Mapping[str, Any]) -> None:
    from arena.cli.output import out, print_table
    from arena.report import sentences, tables

    for benchmark, said in sentences.verdicts(document).items():
        _print_lines(f"{benchmark}, against {document['baseline']}:", [_joined(*line) for line in said])
    _print_lines("With errors counted as 0:", sentences.with_errors(document))
    _print_lines("Tasks that changed sides:", sentences.flipped(document))
    if failures := tables.failure_rows(document):
        print_table(tables.FAILURE_COLUMNS, failures, title="Failed replies")
        out().print()
    _print_lines("What constrained decoding brings back:", sentences.recovered(document))
    _print_lines("Can the base do it?", sentences.floors(document))
    _print_lines("Size:", sentences.sizes(document))
    _print_lines("Notes:", document.get("notes", ()))
    _print_lines("Played on:", sentences.provenance(document))
    # last, where a person looks when a batch has ended
    _print_lines("Which to ship:", sentences.recommendation(document))


def _joined(name: str, said: str) -> str:
    return f"{name}: {said}" if name else said


def _print_lines(title: str, lines: Iterable[str]) -> None:
    from arena.cli.output import out
    from arena.literal import literal

    console, lines = out(), list(lines)
    if not lines:
        return
    # literally: names come from outside
    console.print(literal(title), style="bold", markup=False)
    for line in map(literal, lines):
        for part in textwrap.wrap(
            line, console.width - 1, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
        ):
            console.print(part, markup=False, soft_wrap=True)
    console.print()


def _markdown(document: Mapping[str, Any]) -> str:
    from arena.report import sentences, tables

    shipped, *why = map(tables.literal, sentences.recommendation(document))
    parts = [f"# {tables.literal(document['run'])}", f"**{shipped}**"]
    parts += ["\n".join(f"- {line}" for line in why)] if why else []
    parts.append(tables.markdown(tables.SCORE_COLUMNS, tables.named(tables.score_rows(document), 2)))
    if failures := tables.failure_rows(document):
        parts += ["## Failed replies", tables.markdown(tables.FAILURE_COLUMNS, tables.named(failures, 1))]
    for title, lines in (
        ("What constrained decoding brings back", sentences.recovered(document)),
        ("With errors counted as 0", sentences.with_errors(document)),
        ("Tasks that changed sides", sentences.flipped(document)),
        ("Can the base do it?", sentences.floors(document)),
        ("Size", sentences.sizes(document)),
        ("Notes", document.get("notes", [])),
        ("Played on", sentences.provenance(document)),
    ):
        if lines:
            parts.append("\n".join([f"## {title}", "", *(f"- {tables.literal(line)}" for line in lines)]))
    return "\n\n".join(parts)
