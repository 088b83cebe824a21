"""`arena analyze`: what compression did inside."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from arena.cli.options import Json


def analyze(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BASE COMPRESSED…",
            help="Models as [NAME=]SPEC[,option=value…]; by default those of --run.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Text to read (default: the bundled one).")
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Read an agent's own trajectories instead.")
    ] = None,
    contestant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose trajectories (default: the run's baseline).")
    ] = None,
    weights_only: Annotated[
        bool, typer.Option("--weights-only", help="Read weights one by one; load no model.")
    ] = False,
    grid: Annotated[
        bool, typer.Option("--grid", help="BASE alone, its weights and KV cache rounded to fewer bits.")
    ] = False,
    top_k: Annotated[
        list[int] | None, typer.Option("--top-k", "-k", help="Compare the best K tokens; may be repeated.")
    ] = None,
    window: Annotated[int, typer.Option(min=2, help="Tokens of a window of text.")] = 512,
    tokens: Annotated[int, typer.Option(min=2, help="Read at most so many tokens.")] = 65_536,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write tables, figures and all numbers there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare compressed models with their base: ERank, top-k ranking, energy, perplexity, KL, top-1 flips.

    With --run, also: how far each model drifts while it acts, and which of these metrics went with what the
    run's contestants lost in score.
    """
    from arena.cli.output import print_json, say
    from arena.errors import UsageError

    if text and run:
        raise UsageError("--text and --run exclude each other", "give one of them")
    if weights_only and (text or run):
        raise UsageError("--weights-only reads neither a text nor a run", "leave it out, or the other")
    if grid and (weights_only or top_k or len(models or []) > 1):
        raise UsageError("--grid rounds one model", "give BASE alone, without --weights-only and --top-k")
    if contestant and not run:
        raise UsageError("--contestant names one of a run", "add --run RUN")

    # before torch is imported: threads that spin while they wait take ten times as long on a busy machine
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from arena.analyzing.grid import grid_study
    from arena.analyzing.output import can_draw, write
    from arena.analyzing.study import Source, study
    from arena.analyzing.tally import without_nan
    from arena.store.files import find_run

    path = find_run(run) if run else None
    base, *others = _candidates(models, path)
    if not others and not grid:
        raise UsageError(
            "an analysis compares: give the base and at least one compressed model",
            "or --grid, which compresses the base itself",
        )
    source = Source(path, text, contestant, window, tokens)
    with _progress() as progress:
        if grid:
            document = grid_study(base, source, progress)
        else:
            document = study(base, others, None if weights_only else source, top_k, progress)
    if as_json:
        print_json(without_nan(document))
    else:
        _print_tables(document)
    for note in document["notes"]:
        say(f"note: {note}")
    if out:
        files = write(document, out)
        say(
            f"{len(files)} files in {out}"
            + ("" if can_draw() else "; figures need: pip install 'arena[plots]'")
        )


def _candidates(models: list[str] | None, run: Path | None) -> list[Any]:
    from arena.analyzing.models import candidates, candidates_of_run
    from arena.errors import UsageError

    if models:
        return candidates(models)
    if run is None:
        raise UsageError("an analysis needs models", "write: arena analyze BASE COMPRESSED…")
    return candidates_of_run(run)


def _print_tables(document: dict[str, Any]) -> None:
    from arena.analyzing import tables
    from arena.cli.output import out, print_table, say

    printed = False
    for table in (tables.metrics, tables.rankings, tables.drift, tables.predictors, tables.bits):
        columns, rows = table(document)
        if rows:
            if printed:
                out().print()
            print_table(columns, rows)
            printed = True
    about = document.get("predictors") or {}
    reason = about.get("reason")
    if about and not reason and not tables.predictors(document)[1]:
        reason = "all contestants scored as their base did"
    if reason:
        say(f"\nwhich metric predicts the scores can't be said: {reason}")


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    """Say on stderr what is being done, drawn again as it goes on; off a terminal, say nothing."""
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    from arena.cli.output import err

    console = err()
    bars: dict[str, TaskID] = {}
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:

        def told(what: str, more: int) -> None:
            if what not in bars:
                for bar in bars.values():
                    progress.stop_task(bar)
                bars[what] = progress.add_task(what, total=None)
            progress.advance(bars[what], more)

        yield told
