"""Figures of an analysis, from plain numbers. Colours are told apart by the colour-blind, and so are lines.

Colours are Okabe & Ito's (2008), each with a marker and a dash of its own, so that print in grey is read as
well. Nothing here touches matplotlib's global state; `save` writes a file.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)), (0, (7, 2)))
_HATCHES = ("", "////", "....", "xxxx")
_BASE_COLOUR = "#555555"
_WIDTH_INCHES = 7.0
_DPI = 160
_MOST_LEGEND_COLUMNS = 4
_LEGEND_CHARS = 96
"""How many characters fit beside each other in a legend, with eight for each line's sample."""
_LEGEND_ROW_INCHES = 0.17
_MOST_HISTOGRAMS = 5
"""More outlines over one another can't be told apart."""

Series = Mapping[str, Sequence[float]]


def erank_by_layer(layers: Sequence[int], differences: Series) -> "Figure":
    """Draw what compression did to the ERank of the weights, layer by layer (ACBench figure 4).

    `differences` holds, by model, the mean of (compressed - base) over a layer's matrices, one a layer.
    """
    figure, (axes,) = _figure(1)
    axes.axhline(0, color=_BASE_COLOUR, linewidth=0.8)
    for place, (name, values) in enumerate(differences.items()):
        axes.plot(layers, values, label=name, **_style(place, marked=len(layers)))
    axes.set(xlabel="layer", ylabel="ERank, compressed - base")
    _whole_numbers(axes)
    return _finished(figure, axes)


def top_k_consistency(ks: Sequence[int], measures: Mapping[str, Series]) -> "Figure":
    """Draw how well models agree with their base on the best k tokens, against k (ACBench figure 5).

    `measures` holds, by measure (jaccard, …) and model, one mean a k; NaN is left out.
    """
    figure, panels = _figure(len(measures), shared_y=True)
    for axes, (measure, models) in zip(panels, measures.items(), strict=True):
        for place, (name, values) in enumerate(models.items()):
            axes.plot(range(len(ks)), values, label=name, **_style(place, marked=len(ks)))
        axes.set(title=measure, xlabel="k", xticks=range(len(ks)), xticklabels=[str(k) for k in ks])
    panels[0].set(ylabel="agreement with the base", ylim=(None, 1.03))
    return _finished(figure, panels[0])


def perplexity_correlation(ks: Sequence[int], correlations: Series, models: int) -> "Figure":
    """Draw Spearman's rho over models between perplexity and each ranking measure, against k.

    `correlations` holds, by measure, one rho a k; NaN is left out. `models` is how many they are over.
    """
    figure, (axes,) = _figure(1)
    width = 0.8 / max(1, len(correlations))
    for place, (measure, values) in enumerate(correlations.items()):
        at = np.arange(len(ks)) + (place - (len(correlations) - 1) / 2) * width
        axes.bar(
            at,
            np.nan_to_num(values),
            width,
            label=measure,
            color=COLOURS[place % len(COLOURS)],
            hatch=_HATCHES[place % len(_HATCHES)],
            edgecolor="white",
        )
    axes.axhline(0, color=_BASE_COLOUR, linewidth=0.8)
    axes.set(
        xlabel="k",
        ylabel=f"Spearman's rho with perplexity\nover {models} models",
        ylim=(-1.05, 1.05),
        xticks=range(len(ks)),
        xticklabels=[str(k) for k in ks],
    )
    return _finished(figure, axes)


def energy_distributions(
    positions: Sequence[int], energies: Mapping[str, Mapping[int, Sequence[float]]]
) -> "Figure":
    """Draw the distributions of the energy at positions of the context (ACBench figure 14).

    `energies` holds, by model (the base first) and position, one energy a sequence. Boxes are quartiles with
    the median; whiskers reach the 5th and 95th percentile.
    """
    figure, (axes,) = _figure(1)
    width = 0.8 / max(1, len(energies))
    handles = []
    for place, (name, by_position) in enumerate(energies.items()):
        shown = [(i, by_position[p]) for i, p in enumerate(positions) if by_position.get(p)]
        if not shown:
            continue
        colour = _BASE_COLOUR if place == 0 else COLOURS[(place - 1) % len(COLOURS)]
        boxes = axes.boxplot(
            [values for _, values in shown],
            positions=[i + (place - (len(energies) - 1) / 2) * width for i, _ in shown],
            widths=0.85 * width,
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            boxprops={
                "facecolor": colour,
                "alpha": 0.6,
                "edgecolor": "black",
                "linewidth": 0.6,
                "hatch": _HATCHES[place % len(_HATCHES)],
            },
            medianprops={"color": "black"},
            whiskerprops={"color": colour},
            capprops={"color": colour},
            manage_ticks=False,
        )
        handles.append((boxes["boxes"][0], name))
    axes.set(
        xlabel="position in the context",
        ylabel="energy",
        xticks=range(len(positions)),
        xticklabels=[str(position) for position in positions],
    )
    for middle in range(len(positions) - 1):
        axes.axvline(middle + 0.5, color="#dddddd", linewidth=0.8)
    return _finished(figure, axes, handles)


def logits_histograms(histograms: "Histograms") -> "Figure":
    """Draw the distributions of all logits at positions of the context (ACBench figure 15), one panel each.

    `histograms` holds, by position and model (the base first), the bins' edges and their counts. Of many
    models those are drawn whose means are furthest from the base's.
    """
    histograms = _furthest(histograms)
    columns = min(3, len(histograms))
    figure, panels = _figure(columns, rows=-(-len(histograms) // columns))
    for axes, (position, models) in zip(panels, histograms.items(), strict=False):
        for place, (name, (edges, counts)) in enumerate(models.items()):
            widths, total = np.diff(edges), max(1.0, float(np.sum(counts)))
            style = {"color": _BASE_COLOUR, "linewidth": 1.6} if place == 0 else _style(place - 1, marked=0)
            axes.stairs(
                np.asarray(counts) / widths / total,
                edges,
                label=name,
                **({"fill": True, "alpha": 0.25, "color": _BASE_COLOUR} if place == 0 else style),
            )
        axes.set(title=f"position {position}", yticks=[])
        axes.set_xlim(*_middle(models))
    for axes in panels[len(histograms) :]:
        axes.set_axis_off()
    for axes in panels[max(0, len(histograms) - columns) : len(histograms)]:
        axes.set_xlabel("logit")
    return _finished(figure, panels[0])


def by_depth(depths: Sequence[str], divergences: Series, flips: Series) -> "Figure":
    """Draw KL divergence and top-1 flips to the base against the depth in the context.

    Both hold, by model, one mean a bin of depth; NaN is left out.
    """
    figure, panels = _figure(2)
    for axes, values, label in zip(
        panels, (divergences, flips), ("KL from the base, nats", "top-1 flips"), strict=True
    ):
        for place, (name, numbers) in enumerate(values.items()):
            axes.plot(range(len(depths)), numbers, label=name, **_style(place, marked=len(depths)))
        axes.set(xlabel="depth in the context, tokens", ylabel=label, ylim=(0, None))
        axes.set_xticks(range(len(depths)), depths, rotation=45, ha="right")
    return _finished(figure, panels[0])


def bits_grid(
    weight_bits: Sequence[int], cache_bits: Sequence[int], values: Mapping[str, Sequence[Sequence[float]]]
) -> "Figure":
    """Draw numbers for each pair of weight bits and KV cache bits (ACBench figure 2), one panel each.

    `values` holds, by what it is, rows [weight bits][cache bits]; more is darker, and worse.
    """
    figure, panels = _figure(len(values))
    for axes, (title, rows) in zip(panels, values.items(), strict=True):
        table = np.asarray(rows, dtype=float)
        axes.imshow(np.sqrt(np.clip(table, 0, None)), cmap="cividis_r", aspect="auto")
        dark = np.sqrt(np.clip(table, 0, None)) > 0.6 * np.sqrt(max(float(table.max()), 1e-12))
        for (row, column), value in np.ndenumerate(table):
            colour = "white" if dark[row, column] else "black"
            axes.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=8, color=colour)
        axes.set(title=title, xlabel="KV cache, bits", ylabel="weights, bits")
        axes.set_xticks(range(len(cache_bits)), [str(bits) for bits in cache_bits])
        axes.set_yticks(range(len(weight_bits)), [str(bits) for bits in weight_bits])
        axes.title.set_fontsize(9)
    return figure


def save(figure: "Figure", file: Path) -> None:
    """Write a figure; the file's ending says how (png, pdf, svg). Raises `OSError`."""
    figure.savefig(file, dpi=_DPI)


def _figure(columns: int, rows: int = 1, *, shared_y: bool = False) -> "tuple[Figure, list[Axes]]":
    from matplotlib.figure import Figure

    height = 2.9 if rows == 1 else 2.0 * rows + 0.6
    figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=shared_y)
    panels = list(grid.flat)
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure, panels


def _finished(figure: "Figure", axes: "Axes", handles: Sequence[tuple[Any, str]] = ()) -> "Figure":
    drawn, names = zip(*handles, strict=True) if handles else axes.get_legend_handles_labels()
    columns = min(_MOST_LEGEND_COLUMNS, _LEGEND_CHARS // (8 + max(map(len, names), default=0)), len(names))
    columns = max(1, columns)
    figure.set_figheight(figure.get_figheight() + _LEGEND_ROW_INCHES * (-(-len(names) // columns) - 1))
    figure.legend(drawn, names, loc="outside upper center", ncols=columns, fontsize=8, frameon=False)
    for each in figure.axes:
        each.xaxis.label.set_fontsize(9)
        each.yaxis.label.set_fontsize(9)
        each.title.set_fontsize(9)
    return figure


def _style(place: int, *, marked: int) -> dict[str, Any]:
    """Return how the line of the n-th model is drawn; points are marked where they are few.

    Where colours begin again, dashes and markers are one further: 49 models are told apart.
    """
    place_in_round = place + place // len(COLOURS)
    style: dict[str, Any] = {
        "color": COLOURS[place % len(COLOURS)],
        "linestyle": _DASHES[place_in_round % len(_DASHES)],
        "linewidth": 1.4,
    }
    if marked:
        style |= {
            "marker": _MARKERS[place_in_round % len(_MARKERS)],
            "markersize": 4,
            "markevery": max(1, marked // 12),
        }
    return style


Histograms = Mapping[int, Mapping[str, tuple[Sequence[float], Sequence[float]]]]


def _furthest(histograms: Histograms) -> Histograms:
    """Return the histograms of the base and of the models whose mean logits differ most from the base's."""
    apart: dict[str, float] = {}
    for models in histograms.values():
        means = {
            name: float(
                np.average(np.convolve(edges, (0.5, 0.5), "valid"), weights=np.asarray(counts) + 1e-9)
            )
            for name, (edges, counts) in models.items()
        }
        base = next(iter(means.values()), 0.0)
        for name, mean in means.items():
            apart[name] = apart.get(name, 0.0) + abs(mean - base)
    kept = {*list(apart)[:1], *sorted(apart, key=lambda name: -apart[name])[:_MOST_HISTOGRAMS]}
    return {
        position: {name: drawn for name, drawn in models.items() if name in kept}
        for position, models in histograms.items()
    }


def _mean(edges: Sequence[float], counts: Sequence[float]) -> float:
    middles = np.convolve(edges, (0.5, 0.5), "valid")
    return float(np.average(middles, weights=np.asarray(counts) + 1e-9))


def _whole_numbers(axes: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _middle(models: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> tuple[float, float]:
    """Return the range that holds all but the outermost ten-thousandth of each model's logits."""
    lows, highs = [], []
    for edges, counts in models.values():
        share = np.cumsum(counts) / max(1.0, float(np.sum(counts)))
        lows.append(edges[int(np.searchsorted(share, 1e-4))])
        highs.append(edges[min(len(edges) - 1, int(np.searchsorted(share, 1 - 1e-4)) + 1)])
    return min(lows), max(highs)
