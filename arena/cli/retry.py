"""`arena retry`: play a run's errored episodes again."""

from typing import Annotated

import typer

from arena.cli.options import Events, Jobs, Json, Quiet, RunName, StepTimeout


def retry(
    run: RunName,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help="Only errors of this kind: engine, memory, environment, unexpected."
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Send the API key to the servers that run.toml names, and run its models' own code.",
        ),
    ] = False,
    jobs: Jobs = None,
    step_timeout: StepTimeout = None,
    events: Events = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Play the episodes of a run that ended in an error again, with the contestants as the run has them.

    A model that is no longer what it was is refused. Episodes that were never begun are left to
    `arena batch`. Where a key is set, servers of other machines are asked only with --trust: a run may come
    from anyone.
    """
    from typing import get_args

    from arena.cli.output import print_json, say
    from arena.cli.playing import How, play, say_how_it_went
    from arena.errors import UsageError
    from arena.patience import STEP_TIMEOUT_S
    from arena.rebuild import recorded_line_up
    from arena.store.files import find_run
    from arena.store.reader import RunReader
    from arena.store.writer import ErrorKind

    if only is not None and only not in get_args(ErrorKind):
        raise UsageError(f"--only {only} is no kind of error", f"kinds: {', '.join(get_args(ErrorKind))}")
    found = find_run(run)
    reader = RunReader(found)
    errored = [
        episode.key
        for episode in reader.episodes()
        if episode.status == "error"
        and only in (None, reader.provenance(episode).get("error_kind", "unexpected"))
    ]
    reader.close()
    if not errored:
        say(f"{found} has no episodes that ended in {'such ' if only else ''}an error")
        if as_json:
            print_json({"run": found.name, "retried": 0, "mended": 0, "errors": []})
        return
    plan, engines = recorded_line_up(found, trusted=trust)
    how = How(jobs, step_timeout_s=step_timeout or STEP_TIMEOUT_S, quiet=quiet, events=events)
    tally = play(plan, found, engines, how, only=errored)
    reader = RunReader(found)
    mended = sum(bool((head := reader.episode(key)) and head.status == "done") for key in errored)
    reader.close()
    if as_json:
        print_json(
            {"run": found.name, "retried": len(errored), "mended": mended, "errors": list(tally.errors)}
        )
    say(f"{mended} of {len(errored)} episodes are mended")
    code = say_how_it_went(tally, f"`arena retry {found}` tries again, `arena batch …` plays the rest")
    if code and mended < len(errored):
        raise typer.Exit(code)
