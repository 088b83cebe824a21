"""The contestants that might be shipped, and what is known of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from arena.verdict import WORTH_RULING_OUT

OVERALL = "overall"
PLAYERS = frozenset({"expert", "random", "script", "replay"})
"""Engines that are yardsticks, not models: nobody ships them."""
SMALLER = 0.995
"""Up to this share of the base's bytes a contestant counts as smaller."""
LEAST_KEPT = 0.5
"""Of what the base reaches, a contestant that is called safe is known to keep at least so much."""
OPEN = ("undecided", "looks_worse")
"""Verdicts that more tasks may change."""
FEW_TASKS = 10
"""A benchmark of fewer tasks keeps the mean over several open, whatever the others tell."""


@dataclass(frozen=True)
class Candidate:
    """A contestant that might be shipped: its comparison with the base over all benchmarks.

    `harmed` are benchmarks, of so many, on which it is proven worse, and a drop beyond the margin isn't ruled
    out; `unknown` those of which no task pairs with the base; `scarce` those of several with the fewest
    tasks, and how many pair. `engine` is who computed its replies.
    """

    name: str
    fields: Mapping[str, Any]
    size_ratio: float | None
    harmed: tuple[str, ...]
    benchmarks: int
    unknown: tuple[str, ...]
    margin: float
    scarce: tuple[tuple[str, int], ...]
    engine: str

    @property
    def safe(self) -> bool:
        """Whether a loss beyond the margin is ruled out, as far as is known."""
        return rules_out(self.fields, self.margin) and not self.harmed

    @property
    def is_open(self) -> bool:
        """Whether more tasks would tell: it is neither safe nor out."""
        return not self.safe and not self.is_out and self.fields.get("verdict_kind") != "no_base"

    @property
    def is_out(self) -> bool:
        """Whether a loss is proven, overall or on one benchmark."""
        return self.fields.get("verdict_kind") == "worse" or bool(self.harmed)

    @property
    def smaller(self) -> bool:
        """Whether it is known to be smaller than the base."""
        return self.size_ratio is not None and self.size_ratio <= SMALLER

    @property
    def as_large(self) -> bool:
        """Whether it is known to save nothing."""
        return self.size_ratio is not None and self.size_ratio > SMALLER


def candidates(document: Mapping[str, Any]) -> list[Candidate]:
    """Return the contestants that were compared with the base, without yardsticks, in the report's order."""
    return [
        Candidate(
            name,
            fields,
            fields.get("size_ratio"),
            _harmed(document, name),
            len(document["contestants"][name]),
            _unknown(document, name),
            margin(document),
            _scarce(document, name),
            document.get("agents", {}).get(name, {}).get("engine", ""),
        )
        for name, fields in models(document).items()
        if fields.get("verdict_kind")
    ]


def models(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return what the report says over all benchmarks of each contestant but the base that is a model."""
    agents = document.get("agents", {})
    return {
        name: fields
        for name, fields in document.get("overall", {}).items()
        if name != document["baseline"] and agents.get(name, {}).get("engine") not in PLAYERS
    }


def _harmed(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(
        benchmark
        for benchmark, fields in document["contestants"][name].items()
        if fields.get("verdict_kind") == "worse" and not rules_out(fields, margin(document, benchmark))
    )


def _unknown(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the benchmarks that the base has played and can do, and of which no task pairs with it."""
    scores = document["contestants"]
    return tuple(
        benchmark
        for benchmark, fields in scores[document["baseline"]].items()
        if fields["episodes"]
        and can_be_done(document, benchmark)
        and "ci" not in scores[name].get(benchmark, {})
    )


def _scarce(document: Mapping[str, Any], name: str) -> tuple[tuple[str, int], ...]:
    """Return the benchmarks that count, of several, of which fewer than `FEW_TASKS` tasks pair."""
    pairs = {
        benchmark: fields["pairs"]
        for benchmark, fields in document["contestants"][name].items()
        if "ci" in fields and can_be_done(document, benchmark)
    }
    few = tuple((benchmark, count) for benchmark, count in pairs.items() if count < FEW_TASKS)
    return few if len(pairs) > 1 else ()


def rules_out(fields: Mapping[str, Any], margin: float) -> bool:
    """Tell whether a comparison rules out a loss beyond the margin."""
    return "ci" in fields and fields["verdict_kind"] != "no_base" and fields["ci"][0] >= -margin


def margin(document: Mapping[str, Any], benchmark: str = OVERALL) -> float:
    """Return the loss, in progress, that must be ruled out: of the mean over all benchmarks, or of one."""
    reached = [
        fields["progress"]
        for name, fields in document["contestants"][document["baseline"]].items()
        if fields["progress"] is not None
        and (name == benchmark or (benchmark == OVERALL and can_be_done(document, name)))
    ]
    return min(WORTH_RULING_OUT, (1 - LEAST_KEPT) * fmean(reached)) if reached else WORTH_RULING_OUT


def can_be_done(document: Mapping[str, Any], benchmark: str) -> bool:
    """Tell whether nothing shows that the base can't do a benchmark."""
    check = document.get("floors", {}).get(benchmark)
    return check is None or check["cleared"] is not False
