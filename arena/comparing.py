"""Paired comparisons with the baseline: on the same tasks, for each measure, per benchmark and overall."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from analysis.multiple import holm
from analysis.power import detectable_difference, detectable_rate_difference
from analysis.rates import paired_outcomes, paired_rates
from analysis.sequential import anytime_difference
from analysis.significance import PairedDifference, macro_difference, paired_difference, rank_biserial
from arena.score import EpisodeScore, task_means

MEASURES = ("progress", "success", "valid_call_rate")
"""What is compared; names of attributes of `EpisodeScore`."""

Key = TypeVar("Key")

Pairs = tuple[list[float], list[float]]
"""The baseline's and the contestant's scores on the tasks that both have finished, in one order."""


@dataclass(frozen=True)
class Comparison:
    """A contestant's difference to the baseline in one measure.

    `effect` tells its size without a unit: `dz` and `rank_biserial`, or for outcomes of 0 and 1 how many
    tasks were `lost` and `gained`, with their `odds_ratio`. `detectable` is the smallest true difference
    that so many tasks show in 4 of 5 runs, None where none is known. `p_holm` allows for all `comparisons`
    that the report makes of this measure.
    """

    difference: PairedDifference
    effect: Mapping[str, float | int | None]
    detectable: float | None
    p_holm: float
    comparisons: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return the fields as reports have them."""
        return {
            "delta": self.difference.delta,
            "ci": [self.difference.low, self.difference.high],
            "p": self.difference.p,
            "p_holm": self.p_holm,
            "comparisons": self.comparisons,
            "pairs": self.difference.pairs,
            "sd": self.difference.sd,
            "effect": dict(self.effect),
            "mde": self.detectable,
        }


class Table:
    """Finished episodes by contestant and benchmark; each task's means are worked out once, when needed."""

    def __init__(self, episodes: Iterable[EpisodeScore]) -> None:
        self._episodes: dict[tuple[str, str], list[EpisodeScore]] = {}
        self._means: dict[tuple[str, str, str], Mapping[str, float]] = {}
        for each in episodes:
            self._episodes.setdefault((each.contestant, each.benchmark), []).append(each)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield (contestant, benchmark) of all that was played, in the order of the episodes."""
        return iter(self._episodes)

    def means(self, contestant: str, benchmark: str, measure: str) -> Mapping[str, float]:
        """Return each task's mean of a measure, by hash; none where nothing was played."""
        where = contestant, benchmark, measure
        if where not in self._means:
            self._means[where] = task_means(self._episodes.get((contestant, benchmark), ()), measure)
        return self._means[where]


def paired(
    table: Table,
    baseline: str,
    contestant: str,
    benchmarks: Sequence[str],
    measure: str,
    order: Sequence[str] | None = None,
) -> Pairs:
    """Return both sides' means on each task of some benchmarks that both have finished.

    Repeats collapse first. In the order of the tasks' hashes, or in `order` (hashes) where that is given.
    """
    base, other = (
        {
            task: mean
            for benchmark in benchmarks
            for task, mean in table.means(name, benchmark, measure).items()
        }
        for name in (baseline, contestant)
    )
    shared = (
        sorted(base.keys() & other.keys())
        if order is None
        else [task for task in order if task in base and task in other]
    )
    return [base[task] for task in shared], [other[task] for task in shared]


def compare(pairs: Pairs, *, anytime: bool = False) -> Comparison | None:
    """Compare paired scores; None where there are none.

    Outcomes of 0 and 1 are compared as rates, everything else as means. `anytime`: the comparison may have
    been stopped for what it showed, so its interval has to hold at every time.
    """
    base, other = pairs
    if not base:
        return None
    effect: dict[str, float | int | None]
    if {*base, *other} <= {0.0, 1.0}:
        outcomes = paired_outcomes(base, other)
        difference = paired_rates(outcomes)
        effect = {"lost": outcomes.lost, "gained": outcomes.gained, "odds_ratio": outcomes.odds_ratio}
        share = (outcomes.lost + outcomes.gained) / outcomes.pairs
        detectable = detectable_rate_difference(share, outcomes.pairs)
    else:
        difference = paired_difference(base, other)
        effect = {"dz": difference.dz, "rank_biserial": rank_biserial(base, other)}
        detectable = _detectable(difference)
    if anytime:
        difference = anytime_difference(base, other)
    return Comparison(difference, effect, detectable, difference.p)


def compare_overall(groups: Sequence[Pairs]) -> Comparison | None:
    """Compare over several benchmarks, each weighing the same; None where nothing pairs."""
    groups = [(base, other) for base, other in groups if base]
    if len(groups) < 2:
        return compare(groups[0]) if groups else None
    base = [score for group, _ in groups for score in group]
    other = [score for _, group in groups for score in group]
    difference = macro_difference(groups)
    effect = {"dz": difference.dz, "rank_biserial": rank_biserial(base, other)}
    return Comparison(difference, effect, _detectable(difference), difference.p)


def _detectable(difference: PairedDifference) -> float | None:
    """Return the smallest difference that shows; None where too few tasks differ to tell how they vary."""
    return None if difference.widened else detectable_difference(difference.sd, difference.pairs)


def adjusted(comparisons: Mapping[Key, Comparison]) -> dict[Key, Comparison]:
    """Return comparisons with p-values that allow for all of them (Holm)."""
    p_values = holm([each.difference.p for each in comparisons.values()])
    return {
        key: replace(each, p_holm=p, comparisons=len(p_values))
        for (key, each), p in zip(comparisons.items(), p_values, strict=True)
    }
