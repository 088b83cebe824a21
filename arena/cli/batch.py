"""`arena batch`: play a whole suite unattended; the same command resumes."""

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Contestants, Json


def batch(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="A suite's name, or a TOML file.")],
    agent: Contestants = None,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="Run directory (default: by plan).")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Episodes in flight for each contestant.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many tasks of each group.")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Play each task so often.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
    as_json: Json = False,
) -> None:
    """Play every task of a suite with every contestant, and print the scores.

    Killed at any point, the same command goes on where it was; a finished run is not played twice.
    """
    import asyncio

    from arena.cli.compression import CompressionProgress
    from arena.cli.output import print_json, say
    from arena.cli.progress import BatchProgress
    from arena.cli.report import print_report
    from arena.errors import UsageError
    from arena.lineup import line_up
    from arena.report.document import report_document, scores_document
    from arena.run import play_run
    from arena.store.files import runs_folder
    from arena.suite import load_suite

    if not agent:
        raise UsageError(
            "a batch needs contestants", "add -a SPEC once for each; `arena agents` lists the forms"
        )
    with CompressionProgress(quiet=quiet) as compression:
        plan, engines = line_up(load_suite(suite), agent, limit, repeats, compression.listen)
    run = out or runs_folder() / plan.id
    with BatchProgress(plan, quiet=quiet) as progress:
        try:
            tally = asyncio.run(play_run(plan, run, engines, progress.listen, jobs=jobs))
        except KeyboardInterrupt:
            say(f"stopped; the same command goes on from here ({run})")
            raise typer.Exit(1) from None
    if as_json:
        print_json(scores_document(run))
    else:
        print_report(report_document(run))
        say(f"\nrun {run}\n`arena report {run}` prints this again, `arena watch {run}` replays it")
    for error in tally.errors[:5]:
        say(f"error: {error}")
    if tally.owed:
        say(f"{tally.owed} of {tally.planned} episodes are owed; the same command plays them")
        raise typer.Exit(1)
