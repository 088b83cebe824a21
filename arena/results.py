"""What a run's episodes show beside their scores: progress over the turns, sizes, needles, who lost where."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.filtering import Filter
from arena.plan import read_plan
from arena.records import Episode
from arena.report.document import report_document
from arena.store.files import connect, is_being_played
from arena.store.reader import RunReader

Curves = Mapping[str, Mapping[str, Sequence[float]]]
"""Benchmark -> contestant -> mean progress rate (0..1) after each turn."""

Needles = Mapping[str, Mapping[tuple[int, int], float]]
"""Contestant -> (length in tokens, depth in percent) -> mean score (0..1)."""


@dataclass(frozen=True)
class Results:
    """A run at a glance. `document` is the report's; `sizes` has the models' bytes where they are known.

    `planned`, `done` and `errors` count episodes; `playing`: a process plays the run now.
    """

    run: Path
    suite: str
    document: Mapping[str, Any]
    planned: int
    done: int
    errors: int
    playing: bool
    sizes: Mapping[str, int]
    curves: Curves
    needles: Needles

    @property
    def contestants(self) -> list[str]:
        """The contestants' names, the baseline's first."""
        return list(self.document["contestants"])

    @property
    def benchmarks(self) -> list[str]:
        """The benchmarks that anyone has played, in the report's order."""
        return list(
            dict.fromkeys(name for scores in self.document["contestants"].values() for name in scores)
        )

    def score(self, benchmark: str, contestant: str) -> Mapping[str, Any]:
        """Return a contestant's scores on a benchmark; empty where it has none."""
        found: Mapping[str, Any] = self.document["contestants"].get(contestant, {}).get(benchmark, {})
        return found


@dataclass(frozen=True)
class EpisodeRow:
    """An episode with how the baseline's on the same task ended, and its failed replies by kind."""

    episode: Episode
    base: Episode | None
    failures: Mapping[str, int]


def read_results(run: Path) -> Results:
    """Read a run's results. Raises `StoreError` where it can't be read."""
    plan = read_plan(run)
    document = report_document(run)
    with closing(connect(run)) as db:
        counts = dict(db.execute("SELECT status, COUNT(*) FROM episode GROUP BY status").fetchall())
        curves, needles = _curves(db), _needles(db)
    frozen = plan["plan"]
    return Results(
        run=run,
        suite=str(frozen["suite"]),
        document=document,
        planned=len(frozen["contestants"]) * len(frozen["tasks"]) * int(frozen["repeats"]),
        done=counts.get("done", 0),
        errors=counts.get("error", 0),
        playing=is_being_played(run),
        sizes={each["name"]: each["size_bytes"] for each in plan["contestants"] if each.get("size_bytes")},
        curves=curves,
        needles=needles,
    )


def find_episodes(run: Path, chosen: Filter, baseline: str) -> list[EpisodeRow]:
    """Return the episodes that a filter lets through, in the order in which they began."""
    with closing(RunReader(run)) as reader:
        heads = reader.episodes()
        found = reader.find_episodes(chosen)
    with closing(connect(run)) as db:
        failures: dict[int, dict[str, int]] = {}
        for episode_id, kind, count in db.execute(
            "SELECT episode_id, failure_kind, COUNT(*) FROM turn WHERE failure_kind IS NOT NULL"
            " GROUP BY 1, 2 ORDER BY 1, 3 DESC"
        ):
            failures.setdefault(episode_id, {})[kind] = count
    base = {_match(head): head for head in heads if head.key.contestant == baseline}
    return [EpisodeRow(head, base.get(_match(head)), failures.get(head.id, {})) for head in found]


def _match(episode: Episode) -> tuple[str, int, int]:
    return episode.key.task_hash, episode.key.seed, episode.key.repeat


_BENCHMARK = "substr(e.task, 1, instr(e.task || '/', '/') - 1)"
_BY_TURN = (
    f"SELECT {_BENCHMARK}, e.contestant, t.idx, SUM(t.progress), COUNT(*)"  # noqa: S608 - no outside text
    " FROM turn t JOIN episode e ON e.id = t.episode_id WHERE e.status = 'done' GROUP BY 1, 2, 3 ORDER BY 3"
)
_ENDED = (
    f"SELECT {_BENCHMARK}, e.contestant, e.turns, SUM(e.progress), COUNT(*)"  # noqa: S608 - no outside text
    " FROM episode e WHERE e.status = 'done' GROUP BY 1, 2, 3"
)


def _curves(db: sqlite3.Connection) -> Curves:
    """Return mean progress by turn over all scored episodes; one that is over keeps its last progress."""
    at_turn: dict[tuple[str, str], dict[int, tuple[float, int]]] = {}
    for benchmark, contestant, index, total, count in db.execute(_BY_TURN):
        at_turn.setdefault((benchmark, contestant), {})[index] = total, count
    ended: dict[tuple[str, str], list[tuple[int, float, int]]] = {}
    for benchmark, contestant, turns, total, count in db.execute(_ENDED):
        ended.setdefault((benchmark, contestant), []).append((turns, total, count))
    curves: dict[str, dict[str, list[float]]] = {}
    for (benchmark, contestant), by_turn in at_turn.items():
        over = ended.get((benchmark, contestant), [])
        means = []
        for index in range(max(by_turn) + 1):
            total, count = by_turn.get(index, (0.0, 0))
            total += sum(progress for turns, progress, _ in over if turns <= index)
            count += sum(episodes for turns, _, episodes in over if turns <= index)
            means.append(total / count if count else 0.0)
        curves.setdefault(benchmark, {})[contestant] = means
    return curves


def _needles(db: sqlite3.Connection) -> Needles:
    """Return the grid of tasks `needle/LENGTH/DEPTH`; those that hide several needles are no part of it."""
    rows = db.execute(
        "SELECT contestant, task, AVG(progress) FROM episode"
        " WHERE status = 'done' AND task LIKE 'needle/%' GROUP BY 1, 2"
    )
    grid: dict[str, dict[tuple[int, int], float]] = {}
    for contestant, task, score in rows:
        _, _, place = task.partition("/")
        length, _, depth = place.partition("/")
        if length.isdigit() and depth.isdigit():
            grid.setdefault(contestant, {})[int(length), int(depth)] = score
    return grid
