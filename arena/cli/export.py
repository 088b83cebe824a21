"""`arena export`: write a run in a form that others read."""

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import RunName


def export(
    run: RunName,
    form: Annotated[str, typer.Option("--format", help="jsonl, inspect, parquet or csv.")] = "jsonl",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="File to write (.FORMAT is added); for inspect, a folder (default: beside the run).",
        ),
    ] = None,
) -> None:
    """Write a run as JSON Lines, CSV, Parquet or Inspect's .eval logs; `arena import` brings it back."""
    from arena.cli.output import err, say
    from arena.outside.exporting import export_run
    from arena.store.files import find_run

    with err().status("writing"):
        target = export_run(find_run(run), form, out)
    typer.echo(str(target))
    say(f"`arena import {target} --out RUN` brings it back")
