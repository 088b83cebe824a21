"""Scores: what a run's recorded episodes come to, per contestant and benchmark.

Progress rate, success rate and grounding accuracy are AgentBoard's (Ma et al. 2024): means over episodes of
the last turn's progress, of "the goal is met", and of valid actions per turn taken.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from analysis.rates import wilson_interval
from analysis.repeats import pass_hat_k
from arena.filtering import Filter
from arena.plan import contestant_names
from arena.store.files import connect
from arena.store.rows import check_row


@dataclass(frozen=True)
class EpisodeScore:
    """One finished episode in numbers; None is what a log of another harness doesn't hold.

    `failures` counts its failed turns by kind, `time_s` is what its replies took, `grading_version` says
    which scorer graded it.
    """

    contestant: str
    benchmark: str
    task_hash: str
    progress: float | None
    success: float | None
    turns: int
    valid_turns: float | None
    action_turns: int
    tokens: int | None
    task: str = ""
    seed: int = 0
    repeat: int = 0
    time_s: float | None = None
    failures: Mapping[str, int] = field(default_factory=dict)
    grading_version: int | None = None

    @property
    def valid_call_rate(self) -> float | None:
        """Share of the turns whose reply gave an action; None where the turns aren't told."""
        return self.action_turns / self.turns if self.turns else None


@dataclass(frozen=True)
class Score:
    """A contestant's means on a benchmark. Rates are 0..1; None where no episode tells.

    `errors` counts episodes that the infrastructure failed; they are owed, and not in the means, but in those
    `with_errors`, where each counts as 0. `valid_call_rate` is the share of turns whose reply gave an action
    (no failure of its form or call). The intervals are Wilson's over tasks, at 95 %. `pass_hat_k` maps k to
    pass^k, the share of tasks solved k times of k, where tasks were played more than once. `time_s` is the
    mean time an episode's replies took.
    """

    episodes: int
    errors: int
    progress: float | None
    success: float | None
    grounding: float | None
    valid_call_rate: float | None
    turns: float | None
    tokens: float | None
    time_s: float | None = None
    tasks: int = 0
    progress_ci: tuple[float, float] | None = None
    success_ci: tuple[float, float] | None = None
    progress_with_errors: float | None = None
    success_with_errors: float | None = None
    pass_hat_k: Mapping[str, float] | None = None


Scores = Mapping[str, Mapping[str, Score]]
"""Contestant -> benchmark -> score."""

Errors = Mapping[tuple[str, str], int]
"""(Contestant, benchmark) -> episodes that the infrastructure failed."""

_EPISODES = """
SELECT e.id, e.contestant, e.task, e.task_hash, e.seed, e.repeat, e.progress, e.success, COUNT(t.id) AS turns,
       COALESCE(SUM(t.valid), 0) AS valid_turns,
       COUNT(CASE WHEN t.failure IS NULL THEN t.action END) AS action_turns,
       COALESCE(SUM(t.completion_tokens), 0) AS tokens,
       COALESCE(SUM(t.latency_s), 0) AS time_s,
       json_extract(e.provenance, '$.absent') AS absent,
       json_extract(e.provenance, '$.grounding') AS grounding,
       json_extract(e.provenance, '$.grading_version') AS grading_version
FROM episode e LEFT JOIN turn t ON t.episode_id = e.id
WHERE e.status = 'done' AND {where} GROUP BY e.id ORDER BY e.id
"""
_FAILURES = """
SELECT t.episode_id, t.failure_kind, COUNT(*) AS turns
FROM turn t JOIN episode e ON e.id = t.episode_id
WHERE t.failure_kind IS NOT NULL AND e.status = 'done' AND {where} GROUP BY 1, 2 ORDER BY 1, 2
"""
_ERRORS = """
SELECT e.contestant, e.task, COUNT(*) AS errors FROM episode e WHERE e.status = 'error' AND {where}
GROUP BY 1, 2
"""


def read_scores(run: Path, chosen: Filter | None = None) -> tuple[list[str], list[EpisodeScore], Errors]:
    """Return a run's contestants (baseline first), its finished episodes, and its errors by (who, benchmark).

    `chosen` leaves out the episodes that it doesn't let through.
    """
    episodes = read_episodes(run, chosen)
    where = (chosen or Filter()).episodes_where()
    errors: Counter[tuple[str, str]] = Counter()
    with closing(connect(run)) as db:
        for row in db.execute(_ERRORS.format(where=where.sql), where.parameters):
            errors[row["contestant"], benchmark_of(row["task"])] += row["errors"]
    return contestant_names(run), episodes, errors


def read_episodes(run: Path, chosen: Filter | None = None) -> list[EpisodeScore]:
    """Return a run's finished episodes; `chosen` leaves out those that it doesn't let through."""
    where = (chosen or Filter()).episodes_where()
    failures: dict[int, dict[str, int]] = {}
    with closing(connect(run)) as db:
        for row in db.execute(_FAILURES.format(where=where.sql), where.parameters):
            failures.setdefault(row["episode_id"], {})[row["failure_kind"]] = row["turns"]
        return [
            _episode_score(row, failures.get(row["id"], {}))
            for row in db.execute(_EPISODES.format(where=where.sql), where.parameters)
        ]


def score(contestants: Sequence[str], episodes: Sequence[EpisodeScore], errors: Errors) -> Scores:
    """Return each contestant's score on each benchmark that anyone has played."""
    benchmarks = dict.fromkeys([*(each.benchmark for each in episodes), *(name for _, name in errors)])
    played: dict[tuple[str, str], list[EpisodeScore]] = {}
    for each in episodes:
        played.setdefault((each.contestant, each.benchmark), []).append(each)
    return {
        contestant: {
            benchmark: _mean(played.get((contestant, benchmark), []), errors.get((contestant, benchmark), 0))
            for benchmark in benchmarks
        }
        for contestant in contestants
    }


def task_means(episodes: Iterable[EpisodeScore], measure: str) -> dict[str, float]:
    """Return each task's mean of a measure (an attribute of `EpisodeScore`), by hash: repeats collapse."""
    values: dict[str, list[float]] = {}
    for each in episodes:
        value = getattr(each, measure)
        if value is not None:
            values.setdefault(each.task_hash, []).append(value)
    # a mean of one value is that value, and most tasks are played once
    return {
        task: float(np.mean(repeats)) if len(repeats) > 1 else float(repeats[0])
        for task, repeats in values.items()
    }


def benchmark_of(task: str) -> str:
    """Return the benchmark that a task id names."""
    return task.partition("/")[0]


def _mean(episodes: Sequence[EpisodeScore], errors: int) -> Score:
    if not episodes:
        owed = 0.0 if errors else None
        return Score(
            *(0, errors, None, None, None, None, None, None),
            progress_with_errors=owed,
            success_with_errors=owed,
        )
    turns = sum(each.turns for each in episodes)
    told = [each for each in episodes if each.turns and each.valid_turns is not None]
    progress, success = (
        _average(each.progress for each in episodes),
        _average(each.success for each in episodes),
    )
    tasks = len({each.task_hash for each in episodes})
    share = len(episodes) / (len(episodes) + errors)
    return Score(
        episodes=len(episodes),
        errors=errors,
        progress=progress,
        success=success,
        grounding=_average((each.valid_turns or 0) / each.turns for each in told),
        valid_call_rate=sum(each.action_turns for each in episodes) / turns if turns else None,
        turns=turns / len(episodes) if turns else None,
        tokens=_average(each.tokens for each in episodes),
        time_s=_average(each.time_s for each in episodes) if turns else None,
        tasks=tasks,
        progress_ci=None if progress is None else wilson_interval(progress, _scored(episodes, "progress")),
        success_ci=None if success is None else wilson_interval(success, _scored(episodes, "success")),
        progress_with_errors=None if progress is None else progress * share,
        success_with_errors=None if success is None else success * share,
        pass_hat_k=_pass_hat(episodes),
    )


def _scored(episodes: Sequence[EpisodeScore], measure: str) -> int:
    """Return how many tasks have a score: a log of another harness may have it of some only."""
    return len({each.task_hash for each in episodes if getattr(each, measure) is not None})


def _pass_hat(episodes: Sequence[EpisodeScore]) -> dict[str, float] | None:
    tries: Counter[str] = Counter(each.task_hash for each in episodes if each.success is not None)
    solved: Counter[str] = Counter(each.task_hash for each in episodes if each.success)
    most = max(tries.values(), default=0)
    if most < 2:
        return None
    outcomes = [(count, solved[task]) for task, count in tries.items()]
    return {str(k): value for k in range(1, most + 1) if (value := pass_hat_k(outcomes, k)) is not None}


def _average(values: Iterable[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return float(np.mean(told)) if told else None


def _episode_score(row: sqlite3.Row, failures: Mapping[str, int]) -> EpisodeScore:
    check_row(row)
    absent = json.loads(row["absent"]) if row["absent"] else ()
    grounding = row["grounding"]  # an episode's, from a log that doesn't tell it of each turn
    valid_turns = row["valid_turns"] if grounding is None else grounding * row["turns"]
    return EpisodeScore(
        contestant=row["contestant"],
        benchmark=benchmark_of(row["task"]),
        task_hash=row["task_hash"],
        progress=None if "progress" in absent else row["progress"],
        success=None if "progress" in absent else float(row["success"]),
        turns=row["turns"],
        valid_turns=None if "grounding" in absent else valid_turns,
        action_turns=row["action_turns"],
        tokens=None if "tokens" in absent else row["tokens"],
        task=row["task"],
        seed=row["seed"],
        repeat=row["repeat"],
        time_s=row["time_s"] or None,  # what took no time at all was not timed
        failures=failures,
        grading_version=row["grading_version"],
    )
