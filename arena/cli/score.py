"""`arena score`: re-score replies and transcripts that were recorded elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Json

if TYPE_CHECKING:
    from arena.outside.scoring import ScoredRow


def score(
    benchmark: Annotated[
        str, typer.Argument(metavar="BENCHMARK", help="longbench, worfbench, teval, pddl, longgen or needle.")
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="One row a line; see docs/outside.md.")],
    scoring: Annotated[
        str | None, typer.Option(help="faithful or strict (default: faithful, with strict beside it).")
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Compares sentences: hashing, wordllama, …"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score recorded replies as the benchmark's own evaluator would: one line out for each row in, in order.

    A row that can't be read scores null and is named on stderr; the others go on, and the exit code is 1.
    """
    import sys

    from arena.cli.output import say
    from arena.cli.reading import Reading
    from arena.outside.scoring import chosen, row_scorer, scored_rows

    scorer = row_scorer(benchmark, encoder)
    only = chosen(scoring)
    totals: dict[str, float] = {}
    written = unreadable = 0
    with Reading(file) as reading:
        sys.stdout.write("[" if as_json else "")
        try:
            for row in scored_rows(file, scorer, only):
                if row.problem:
                    unreadable += 1
                    say(f"{file}:{row.line}: {row.problem}")
                else:
                    _add(totals, row)
                _write(row, as_json=as_json, first=not written)
                written += 1
                reading.to(row.read_bytes)
        finally:
            sys.stdout.write("\n]\n" if as_json else "")
    scored = written - unreadable
    means = ", ".join(f"{name} {total / scored:.4f}" for name, total in totals.items())
    said = [f"{written} rows" + (f", {unreadable} of them unreadable" if unreadable else "")]
    said += [f"mean score {means}"] if means else []
    said += [f"encoder {scorer.encoder}"] if scorer.encoder else []
    say("; ".join(said))
    if unreadable:
        raise typer.Exit(1)


def _add(totals: dict[str, float], row: "ScoredRow") -> None:
    beside = row.scores.get("strict")
    for name, scores in [(row.scores["scoring"], row.scores), *([("strict", beside)] if beside else [])]:
        totals[name] = totals.get(name, 0.0) + scores["score"]


def _write(row: "ScoredRow", *, as_json: bool, first: bool) -> None:
    import json
    import sys

    document = {"line": row.line, **row.scores} | ({"error": row.problem} if row.problem else {})
    line = json.dumps(document, allow_nan=False)
    if as_json:
        sys.stdout.write(("\n" if first else ",\n") + line)
    else:
        sys.stdout.write(line + "\n")
