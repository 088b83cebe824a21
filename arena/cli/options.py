"""Options that several commands share."""

from typing import Annotated

import typer

Contestants = Annotated[
    list[str] | None,
    typer.Option(
        "--agent",
        "-a",
        metavar="[NAME=]SPEC[,option=value…]",
        help="A contestant; the first is the baseline. Say `arena agents` for the forms of SPEC.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's name or directory.")]
