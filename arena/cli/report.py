"""`arena report`: what a run says."""

from typing import Annotated

import typer

from arena.cli.options import Json, RunName


def report(
    run: RunName,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """Print a run's scores, and each contestant's difference to the baseline with its uncertainty."""
    from arena.cli.output import print_json
    from arena.report.document import report_document
    from arena.store.files import find_run

    document = report_document(find_run(run))
    if as_json:
        print_json(document)
    else:
        print_report(document, markdown=markdown)


def print_report(document: dict, *, markdown: bool = False) -> None:
    """Print the tables of a report document."""
    from arena.cli.output import out, print_table, say
    from arena.report import tables

    rows, failures = tables.score_rows(document), tables.failure_rows(document)
    for remark in tables.import_remarks(document):
        say(remark)
    if markdown:
        typer.echo(f"# {document['run']}\n\n{tables.markdown(tables.SCORE_COLUMNS, rows)}")
        if failures:
            typer.echo("\n" + tables.markdown(("contestant", "failure", ">turns"), failures))
        return
    print_table(tables.SCORE_COLUMNS, rows)
    if failures:
        out().print()
        print_table(("contestant", "failure", ">turns"), failures)
