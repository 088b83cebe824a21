"""Scores: what a run's recorded episodes come to, per contestant and benchmark.

Progress rate, success rate and grounding accuracy are AgentBoard's (Ma et al. 2024): means over episodes of
the last turn's progress, of "the goal is met", and of valid actions per turn taken.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.significance import PairedDifference, paired_difference
from arena.plan import contestant_names
from arena.store.files import connect


@dataclass(frozen=True)
class EpisodeScore:
    """One finished episode in numbers; None is what a log of another harness doesn't hold."""

    contestant: str
    benchmark: str
    task_hash: str
    progress: float | None
    success: float | None
    turns: int
    valid_turns: float | None
    action_turns: int
    tokens: int | None


@dataclass(frozen=True)
class Score:
    """A contestant's means on a benchmark. Rates are 0..1; None where no episode tells.

    `errors` counts episodes that the infrastructure failed; they are owed, and not in the means.
    `valid_call_rate` is the share of turns whose reply gave an action (no failure of its form or call).
    """

    episodes: int
    errors: int
    progress: float | None
    success: float | None
    grounding: float | None
    valid_call_rate: float | None
    turns: float | None
    tokens: float | None


SIGNIFICANT_P = 0.05

Scores = Mapping[str, Mapping[str, Score]]
"""Contestant -> benchmark -> score."""

_EPISODES = """
SELECT e.contestant, e.task, e.task_hash, e.progress, e.success, COUNT(t.id) AS turns,
       COALESCE(SUM(t.valid), 0) AS valid_turns,
       COUNT(CASE WHEN t.failure IS NULL THEN t.action END) AS action_turns,
       COALESCE(SUM(t.completion_tokens), 0) AS tokens,
       json_extract(e.provenance, '$.absent') AS absent,
       json_extract(e.provenance, '$.grounding') AS grounding
FROM episode e LEFT JOIN turn t ON t.episode_id = e.id
WHERE e.status = 'done' GROUP BY e.id ORDER BY e.id
"""
_ERRORS = "SELECT contestant, task, COUNT(*) AS errors FROM episode WHERE status = 'error' GROUP BY 1, 2"


def read_scores(run: Path) -> tuple[list[str], list[EpisodeScore], Mapping[tuple[str, str], int]]:
    """Return a run's contestants (baseline first), its finished episodes, and errors by (who, benchmark)."""
    db = connect(run)
    try:
        episodes = [_episode_score(row) for row in db.execute(_EPISODES)]
        errors: dict[tuple[str, str], int] = {}
        for row in db.execute(_ERRORS):
            where = row["contestant"], _benchmark(row["task"])
            errors[where] = errors.get(where, 0) + row["errors"]
    finally:
        db.close()
    return contestant_names(run), episodes, errors


def score(
    contestants: Sequence[str], episodes: Sequence[EpisodeScore], errors: Mapping[tuple[str, str], int]
) -> Scores:
    """Return each contestant's score on each benchmark that anyone has played."""
    benchmarks = dict.fromkeys([*(each.benchmark for each in episodes), *(name for _, name in errors)])
    return {
        contestant: {
            benchmark: _mean(
                [each for each in episodes if (each.contestant, each.benchmark) == (contestant, benchmark)],
                errors.get((contestant, benchmark), 0),
            )
            for benchmark in benchmarks
        }
        for contestant in contestants
    }


def compare(
    episodes: Sequence[EpisodeScore],
    baseline: str,
    contestant: str,
    benchmark: str,
    measure: str = "progress",
) -> PairedDifference | None:
    """Return a contestant's difference to the baseline on the tasks that both have finished.

    Repeats collapse to their task's mean first; `measure` is progress or success. None where nothing pairs.
    """
    base = _by_task(episodes, baseline, benchmark, measure)
    other = _by_task(episodes, contestant, benchmark, measure)
    paired = sorted(base.keys() & other.keys())
    if not paired:
        return None
    return paired_difference([base[task] for task in paired], [other[task] for task in paired])


def verdict(difference: PairedDifference) -> str:
    """Say in words what a difference of progress rates means, in points of 100.

    A difference counts where the interval and the permutation test agree: with few tasks the bootstrap
    interval is too narrow, and a verdict on it alone would be rash.
    """
    points = abs(100 * difference.delta)
    tasks = "1 task" if difference.pairs == 1 else f"{difference.pairs} tasks"
    if difference.low > 0 or difference.high < 0:
        direction = "better" if difference.low > 0 else "worse"
        if difference.p < SIGNIFICANT_P:
            return f"{direction} by {points:.0f} points"
        return f"looks {direction} by {points:.0f} points, but {tasks} can't prove it"
    if difference.low <= -1:
        return f"undecided: {tasks} say too little"
    return (
        f"no detectable change; a drop of more than {max(0.0, -100 * difference.low):.0f} points is ruled out"
    )


def _by_task(
    episodes: Sequence[EpisodeScore], contestant: str, benchmark: str, measure: str
) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for each in episodes:
        if (each.contestant, each.benchmark) == (contestant, benchmark):
            value = getattr(each, measure)
            if value is not None:
                values.setdefault(each.task_hash, []).append(value)
    return {task: float(np.mean(repeats)) for task, repeats in values.items()}


def _mean(episodes: Sequence[EpisodeScore], errors: int) -> Score:
    if not episodes:
        return Score(0, errors, None, None, None, None, None, None)
    turns = sum(each.turns for each in episodes)
    told = [each for each in episodes if each.turns and each.valid_turns is not None]
    return Score(
        episodes=len(episodes),
        errors=errors,
        progress=_average(each.progress for each in episodes),
        success=_average(each.success for each in episodes),
        grounding=_average((each.valid_turns or 0) / each.turns for each in told),
        valid_call_rate=sum(each.action_turns for each in episodes) / turns if turns else None,
        turns=turns / len(episodes) if turns else None,
        tokens=_average(each.tokens for each in episodes),
    )


def _average(values: Iterable[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return float(np.mean(told)) if told else None


def _episode_score(row: sqlite3.Row) -> EpisodeScore:
    absent = json.loads(row["absent"] or "[]")
    grounding = row["grounding"]  # an episode's, from a log that doesn't tell it of each turn
    valid_turns = row["valid_turns"] if grounding is None else grounding * row["turns"]
    return EpisodeScore(
        contestant=row["contestant"],
        benchmark=_benchmark(row["task"]),
        task_hash=row["task_hash"],
        progress=None if "progress" in absent else row["progress"],
        success=None if "progress" in absent else float(row["success"]),
        turns=row["turns"],
        valid_turns=None if "grounding" in absent else valid_turns,
        action_turns=row["action_turns"],
        tokens=None if "tokens" in absent else row["tokens"],
    )


def _benchmark(task: str) -> str:
    return task.partition("/")[0]
