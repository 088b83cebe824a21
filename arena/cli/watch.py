"""`arena watch`: attach to a running batch, or replay a finished run."""

from typing import Annotated

import typer

from arena.cli.options import RunName
from arena.cli.starting import starting


def watch(
    run: RunName,
    agent: Annotated[
        list[str] | None,
        typer.Option("--agent", "-a", metavar="NAME", help="A contestant to show beside the baseline."),
    ] = None,
) -> None:
    """Show a run turn by turn: live while another process plays it, or replayed.

    With `-a` only the named contestants are shown, and the baseline.
    """
    import sys

    from arena.errors import UsageError
    from arena.store.files import find_run

    found = find_run(run)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("arena watch draws on a terminal", "off a terminal, use `arena report`")
    with starting():
        from tui.app import watch as watch_on_screen

        watch_on_screen(found, agent or [])
