"""`arena batch`: play a whole suite unattended; the same command resumes."""

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Contestants, Events, Jobs, Json, Limit, Quiet, StepTimeout


def batch(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="A suite's name, or a TOML file.")],
    agent: Contestants = None,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="Run directory (default: by plan).")] = None,
    jobs: Jobs = None,
    limit: Limit = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Play each task so often.")] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Only the I-th of N parts of the tasks; `arena merge` joins them."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only print what it would take; MODEL+RECIPE is made if need be."),
    ] = False,
    take: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN", help="Count what this run has finished of the same; may be repeated."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="decisive", help="Stop as soon as every difference to the baseline is certain."),
    ] = None,
    max_tokens_total: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many tokens read and written.")
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(min=0, help="Stop after so much money for tokens; needs prices.")
    ] = None,
    prompt_price: Annotated[float, typer.Option(min=0, help="Price of a million tokens read.")] = 0.0,
    completion_price: Annotated[float, typer.Option(min=0, help="Price of a million tokens written.")] = 0.0,
    max_time: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Stop after so much time.")
    ] = None,
    max_turns: Annotated[int | None, typer.Option(min=1, help="Stop after so many turns.")] = None,
    step_timeout: StepTimeout = None,
    executor: Annotated[
        str,
        typer.Option(metavar="local|ray", help="Play in this process, or on a Ray cluster (RAY_ADDRESS)."),
    ] = "local",
    events: Events = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Play every task of a suite with every contestant, and print the scores.

    Killed at any point, the same command goes on where it was; a finished run is not played twice. Ctrl-C
    lets the running turns end. A limit that is reached does the same; the exit code is 1 while episodes are
    owed. With more tasks or contestants than an earlier run had, --take plays only what is new.
    """
    from arena.cli.compression import CompressionProgress
    from arena.cli.forecast import print_forecast
    from arena.cli.output import print_json, say
    from arena.cli.playing import EXECUTORS, How, play, say_how_it_went
    from arena.errors import UsageError
    from arena.limits import Limits
    from arena.lineup import line_up, parse_shard
    from arena.patience import STEP_TIMEOUT_S
    from arena.plan import check_playable
    from arena.store.files import find_run, runs_folder
    from arena.suite import load_suite
    from arena.taking import take as take_from

    if not agent:
        raise UsageError(
            "a batch needs contestants", "add -a SPEC once for each; `arena agents` lists the forms"
        )
    if until not in (None, "decisive"):
        raise UsageError(f"--until {until} is not known", "write --until decisive")
    if executor not in EXECUTORS:
        raise UsageError(f"--executor {executor} is not known", f"write --executor {' or '.join(EXECUTORS)}")
    if dry_run and take:
        raise UsageError("--dry-run takes nothing", "leave out --take, or --dry-run")
    sources = [find_run(name) for name in take or ()]
    limits = Limits(max_tokens_total, max_cost, max_time, prompt_price, completion_price, max_turns)
    part = parse_shard(shard) if shard else None
    with CompressionProgress(quiet=quiet) as compression:
        plan, engines = line_up(load_suite(suite), agent, limit, repeats, compression.listen, part)
    run = out or runs_folder() / plan.id
    if dry_run:
        print_forecast(plan, run, limits, as_json=as_json)
        return
    check_playable(plan)
    if sources:
        for source, count in zip(sources, take_from(sources, plan, run), strict=True):
            why = "" if count else ": it has finished no other, or its contestants are not what these are"
            say(f"{count:,} of {len(plan.episodes()):,} episodes are taken from {source}{why}")
    how = How(jobs, limits, until is not None, step_timeout or STEP_TIMEOUT_S, quiet, events, executor)
    tally = play(plan, run, engines, how)
    # after the play: a report takes statistics along, which a batch can start without
    from arena.cli.report import print_report
    from arena.report.document import report_document, scores_document

    if as_json:
        print_json(scores_document(run))
    else:
        print_report(report_document(run))
        say(f"\nrun {run}\n`arena report {run}` prints this again, `arena watch {run}` replays it")
    if code := say_how_it_went(tally, "the same command goes on from here"):
        raise typer.Exit(code)
