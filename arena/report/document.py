"""The report as one JSON-able document; every other form is drawn from it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from arena.plan import read_plan
from arena.score import Scores, compare, read_scores, score, verdict
from arena.store.files import connect


def scores_document(run: Path) -> dict[str, Any]:
    """Return {run, contestants: {name: {benchmark: {episodes, errors, progress, success, …}}}}."""
    contestants, episodes, errors = read_scores(run)
    return {"run": run.name, "contestants": _as_tables(score(contestants, episodes, errors))}


def report_document(run: Path) -> dict[str, Any]:
    """Return the scores with, for all but the baseline, {delta, ci, p, verdict} of the progress rate.

    Adds `baseline`, `failures` (contestant -> failure kind -> turns) and, of logs of other harnesses,
    `imported`: what they are, what they lack and how many of their tasks pair.
    """
    contestants, episodes, errors = read_scores(run)
    tables = _as_tables(score(contestants, episodes, errors))
    baseline = contestants[0]
    for name in contestants[1:]:
        for benchmark, values in tables[name].items():
            difference = compare(episodes, baseline, name, benchmark)
            if difference is not None:
                values |= {
                    "delta": difference.delta,
                    "ci": [difference.low, difference.high],
                    "p": difference.p,
                    "pairs": difference.pairs,
                    "verdict": verdict(difference),
                }
    document = {"run": run.name, "contestants": tables, "baseline": baseline, "failures": _failures(run)}
    imported = read_plan(run).get("imported")
    return document | ({"imported": imported} if imported else {})


def _as_tables(scores: Scores) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        name: {benchmark: asdict(value) for benchmark, value in by_benchmark.items()}
        for name, by_benchmark in scores.items()
    }


def _failures(run: Path) -> dict[str, dict[str, int]]:
    db = connect(run)
    try:
        rows = db.execute(
            "SELECT e.contestant, t.failure_kind, COUNT(*) FROM turn t JOIN episode e ON e.id = t.episode_id"
            " WHERE t.failure_kind IS NOT NULL AND e.status = 'done' GROUP BY 1, 2 ORDER BY 1, 3 DESC"
        ).fetchall()
    finally:
        db.close()
    failures: dict[str, dict[str, int]] = {}
    for contestant, kind, count in rows:
        failures.setdefault(contestant, {})[kind] = count
    return failures
