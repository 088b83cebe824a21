"""`arena merge`: several runs of one suite as one."""

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Json


def merge(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Runs by name or directory.")],
    out: Annotated[Path, typer.Option(metavar="RUN", help="The new run's directory.")],
    only: Annotated[
        list[str] | None,
        typer.Option("--agent", "-a", metavar="NAME", help="Only this contestant; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Join shards of a suite, or contestants that were played apart, into one run.

    All must be of one suite with the same settings. Of an episode that several have finished, the first run's
    counts.
    """
    from arena.cli.output import print_json, say
    from arena.errors import UsageError
    from arena.merge import merge as merge_runs
    from arena.store.files import find_run
    from arena.store.reader import RunReader

    if len(runs) < 2 and not only:
        raise UsageError("merging takes two runs or more")
    plan = merge_runs([find_run(run) for run in runs], out, only or ())["plan"]
    reader = RunReader(out)
    done = sum(episode.status == "done" for episode in reader.episodes())
    reader.close()
    planned = len(plan["contestants"]) * len(plan["tasks"]) * plan["repeats"]
    if as_json:
        print_json({"run": out.name, "merged": list(runs), "planned": planned, "done": done})
        return
    say(f"{out}: {done} of {planned} episodes done; `arena report {out}` prints their scores")
