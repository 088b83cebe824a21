"""What the results screen says: cells, sentences and rows. Pure; all text from outside is literal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.content import Content

from arena.protocol.base import FailureKind
from arena.results import Results
from tui.literal import literal_line
from tui.names import short_name
from tui.tables import failure_words
from tui.widgets.gauges import bar

MUTED = "$foreground-muted"
WIDE_ROW = 90
"""From this width on, names have room in the rows of failures."""
SERIES_COLORS = ("accent", "warning", "success", "error", "secondary", "primary", "foreground", "text-muted")
"""The theme's colours of the contestants in plots, in their order; their numbers tell them apart besides."""

SIGNS = (
    ("▲ ▼", "better or worse than the baseline, and the test agrees"),
    ("▲? ▼?", "looks so, but these tasks can't prove it"),
    ("≈", "a loss that matters is ruled out"),
    ("·", "undecided: these tasks say too little"),
    ("∅", "the baseline itself is too weak there: nothing could be lost"),
)
RATES = (
    ("solved", "the share of episodes whose goal is met"),
    ("grounding", "the share of turns whose action took effect (grounding accuracy)"),
    ("valid calls", "the share of turns whose reply gave an action"),
)
_MARKS: Mapping[str, tuple[str, str]] = {
    "better": ("▲", "success"),
    "worse": ("▼", "error"),
    "looks_better": ("▲?", "warning"),
    "looks_worse": ("▼?", "warning"),
    "no_loss": ("≈", "success"),
    "no_base": ("∅", "warning"),
}
"""Kind of verdict (`arena.verdict`) -> its sign, and the theme's colour for it."""


@dataclass(frozen=True)
class Cell:
    """A score in two short lines; `style` is a colour of the theme for its sign."""

    score: str
    sign: str
    style: str
    interval: str


def cell(values: Mapping[str, Any], *, is_baseline: bool, is_tight: bool = False) -> Cell:
    """Return a score in short: the mean progress, and its difference to the baseline's with the interval.

    `is_tight` leaves the p-value to the sentence (`sentence`), so that more contestants have room.
    """
    if not values or values.get("progress") is None:
        errors = values.get("errors", 0) if values else 0
        return Cell("-", "", "", f"{errors} owed" if errors else "")
    score = f"{100 * values['progress']:.1f}"
    if is_baseline or "delta" not in values:
        success = values.get("success")
        solved = "" if success is None else f"{100 * success:.0f} % solved"
        return Cell(score, "", "", solved)
    low, high = values["ci"]
    sign, style = mark(values)
    delta = f"{100 * values['delta']:+.1f}"
    interval = f"[{100 * low:+.0f}, {100 * high:+.0f}]"
    p_value = "" if is_tight else f" p {p_words(values['p'])}"
    return Cell(score, f"{delta} {sign}", style, interval + p_value)


def mark(values: Mapping[str, Any]) -> tuple[str, str]:
    """Return the sign of a difference (see `SIGNS`), and the theme's colour for it."""
    return _MARKS.get(str(values.get("verdict_kind")), ("·", "foreground"))


def p_words(p: float) -> str:
    """Return a p-value, short."""
    return "<.001" if p < 0.001 else f"{p:.3f}".lstrip("0")


def sentence(results: Results, benchmark: str, contestant: str) -> Content:
    """Return what a cell says in words: two lines."""
    values = results.score(benchmark, contestant)
    name = Content.assemble(
        (literal_line(contestant, 60), "bold"), (f" on {literal_line(benchmark, 40)}: ", MUTED)
    )
    if not values or values.get("progress") is None:
        owed = values.get("errors", 0) if values else 0
        return name + (f"nothing scored yet, {owed} episodes owed" if owed else "nothing scored yet")
    if "delta" in values:
        name += Content.styled(literal_line(str(values["verdict"]), 200), "bold")
    elif contestant == results.document["baseline"]:
        name += "the baseline, which the others are compared with"
    else:
        name += "no task that the baseline has finished too"
    parts = [f"{values['episodes']} episodes", f"progress {_percent(values['progress'])}"]
    parts += [f"{label} {_percent(values.get(key))}" for key, label in _RATES if values.get(key) is not None]
    if values.get("turns") is not None:
        parts.append(f"{values['turns']:.1f} turns")
    if values.get("errors"):
        parts.append(f"{values['errors']} owed")
    if "delta" in values:
        low, high = values["ci"]
        holm = f" (Holm {p_words(values['p_holm'])})" if values.get("p_holm") is not None else ""
        interval = f"[{100 * low:+.1f}, {100 * high:+.1f}], p {p_words(values['p'])}{holm}"
        parts.insert(1, f"{100 * values['delta']:+.1f} points {interval}")
    return Content("\n").join([name, Content.styled(" · ".join(parts), MUTED)])


_RATES = (("success", "solved"), ("grounding", "grounding"), ("valid_call_rate", "valid calls"))


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f} %"


@dataclass(frozen=True)
class FailureRow:
    """How often a contestant's replies failed in one way; `share` of its turns (0..1)."""

    contestant: str
    kind: str
    count: int
    share: float


def failure_rows(results: Results) -> list[FailureRow]:
    """Return the failures, contestant by contestant in the run's order, the most frequent kind first."""
    rows = []
    for contestant in results.contestants:
        turns = _turns(results, contestant)
        kinds = results.document["failures"].get(contestant, {})
        for kind, count in sorted(kinds.items(), key=lambda item: -item[1]):
            rows.append(FailureRow(contestant, str(kind), count, min(count / turns, 1.0) if turns else 0.0))
    return rows


def draw_failure(row: FailureRow, baseline: str, width: int, *, is_first: bool) -> Content:
    """Return a row of the failure mix; a contestant's name stands at its first row only."""
    name_width = 27 if width >= WIDE_ROW else 21
    name = short_name(row.contestant, name_width - 1, baseline) if is_first else ""
    room = max(0, min(40, width - name_width - 46))
    return Content.assemble(
        (f" {name:<{name_width}}", "bold"),
        f"{kind_words(row.kind):<29}",
        (f"{row.count:>6}", ""),
        (f" {100 * row.share:>5.1f} % ", MUTED),
        bar(row.share, room, "$error"),
    )


def kind_words(kind: str) -> str:
    """Return what a kind of failure is called; one of another version as it is written."""
    return failure_words()[FailureKind(kind)] if kind in set(FailureKind) else literal_line(kind, 24)


def _turns(results: Results, contestant: str) -> float:
    scores = results.document["contestants"].get(contestant, {})
    return sum((values.get("turns") or 0) * values.get("episodes", 0) for values in scores.values())


def front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the Pareto front of (size, score): those for which no smaller one is as good, by size."""
    best: list[tuple[float, float]] = []
    for size, score in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or score > best[-1][1]:
            best.append((size, score))
    return best
