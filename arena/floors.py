"""Can the base do a benchmark at all? Where it can't, nothing is to be said of what compression cost it."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import fmean
from typing import Any

from analysis.rates import wilson_interval
from analysis.significance import paired_difference

ONE_SIDED_P = 0.10
"""Of a two-sided test whose direction is asked for: 5 % on one side."""


@dataclass(frozen=True)
class FloorCheck:
    """The baseline's progress on a benchmark against a floor; both 0..1.

    `source` says where the floor comes from. `cleared` is None where no floor is known.
    """

    progress: float
    floor: float | None
    source: str
    cleared: bool | None

    def as_json(self) -> dict[str, Any]:
        """Return the fields as reports have them."""
        return {
            "progress": self.progress,
            "floor": self.floor,
            "source": self.source,
            "cleared": self.cleared,
        }


def check_floor(
    base: Mapping[str, float], random: Mapping[str, float] | None, tasks: Mapping[str, tuple[str, str]]
) -> FloorCheck:
    """Check the baseline's mean progress by task (hash) on one benchmark.

    The floor is what `random` reached on the same tasks in the same run (`random`), or what it reached when
    it was measured (`floors.toml`). `tasks` maps hashes to the task's id and source. The baseline clears it
    where its progress is larger beyond chance: by Wilson's interval, or by the paired test where `random`
    has played too.
    """
    progress = fmean(base.values())
    shared = sorted(base.keys() & (random or {}).keys())
    if random and shared:
        pairs = [base[task] for task in shared], [random[task] for task in shared]
        floor, source = fmean(pairs[1]), "random in this run"
        difference = paired_difference(pairs[1], pairs[0])
        proven = difference.delta > 0 and difference.p < ONE_SIDED_P
    else:
        known = [measured_floor(*tasks[task]) for task in base]
        told = [each for each in known if each is not None]
        if len(told) < len(known) or not told:
            return FloorCheck(progress, None, "", None)
        floor, source, proven = fmean(told), "random, measured on the bundled tasks", False
    low, _ = wilson_interval(min(1.0, max(0.0, progress)), len(base))
    return FloorCheck(progress, floor, source, proven or low > floor)


def measured_floor(task: str, source: str) -> float | None:
    """Return what `random` was measured to reach on tasks like this one, or None where it wasn't."""
    if source != "bundled":
        return None
    names: Sequence[str] = task.split("/")
    found = _table().get(names[0], {})
    rate = found.get(names[1] if len(names) > 2 else "", found.get("all"))
    return float(rate) if rate is not None else None


@cache
def _table() -> Mapping[str, Mapping[str, float]]:
    text = files("arena").joinpath("floors.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["progress"]
