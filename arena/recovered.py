"""How much of what compression lost comes back when replies are constrained to tool calls.

For each contestant that was also played with `constrained=…`, on the tasks that it, its constrained twin and
the baseline have all finished. What does not come back was no matter of form.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from analysis.significance import PairedDifference
from arena.comparing import MEASURES, Pairs, Table, compare, compare_overall

OVERALL = "overall"
"""All benchmarks together, each weighing the same."""

Group = tuple[list[float], list[float], list[float]]
"""A task's scores (0..1) of the baseline, of a contestant, and of its constrained twin, in one order."""


@dataclass(frozen=True)
class Recovered:
    """One measure (0..1), and what compression changed of it (`lost`) and constraining then (`gained`)."""

    base: float
    free: float
    constrained: float
    lost: PairedDifference
    gained: PairedDifference

    @property
    def share(self) -> float | None:
        """Share of the loss that came back; None where the interval of what was lost holds 0.

        Below 0 where more was lost; above 1 where the base itself would gain by it.
        """
        return self.gained.delta / -self.lost.delta if self.lost.high < 0 else None

    def as_json(self) -> dict[str, Any]:
        """Return the fields as reports have them."""
        return {
            "base": self.base,
            "free": self.free,
            "constrained": self.constrained,
            "lost": -self.lost.delta,
            "lost_ci": [-self.lost.high, -self.lost.low],
            "gained": self.gained.delta,
            "gained_ci": [self.gained.low, self.gained.high],
            "share": self.share,
        }


def recovered(
    table: Table,
    agents: Mapping[str, Mapping[str, Any]],
    benchmarks: Sequence[str],
    order: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Return a row a benchmark, contestant and constrained twin, as reports have them: docs/debugging.md.

    `agents` are contestants as `run.toml` describes them, by name, the baseline first. Where there are
    several `benchmarks`, `overall` is the last. `order` (hashes of tasks) is that of a run that was stopped
    for what it showed: its intervals hold at every time, and overall each task weighs the same. Pairs that
    share no task with the baseline are left out.
    """
    baseline = next(iter(agents))
    rows = []
    for free, twin in twins(agents):
        names = (baseline, free, twin)
        by_measure = {measure: _groups(table, names, benchmarks, measure, order) for measure in MEASURES}
        for where in (*benchmarks, OVERALL) if len(benchmarks) > 1 else benchmarks:
            measures = {
                measure: found
                for measure, groups in by_measure.items()
                if (found := _recovered(_chosen(groups, where), anytime=order is not None))
            }
            if measures:
                tasks = max(each.gained.pairs for each in measures.values())
                rows.append(
                    {"benchmark": where, "contestant": free, "constrained": twin, "tasks": tasks}
                    | {measure: each.as_json() for measure, each in measures.items()}
                )
    return rows


def twins(agents: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the names of a contestant and its constrained twin: they differ in nothing but that."""
    for free, one in agents.items():
        for twin, other in agents.items():
            if _is_twin(one, other):
                yield free, twin


def _is_twin(free: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    # a log of another harness tells nothing of who was asked, and how
    one, two = (dict(each.get("identity", {}).get("engine", {})) for each in (free, other))
    is_so = "constrained" not in one and two.pop("constrained", None) is not None
    return is_so and one == two and _settings(free) == _settings(other)


def _settings(contestant: Mapping[str, Any]) -> Any:
    return contestant.get("identity", {}).get("settings")


def _groups(
    table: Table,
    names: tuple[str, str, str],
    benchmarks: Sequence[str],
    measure: str,
    order: Sequence[str] | None,
) -> dict[str, Group]:
    """Return what all three scored on each benchmark, and where there is an order, on all in that order."""
    means = {benchmark: [table.means(name, benchmark, measure) for name in names] for benchmark in benchmarks}
    groups = {}
    for benchmark, (base, free, twin) in means.items():
        shared = base.keys() & free.keys() & twin.keys()
        tasks = sorted(shared) if order is None else [task for task in order if task in shared]
        groups[benchmark] = _scores(tasks, (base, free, twin))
    if order is not None:
        every = [
            {task: mean for each in means.values() for task, mean in each[who].items()} for who in range(3)
        ]
        together = [task for task in order if all(task in each for each in every)]
        groups[OVERALL] = _scores(together, every)
    return groups


def _scores(tasks: Sequence[str], means: Sequence[Mapping[str, float]]) -> Group:
    base, free, twin = ([each[task] for task in tasks] for each in means)
    return base, free, twin


def _chosen(groups: Mapping[str, Group], where: str) -> list[Group]:
    chosen = [groups[where]] if where in groups else list(groups.values())
    return [group for group in chosen if group[0]]


def _recovered(groups: Sequence[Group], *, anytime: bool) -> Recovered | None:
    lost = _difference([(base, free) for base, free, _ in groups], anytime=anytime)
    gained = _difference([(free, twin) for _, free, twin in groups], anytime=anytime)
    if lost is None or gained is None:
        return None
    base, free, twin = (fmean(fmean(group[who]) for group in groups) for who in range(3))
    return Recovered(base, free, twin, lost, gained)


def _difference(groups: Sequence[Pairs], *, anytime: bool) -> PairedDifference | None:
    found = compare(groups[0], anytime=True) if anytime and groups else compare_overall(groups)
    return found.difference if found else None
