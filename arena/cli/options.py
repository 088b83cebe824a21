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
Jobs = Annotated[int | None, typer.Option(min=1, help="Episodes in flight for each contestant.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many tasks of each group.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]
Events = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Append what happens as JSON lines to a file, `-` for stderr."),
]
StepTimeout = Annotated[
    float | None,
    typer.Option(
        min=0.1, metavar="SECONDS", help="An environment that says nothing for so long has crashed."
    ),
]
