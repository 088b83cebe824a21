"""How much of what compression lost comes back when replies are constrained to tool calls.

For each contestant that was also played with `constrained=…`: the share of turns that gave an action, and the
progress rate, of the baseline, of the contestant, and of its constrained twin, on the tasks that all three
have finished. What does not come back was no matter of form.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arena.plan import read_plan
from arena.store.files import connect

_EPISODES = """
SELECT e.contestant, e.task_hash, e.seed, e.repeat, e.progress,
       COUNT(t.id) AS turns, COUNT(t.action) AS actions
FROM episode e JOIN turn t ON t.episode_id = e.id WHERE e.status = 'done' GROUP BY e.id
"""
_Played = Mapping[tuple[str, int, int], tuple[float, int, int]]


@dataclass(frozen=True)
class Three:
    """One measure (0..1) of the baseline, of a contestant, and of the contestant constrained."""

    base: float
    free: float
    constrained: float

    @property
    def recovered(self) -> float | None:
        """Share of the loss that came back; below 0 where more was lost. None where nothing was lost.

        Above 1 where constraining brings more than compression lost: the base itself would gain by it.
        """
        lost = self.base - self.free
        return (self.constrained - self.free) / lost if lost > 0 else None


@dataclass(frozen=True)
class Recovered:
    """What constraining a contestant brought back, over `episodes` that all three have finished."""

    contestant: str
    constrained: str
    episodes: int
    valid_calls: Three
    progress: Three


def recovered(run: Path) -> list[Recovered]:
    """Return what came back, for each contestant of a run that was also played constrained.

    Twins differ in nothing but that. Pairs without an episode that they and the baseline have finished are
    left out. Raises `StoreError` where the run can't be read.
    """
    contestants = read_plan(run)["contestants"]
    played = _played(run)
    baseline = contestants[0]["name"]
    found = []
    for free in contestants:
        for twin in contestants:
            if not _is_twin(free, twin):
                continue
            names = (baseline, free["name"], twin["name"])
            shared = set.intersection(*(set(played.get(name, {})) for name in names))
            if shared:
                rates = [_rates([played[name][key] for key in shared]) for name in names]
                calls, progress = (Three(*values) for values in zip(*rates, strict=True))
                found.append(Recovered(free["name"], twin["name"], len(shared), calls, progress))
    return found


def _is_twin(free: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    one, two = (dict(each.get("identity", {}).get("engine", {})) for each in (free, other))
    is_so = "constrained" not in one and two.pop("constrained", None) is not None
    return is_so and one == two and _settings(free) == _settings(other)


def _settings(contestant: Mapping[str, Any]) -> Any:
    return contestant.get("identity", {}).get("settings")


def _played(run: Path) -> dict[str, _Played]:
    db: sqlite3.Connection = connect(run)
    try:
        found: dict[str, dict[tuple[str, int, int], tuple[float, int, int]]] = {}
        for row in db.execute(_EPISODES):
            key = row["task_hash"], row["seed"], row["repeat"]
            found.setdefault(row["contestant"], {})[key] = row["progress"], row["turns"], row["actions"]
        return dict(found)
    finally:
        db.close()


def _rates(episodes: list[tuple[float, int, int]]) -> tuple[float, float]:
    """Return the share of turns that gave an action, and the mean progress rate."""
    progress, turns, actions = (np.asarray(each, dtype=float) for each in zip(*episodes, strict=True))
    return float(actions.sum() / turns.sum()), float(progress.mean())
