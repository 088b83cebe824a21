"""`arena play`: watch contestants play, side by side."""

from typing import Annotated

import typer

from arena.cli.options import Contestants

DEFAULT_CONTESTANTS = ("bundled", "bundled+rtn-w4g128", "bundled+magnitude-70", "bundled+rtn-w2g32")
DEFAULT_TASKS = "small"


def play(
    task: Annotated[
        str, typer.Argument(metavar="[TASK]", help="A task id, benchmark, benchmark/subset, or suite.")
    ] = DEFAULT_TASKS,
    agent: Contestants = None,
    protocol: Annotated[str, typer.Option(help="text or json (a suite has its own).")] = "text",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many tasks of each group.")] = None,
) -> None:
    """Play tasks with contestants side by side in the terminal. Recorded like a batch."""
    import sys

    from arena.cli.compression import CompressionProgress
    from arena.cli.output import say
    from arena.errors import UsageError
    from arena.lineup import line_up
    from arena.play import suite_of
    from arena.store.files import runs_folder

    with CompressionProgress() as compression:
        plan, engines = line_up(
            suite_of(task, protocol), agent or DEFAULT_CONTESTANTS, limit, on_compress=compression.listen
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("arena play draws on a terminal", "off a terminal, use `arena batch`")
    from tui.app import play as play_on_screen

    run = runs_folder() / plan.id
    tally = play_on_screen(plan, run, engines)
    if tally is not None and tally.owed:
        say(f"{tally.owed} of {tally.planned} episodes are still to be played")
    say(
        f"`arena play` with the same contestants goes on; `arena watch {run.name}` replays, "
        f"`arena report {run.name}` prints the scores"
    )
