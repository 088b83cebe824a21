"""What an analysis shows as figures: curves, as plain data. Pure; names are from outside and not yet literal.

The figures are those of `arena analyze --out` (ACBench's figures 4, 5, 14 and 15), drawn for a terminal.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tui.analyses import Analysis, Histogram, Matrix, Model

ALL_KINDS = "all matrices"
MEASURES = {"jaccard": "Jaccard", "kendall": "Kendall's tau", "spearman": "Spearman's rho"}


@dataclass(frozen=True)
class Curve:
    """A line through points; what has no value is left out. Its sign stands at the point `sign_at`."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    sign_at: int = -1


@dataclass(frozen=True)
class Figure:
    """Curves on one ground. `words` say what is drawn, `y_range` is given where the measure has bounds."""

    words: str
    x_label: str
    curves: tuple[Curve, ...]
    y_range: tuple[float, float] | None = None


def erank_figures(analysis: Analysis) -> list[Figure]:
    """Return the differences of the weights' effective rank by layer: of all matrices, then of each kind."""
    by_model = {
        name: [m for m in model.weights.matrices if m.layer is not None and m.difference is not None]
        for name, model in analysis.models.items()
        if model.weights
    }
    kinds = sorted({matrix.kind for matrices in by_model.values() for matrix in matrices})
    return [
        Figure(
            f"effective rank of the weights less the base's, mean by layer: {kind}",
            "layer",
            tuple(_by_layer(name, matrices, kind) for name, matrices in by_model.items()),
        )
        for kind in (ALL_KINDS, *kinds)
        if kinds
    ]


def top_k_figures(analysis: Analysis) -> list[Figure]:
    """Return how far a model's best k tokens agree with the base's, against k; a figure a measure."""
    return [
        Figure(
            f"agreement on the k best tokens, {words}",
            "k",
            tuple(_by_k(name, model.top_k, measure) for name, model in analysis.models.items()),
            (min(0.0, _least(analysis, measure)), 1.0),
        )
        for measure, words in MEASURES.items()
        if any(model.top_k for model in analysis.models.values())
    ]


def perplexity_figures(analysis: Analysis) -> list[Figure]:
    """Return how the models' perplexity goes with their agreement on the k best tokens, against k."""
    by_k = analysis.top_k_against_perplexity
    curves = tuple(_by_k(words, by_k, measure) for measure, words in MEASURES.items())
    if not any(curve.xs for curve in curves):
        return []
    words = f"Spearman's rho of perplexity and agreement, over {len(analysis.models)} models"
    return [Figure(words, "k", curves, (-1.0, 1.0))]


def energy_figures(analysis: Analysis) -> list[Figure]:
    """Return the mean energy by position, then for each position its distribution over the sequences."""
    everyone = _everyone(analysis)
    positions = sorted({position for model in everyone.values() for position in model.energy_at})
    if not positions:
        return []

    def spread(position: int) -> tuple[Curve, ...]:
        return tuple(_cumulative(name, model.energy_at.get(position, [])) for name, model in everyone.items())

    means = tuple(_mean_energies(name, model) for name, model in everyone.items())
    return [
        Figure("energy (minus the log of the sum of exp of the logits), mean by position", "position", means),
        *(
            Figure(
                f"energy at position {position}: share of the sequences in % that have less",
                "energy",
                spread(position),
                (0.0, 100.0),
            )
            for position in positions
        ),
    ]


def logits_figures(analysis: Analysis) -> list[Figure]:
    """Return the histograms of the logits, a figure a position."""
    everyone = _everyone(analysis)
    positions = sorted({position for model in everyone.values() for position in model.logits_at})
    return [
        Figure(
            f"logits at position {position}: share in %",
            "logit",
            tuple(
                _shares(name, model.logits_at[position])
                for name, model in everyone.items()
                if position in model.logits_at
            ),
        )
        for position in positions
    ]


def _everyone(analysis: Analysis) -> dict[str, Model]:
    return {analysis.base.name: analysis.base, **analysis.models}


def _by_layer(name: str, matrices: Sequence[Matrix], kind: str) -> Curve:
    found: dict[int, list[float]] = {}
    for matrix in matrices:
        if kind in (ALL_KINDS, matrix.kind) and matrix.layer is not None and matrix.difference is not None:
            found.setdefault(matrix.layer, []).append(matrix.difference)
    return _curve(name, ((layer, _mean(values)) for layer, values in sorted(found.items())))


def _by_k(name: str, by_k: Mapping[int, Mapping[str, float | None]], measure: str) -> Curve:
    pairs = ((k, by_k[k].get(measure)) for k in sorted(by_k))
    return _curve(name, ((k, value) for k, value in pairs if value is not None))


def _least(analysis: Analysis, measure: str) -> float:
    values = (
        value
        for model in analysis.models.values()
        for measures in model.top_k.values()
        if (value := measures.get(measure)) is not None
    )
    return min(values, default=0.0)


def _mean_energies(name: str, model: Model) -> Curve:
    return _curve(name, ((at, _mean(values)) for at, values in sorted(model.energy_at.items()) if values))


def _cumulative(name: str, values: Sequence[float]) -> Curve:
    """Return the share of values up to each of them, as stairs that begin at 0."""
    steps: list[tuple[float, float]] = []
    for count, value in enumerate(sorted(values)):
        steps += [(value, 100 * count / len(values)), (value, 100 * (count + 1) / len(values))]
    return _curve(name, iter(steps), len(steps) // 2)


def _shares(name: str, histogram: Histogram) -> Curve:
    edges, total = histogram.edges, sum(histogram.counts)
    middles = ((low + high) / 2 for low, high in pairwise(edges))
    shares = [100 * count / total if total else 0.0 for count in histogram.counts]
    points = list(zip(middles, shares, strict=False))
    peak = max(range(len(points)), key=lambda at: points[at][1], default=0)
    return _curve(name, iter(points), peak)


def _curve(name: str, points: Iterator[tuple[float, float]], sign_at: int = -1) -> Curve:
    found = list(points)
    return Curve(name, tuple(x for x, _ in found), tuple(y for _, y in found), sign_at)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
