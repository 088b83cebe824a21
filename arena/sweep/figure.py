"""The figure of a sweep, for print and for eyes that tell few colours apart."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.figures import COLOURS
from arena.literal import literal
from arena.sweep.document import LEVELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKERS = ("o", "s", "^", "D")
_DASHES = ("-", "--", "-.", ":")
_GREY = "#555555"


def sweep_figure(document: Mapping[str, Any]) -> "Figure":
    """Draw the differences with their intervals, the levels, and the seconds that an episode's replies take.

    Proven drops are filled; everything else is open.
    """
    from matplotlib.figure import Figure as MplFigure

    figure = MplFigure(figsize=(9.0, 3.2), layout="constrained")
    panels = figure.subplots(1, 3)
    values = [row for line in document["lines"] for row in [*line["references"], *line["values"]]]
    labels = list(dict.fromkeys(row["label"] for row in values))
    for axes, title in zip(
        panels,
        (f"{LEVELS[document['measure']]}: difference, points", "levels, %", "seconds of replies an episode"),
        strict=True,
    ):
        axes.set_title(title, fontsize=9)
        axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        axes.tick_params(labelsize=7)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].axhline(0, color=_GREY, linewidth=0.8)
    for place, line in enumerate(document["lines"]):
        _differences(panels[0], line, labels, place, len(document["lines"]))
        _levels(panels[1], line, labels, place, alone=len(document["lines"]) == 1)
        rows = _shown(line)
        seconds = [row["costs"].get("time_s") or 0.0 for row in rows]
        at = [labels.index(row["label"]) for row in rows]
        panels[2].plot(at, seconds, label=line["name"], **_style(place))
    panels[1].set_ylim(-2, 102)
    panels[2].set_ylim(0, None)
    for axes in panels[:2]:
        axes.legend(fontsize=7, frameon=False)
    return figure


def _differences(axes: Any, line: Mapping[str, Any], labels: Sequence[str], place: int, lines: int) -> None:
    colour, shift = COLOURS[place % len(COLOURS)], (place - (lines - 1) / 2) * 0.15
    for row in line["values"]:
        if not row.get("ci"):
            continue
        at, delta = labels.index(row["label"]) + shift, 100 * row["delta"]
        low, high = (100 * end for end in row["ci"])
        proven = row.get("verdict_kind") == "worse"
        axes.vlines(at, low, high, color=colour, linewidth=1.4)
        axes.plot(
            [at],
            [delta],
            marker=_MARKERS[place % len(_MARKERS)],
            color=colour,
            markerfacecolor=colour if proven else "white",
            markersize=6,
        )
    axes.plot(
        [],
        [],
        color=colour,
        marker=_MARKERS[place % len(_MARKERS)],
        label=_label(f"{line['name']} (filled: proven)"),
    )


def _levels(axes: Any, line: Mapping[str, Any], labels: Sequence[str], place: int, *, alone: bool) -> None:
    rows = _shown(line)
    at = [labels.index(row["label"]) for row in rows]
    measures = rows[0]["levels"] if rows else ()
    for number, measure in enumerate(key for key in measures if key in LEVELS):
        heights = [100 * (row["levels"][measure] or 0.0) for row in rows]
        style = _style(number if alone else place) | {"linestyle": _DASHES[number % len(_DASHES)]}
        name = LEVELS[measure] if alone else f"{line['name']}, {LEVELS[measure]}"
        axes.plot(at, heights, label=_label(name), **style)


def _shown(line: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what belongs to a line itself: its own reference too, where that is the same model."""
    own = [] if len(line["references"]) > 1 else line["references"]
    return [*own, *line["values"]]


def _label(text: str) -> str:
    """Return a legend's text as it is: between dollars it would be a formula, after `_` left out."""
    plain = literal(text).replace("$", r"\$")
    return f" {plain}" if plain.startswith("_") else plain


def _style(place: int) -> dict[str, Any]:
    return {
        "color": COLOURS[place % len(COLOURS)],
        "marker": _MARKERS[place % len(_MARKERS)],
        "linestyle": _DASHES[place % len(_DASHES)],
        "markersize": 4,
        "linewidth": 1.4,
    }
