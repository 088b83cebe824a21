"""The command line. One module a command; heavy imports happen inside the command that needs them."""

import logging
import os
import sys
from typing import Annotated

import typer

from arena import __version__
from arena.cli import (
    agents,
    analyze,
    batch,
    compress,
    data,
    debug,
    divergence,
    doctor,
    export,
    gate,
    home,
    import_logs,
    merge,
    play,
    recipes,
    regrade,
    report,
    retry,
    runs,
    score,
    serve,
    study,
    sweep,
    tasks,
    watch,
)

app = typer.Typer(
    name="arena",
    help="Does my compressed model still act? Base and compressed agents, side by side, turn by turn.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("play")(play.play)
app.command("batch")(batch.batch)
app.command("merge")(merge.merge)
app.command("regrade")(regrade.regrade)
app.command("retry")(retry.retry)
app.command("watch")(watch.watch)
app.command("debug")(debug.debug)
app.command("report")(report.report)
app.command("gate")(gate.gate)
app.command("score")(score.score)
app.command("import")(import_logs.import_logs)
app.command("export")(export.export)
app.command("compress")(compress.compress)
app.command("recipes")(recipes.recipes)
app.command("analyze")(analyze.analyze)
app.command("divergence")(divergence.divergence)
app.command("serve")(serve.serve)
app.command("study")(study.study)
app.command("sweep")(sweep.sweep)
app.command("tasks")(tasks.tasks)
app.command("agents")(agents.agents)
app.command("runs")(runs.runs)
app.add_typer(data.app, name="data", help="The official data sets: list, import, verify.")
app.command("doctor")(doctor.doctor)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"arena {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and debug logs.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if debug:
        os.environ["ARENA_DEBUG"] = "1"
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    if context.invoked_subcommand is None:
        home.home(context)


def main() -> None:
    """Run the command line; an error is one sentence with a next step, and exit code 1 or 2."""
    try:
        app()
    except Exception as error:
        from arena.errors import ArenaError
        from compress.errors import CompressError
        from envs.errors import EnvsError

        if os.environ.get("ARENA_DEBUG"):
            raise
        if isinstance(error, ArenaError | EnvsError | CompressError):
            _complain(error.message, error.next_step)
            sys.exit(error.exit_code)
        if isinstance(error, OSError):  # a full disk, a name too long: nothing that a report would mend
            _complain(": ".join(str(each) for each in (error.filename, error.strerror or error) if each), "")
            sys.exit(1)
        _complain(
            f"unexpected {type(error).__name__}: {error}", "run it again with `arena --debug …` and report it"
        )
        sys.exit(1)


def _complain(message: str, next_step: str) -> None:
    from arena.cli.output import say

    say(f"arena: {message}" + (f" ({next_step})" if next_step else ""))
