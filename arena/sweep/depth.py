"""Turn depth: how a recorded run's contestants do at their first turn, their second, … Nothing is played.

Turns are taken together in bins that double. A task counts in a bin where its episode has come so far, and is
compared where both sides have: later bins hold the longer tasks, so levels of different bins are of different
tasks, but each difference is of the same ones. As in a report, episodes of an older grading are left out, and
what a log of another harness doesn't tell is not compared.
"""

import json
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from analysis.multiple import holm
from arena.comparing import compare
from arena.errors import ArenaError
from arena.plan import contestant_names
from arena.score import benchmark_of
from arena.store.files import connect
from arena.sweep.judging import Judged, Line
from arena.verdict import verdict

BINS = ((1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 64), (65, 128), (129, 1_000_000))
"""First and last turn, from 1."""

MEASURES = ("valid_call_rate", "gain")
"""Share of turns whose reply gave an action; progress won in a turn."""

_TURNS = """
SELECT e.contestant, e.task_hash, e.task, t.idx,
       t.failure_kind IS NULL AND t.action NOTNULL AS valid_call_rate,
       t.progress - COALESCE(LAG(t.progress) OVER (PARTITION BY t.episode_id ORDER BY t.idx), 0) AS gain,
       t.prompt_tokens, t.completion_tokens, t.latency_s,
       COALESCE(json_extract(e.provenance, '$.grading_version'), 0) AS grading_version,
       COALESCE(json_extract(e.provenance, '$.absent'), '[]') AS absent
FROM turn t JOIN episode e ON e.id = t.episode_id WHERE e.status = 'done'
"""

_GRADINGS = """
SELECT DISTINCT task, COALESCE(json_extract(provenance, '$.grading_version'), 0) FROM episode
WHERE status = 'done'
"""

Means = dict[str, dict[int, dict[str, dict[str, float]]]]
"""Contestant -> bin -> task (hash) -> means of those of `_COLUMNS` that are told."""

_COLUMNS = (*MEASURES, "prompt_tokens", "completion_tokens", "latency_s")
_TOLD_BY = {"gain": "progress", "prompt_tokens": "tokens", "completion_tokens": "tokens"}
"""Columns, and which measure a log must hold for them."""


def judge_turns(run: Path, measure: str) -> list[Line]:
    """Judge a run's contestants by turn: against the baseline in the same bin.

    The only contestant of a run is compared with its own first turn. Raises `StoreError` where the run can't
    be read, `ArenaError` where it has no finished episode.
    """
    names, means = contestant_names(run), _read(run)
    if not means:
        raise ArenaError(
            f"no episode of {run.name} is finished", f"`arena report {run.name}` says what is owed"
        )
    base, *others = names
    if not others:
        first = min(means.get(base, {0: {}}))
        return [_line(run, means, base, base, first, f"its own {_label(first)}", measure)]
    return [_line(run, means, name, base, None, f"{base} at the same turn", measure) for name in others]


def _line(
    run: Path, means: Means, name: str, base: str, base_bin: int | None, reference: str, measure: str
) -> Line:
    judged: list[Judged] = []
    for place, tasks in sorted(means.get(name, {}).items()):
        if place != base_bin:
            against = means.get(base, {}).get(place if base_bin is None else base_bin, {})
            judged.append(_judged(run, name, place, tasks, against, measure))
    p_values = holm([each.difference.p for each in judged if each.difference])
    left = iter(p_values)
    final = tuple(
        _with_verdict(each, next(left), len(p_values)) if each.difference else each for each in judged
    )
    places = sorted(means.get(base, {})) if base_bin is None else [base_bin]
    references = tuple(
        _judged(run, base, place, means.get(base, {}).get(place, {}), {}, measure) for place in places
    )
    return Line(name, base, final, reference, references)


def _judged(
    run: Path,
    name: str,
    place: int,
    tasks: dict[str, dict[str, float]],
    against: dict[str, dict[str, float]],
    measure: str,
) -> Judged:
    def mean(column: str) -> float | None:
        told = [each[column] for each in tasks.values() if column in each]
        return fmean(told) if told else None

    shared = sorted(
        task for task in tasks.keys() & against.keys() if measure in tasks[task] and measure in against[task]
    )
    pairs = [against[task][measure] for task in shared], [tasks[task][measure] for task in shared]
    compared = compare(pairs)
    return Judged(
        value=float(BINS[place][0]),
        label=_label(place),
        run=run.name,
        contestant=name,
        levels={measure: mean(measure) for measure in MEASURES} | {"tasks": float(len(tasks))},
        costs={
            "prompt_tokens": mean("prompt_tokens"),
            "tokens": mean("completion_tokens"),
            "time_s": mean("latency_s"),
        },
        difference=compared.difference if compared else None,
    )


def _with_verdict(judged: Judged, p_holm: float, comparisons: int) -> Judged:
    assert judged.difference is not None
    return replace(judged, verdict=verdict(judged.difference, p_holm, comparisons))


def _read(run: Path) -> Means:
    turns: dict[tuple[str, int, str], list[dict[str, float]]] = defaultdict(list)
    with closing(connect(run)) as db:
        newest: dict[str, int] = {}
        for task, version in db.execute(_GRADINGS):
            newest[benchmark_of(task)] = max(newest.get(benchmark_of(task), 0), version)
        for row in db.execute(_TURNS):
            if row["grading_version"] != newest[benchmark_of(row["task"])]:
                continue
            place = next(place for place, (_, last) in enumerate(BINS) if row["idx"] < last)
            absent = json.loads(row["absent"])
            values = {column: float(row[column]) for column in _COLUMNS if _TOLD_BY.get(column) not in absent}
            turns[row["contestant"], place, row["task_hash"]].append(values)
    means: Means = {}
    for (name, place, task), rows in turns.items():
        by_task = means.setdefault(name, {}).setdefault(place, {})
        told = {column: [row[column] for row in rows if column in row] for column in _COLUMNS}
        by_task[task] = {column: fmean(values) for column, values in told.items() if values}
    return means


def _label(place: int) -> str:
    first, last = BINS[place]
    if first == last:
        return f"turn {first}"
    return f"turn {first} and later" if place == len(BINS) - 1 else f"turns {first}-{last}"
