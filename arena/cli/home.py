"""`arena` alone: the home screen, on a terminal."""

from typing import TYPE_CHECKING

from arena.cli.play import DEFAULT_CONTESTANTS, DEFAULT_TASKS
from arena.cli.starting import starting

if TYPE_CHECKING:
    from typer import Context


def home(context: "Context") -> None:
    """Open the home screen; off a terminal, say what would open there, print the help and exit with 2."""
    import sys

    from arena.cli.output import say

    if sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty():
        with starting():
            from tui.app import home as show_home

            show_home(DEFAULT_TASKS, DEFAULT_CONTESTANTS)
        return
    say("arena: on a terminal, `arena` alone opens the home screen; off it, name a command")
    sys.stdout.write(context.get_help() + "\n")
    context.exit(2)
