"""The report as one JSON-able document; every other form is drawn from it. Its fields: docs/statistics.md."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from arena.comparing import (
    MEASURES,
    Comparison,
    Table,
    adjusted,
    compare,
    compare_overall,
    paired,
)
from arena.floors import FloorCheck, check_floor
from arena.recovered import recovered
from arena.report.candidates import PLAYERS
from arena.report.failures import compared_failures, failure_counts
from arena.report.flips import flips, task_rows
from arena.report.gathering import Gathered, gather
from arena.report.headline import headline
from arena.report.notes import notes
from arena.report.provenance import agents, engine_of, is_random, provenance
from arena.score import Score, Scores, read_scores, score
from arena.verdict import no_base, verdict

OVERALL = "overall"
"""All benchmarks together, each weighing the same."""

_MEANS = (
    "progress",
    "success",
    "grounding",
    "valid_call_rate",
    "turns",
    "tokens",
    "time_s",
    "progress_with_errors",
    "success_with_errors",
)

Comparisons = Mapping[tuple[str, str, str], Comparison]
"""(Contestant, benchmark or `overall`, measure) -> comparison with the baseline."""


def scores_document(run: Path) -> dict[str, Any]:
    """Return {run, contestants: {name: {benchmark: {episodes, errors, progress, success, …}}}}."""
    contestants, episodes, errors = read_scores(run)
    return {"run": run.name, "contestants": _as_tables(score(contestants, episodes, errors))}


def report_document(*runs: Path, chosen: str = "", only: Sequence[str] = ()) -> dict[str, Any]:
    """Return the scores of runs, each contestant's differences to the baseline, and all that explains them.

    Adds to `scores_document`, for all but the baseline, {delta, ci, p, p_holm, pairs, effect, mde, verdict…}
    of the progress rate, and `measures` with the same for success and valid calls; `overall`; `floors`;
    `flips`; `failures`; `recovered`; `tasks`; `agents`; `provenance`; `notes`; `headline`, the
    recommendation. `chosen` filters episodes, `only` names the contestants that count, the baseline first.
    Raises what `gather` raises.
    """
    gathered = gather(runs, chosen, only)
    baseline, contestants = gathered.baseline, gathered.contestants
    table = Table(gathered.episodes)
    scores = score(contestants, gathered.episodes, gathered.errors)
    floors = _floors(gathered, table)
    compared = _compared(gathered, table, list(scores[baseline]), floors)
    tables = _as_tables(scores)
    for name in contestants[1:]:
        for benchmark, values in tables[name].items():
            values |= _judged(compared, name, benchmark, floors.get(benchmark))
    rows = task_rows(table, contestants, {task: facts.task for task, facts in gathered.tasks.items()})
    document = {
        "run": " + ".join(run.name for run in runs),
        "contestants": tables,
        "baseline": baseline,
        "overall": _overall(gathered, scores, compared, floors),
        "floors": {benchmark: check.as_json() for benchmark, check in floors.items()},
        "flips": {name: flips(rows, baseline, name) for name in contestants[1:]},
        "failures": failure_counts(gathered.episodes),
        "failures_compared": compared_failures(gathered.episodes, baseline, contestants),
        "recovered": recovered(table, gathered.agents, _possible(scores[baseline], floors), gathered.order),
        "tasks": rows,
        "agents": agents(gathered),
        "provenance": provenance(gathered),
        "notes": notes(gathered, floors),
        "unplayed": gathered.unplayed,
    }
    document |= {"filter": chosen} if chosen else {}
    document |= {"stopped": gathered.stopped} if gathered.stopped else {}
    document["headline"] = headline(document).as_json()
    imported = gathered.plans[0].get("imported")
    return document | ({"imported": imported} if imported else {})


def _floors(gathered: Gathered, table: Table) -> dict[str, FloorCheck]:
    """Check the baseline's floor on each benchmark that it has played."""
    random = next((name for name, agent in gathered.agents.items() if is_random(agent)), None)
    facts = {task: (each.task, each.source) for task, each in gathered.tasks.items()}
    checks = {}
    for contestant, benchmark in table:
        base = table.means(contestant, benchmark, "progress") if contestant == gathered.baseline else {}
        if base:
            played = table.means(random, benchmark, "progress") if random else None
            checks[benchmark] = check_floor(base, played, facts)
    return checks


def _compared(
    gathered: Gathered, table: Table, benchmarks: Sequence[str], floors: Mapping[str, FloorCheck]
) -> Comparisons:
    baseline, anytime = gathered.baseline, gathered.order is not None
    possible = _possible(benchmarks, floors)
    found: dict[tuple[str, str, str], Comparison] = {}
    for measure in MEASURES:
        each: dict[tuple[str, str, str], Comparison] = {}
        overall: dict[tuple[str, str, str], Comparison] = {}
        for name in gathered.contestants[1:]:
            pairs = {
                benchmark: paired(table, baseline, name, [benchmark], measure, gathered.order)
                for benchmark in benchmarks
            }
            for benchmark in benchmarks:
                if comparison := compare(pairs[benchmark], anytime=anytime):
                    each[name, benchmark, measure] = comparison
            if anytime:  # the tasks were drawn from all benchmarks at once, so each weighs the same
                together = paired(table, baseline, name, possible, measure, gathered.order)
                comparison = compare(together, anytime=True)
            else:
                comparison = compare_overall([pairs[benchmark] for benchmark in possible])
            if comparison:
                overall[name, OVERALL, measure] = comparison
        found |= adjusted(each) | adjusted(overall)
    return found


def _possible(benchmarks: Iterable[str], floors: Mapping[str, FloorCheck]) -> list[str]:
    """Return the benchmarks that the baseline is not known to be unable to do."""
    return [each for each in benchmarks if each not in floors or floors[each].cleared is not False]


def _judged(compared: Comparisons, name: str, where: str, floor: FloorCheck | None) -> dict[str, Any]:
    """Return the fields of a comparison: of progress at the top, of every measure under `measures`."""
    measures = {
        measure: compared[name, where, measure] for measure in MEASURES if (name, where, measure) in compared
    }
    fields: dict[str, Any] = {}
    for measure, comparison in measures.items():
        if floor is not None and floor.cleared is False and floor.floor is not None:
            judged = no_base(floor.progress, floor.floor)
        else:
            judged = verdict(comparison.difference, comparison.p_holm, comparison.comparisons)
        fields[measure] = comparison.as_json() | {
            "verdict": judged.text,
            "verdict_kind": judged.kind,
            "tasks_to_decide": judged.tasks_to_decide,
        }
    return (fields.get("progress", {}) | {"measures": fields}) if fields else {}


def _overall(
    gathered: Gathered, scores: Scores, compared: Comparisons, floors: Mapping[str, FloorCheck]
) -> dict[str, dict[str, Any]]:
    """Return each contestant's macro means over the benchmarks that all have played, and its comparison.

    Both are of the benchmarks that the base can do, where there are any.
    """
    # a yardstick may have played one benchmark alone
    counted = [
        name
        for name in scores
        if name == gathered.baseline or engine_of(gathered.agents[name]) not in PLAYERS
    ]
    shared = [
        benchmark
        for benchmark in scores[gathered.baseline]
        if all(scores[name][benchmark].progress is not None for name in counted)
    ]
    shared = _possible(shared, floors) or shared
    base_size = gathered.agents[gathered.baseline].get("size_bytes")
    table: dict[str, dict[str, Any]] = {}
    for name, by_benchmark in scores.items():
        means = {key: _macro([by_benchmark[benchmark] for benchmark in shared], key) for key in _MEANS}
        size = gathered.agents[name].get("size_bytes")
        table[name] = {
            "benchmarks": shared,
            "episodes": sum(each.episodes for each in by_benchmark.values()),
            "errors": sum(each.errors for each in by_benchmark.values()),
            **means,
            "size_bytes": size,
            "size_ratio": size / base_size if size and base_size else None,
        }
        if name != gathered.baseline:
            table[name] |= _judged(compared, name, OVERALL, None) or _no_overall(floors)
    return table


def _no_overall(floors: Mapping[str, FloorCheck]) -> dict[str, Any]:
    """Return the verdict where the base can do none of the benchmarks; nothing where nothing pairs."""
    failed = [check for check in floors.values() if check.cleared is False and check.floor is not None]
    if not failed or len(failed) < len(floors):
        return {}
    judged = no_base(fmean(check.progress for check in failed), fmean(check.floor or 0.0 for check in failed))
    return {"verdict": judged.text, "verdict_kind": judged.kind, "tasks_to_decide": None}


def _macro(scores: Sequence[Score], key: str) -> float | None:
    values = [getattr(each, key) for each in scores]
    told = [value for value in values if value is not None]
    return fmean(told) if told and len(told) == len(values) else None


def _as_tables(scores: Scores) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        name: {benchmark: _as_json(value) for benchmark, value in by_benchmark.items()}
        for name, by_benchmark in scores.items()
    }


def _as_json(value: Score) -> dict[str, Any]:
    fields = asdict(value)
    for key in ("progress_ci", "success_ci"):
        fields[key] = list(fields[key]) if fields[key] else None
    return fields
