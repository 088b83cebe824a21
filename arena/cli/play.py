"""`arena play`: watch contestants play, side by side."""

from typing import Annotated

import typer

from arena.cli.options import Contestants, Limit

DEFAULT_CONTESTANTS = ("bundled", "bundled+rtn-w4g128", "bundled+magnitude-2:4", "bundled+magnitude-70")
DEFAULT_TASKS = "small"


def play(
    task: Annotated[
        str, typer.Argument(metavar="[TASK]", help="A task id, benchmark, benchmark/subset, or suite.")
    ] = DEFAULT_TASKS,
    agent: Contestants = None,
    protocol: Annotated[str, typer.Option(help="text or json (a suite has its own).")] = "text",
    limit: Limit = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Play in a browser instead of this terminal.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of --serve.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Address of --serve; by default only this machine.")
    ] = "127.0.0.1",
) -> None:
    """Play tasks with contestants side by side in the terminal. Recorded like a batch."""
    import sys

    from arena.cli.compression import CompressionProgress
    from arena.cli.output import say
    from arena.errors import UsageError
    from arena.lineup import check_contestant, line_up
    from arena.play import suite_of
    from arena.store.files import is_being_played, runs_folder
    from tui.web import runs_in_browser

    contestants = agent or list(DEFAULT_CONTESTANTS)
    suite = suite_of(task, protocol)
    for contestant in contestants:
        check_contestant(contestant)
    if not (serve or runs_in_browser() or (sys.stdin.isatty() and sys.stdout.isatty())):
        raise UsageError("arena play draws on a terminal", "off a terminal, use `arena batch`")
    # also before it is served: what is wrong shall be said here, not on a page
    with CompressionProgress() as compression:
        plan, engines = line_up(suite, contestants, limit, on_compress=compression.listen)
    if serve:
        _serve(task, contestants, protocol, limit, host, port)
        return
    from tui.app import play as play_on_screen
    from tui.app import watch as watch_on_screen

    run = runs_folder() / plan.id
    if is_being_played(run):  # the first terminal or page plays, all others watch
        watch_on_screen(run)
        say(f"{run.name} is being played in another terminal; `arena watch {run.name}` shows it again")
        return
    tally = play_on_screen(plan, run, engines)
    if tally is not None and tally.owed:
        say(f"{tally.owed} of {tally.planned} episodes are still to be played")
    say(
        f"`arena play` with the same contestants goes on; `arena watch {run.name}` replays, "
        f"`arena report {run.name}` prints the scores"
    )


def _serve(task: str, contestants: list[str], protocol: str, limit: int | None, host: str, port: int) -> None:
    import sys

    from arena.cli.output import say
    from tui.web import is_loopback, serve

    if not is_loopback(host):
        say(f"warning: anyone who reaches {host}:{port} can play, with your models and API keys")
    command = [sys.executable, "-m", "arena", "play", task, "--protocol", protocol]
    command += [part for contestant in contestants for part in ("-a", contestant)]
    command += ["--limit", str(limit)] if limit else []
    serve(command, host, port, say)
