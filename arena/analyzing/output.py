"""An analysis as files: the document, its tables, its figures."""

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arena.analyzing import tables
from arena.analyzing.tally import without_nan
from arena.errors import writing
from arena.report.tables import latex, markdown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TITLES = {
    "summary": "What compression did inside",
    "drift": "Drift while acting",
    "depth": "Drift by depth in the context",
    "predictors": "Which metric would have warned you",
    "bits": "Weight bits and KV cache bits, simulated",
}


def write(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write document, tables and figures into a folder, and return the files.

    Figures are left out where matplotlib is not installed. Raises `UsageError` where nothing can be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return [*_write_texts(document, folder), *_write_figures(document, folder)]


def can_draw() -> bool:
    """Tell whether figures can be drawn."""
    return find_spec("matplotlib") is not None


def figures(document: Mapping[str, Any]) -> "dict[str, Figure]":
    """Return the figures that a document has numbers for, by file name without ending."""
    from analysis import figures as draw

    models = document.get("models") or {}
    found: dict[str, Figure] = {}
    if document.get("cells"):
        found["bits-grid"] = _bits_grid(document["cells"])
    layers, by_layer = _erank_by_layer(models)
    if layers:
        found["erank-by-layer"] = draw.erank_by_layer(layers, by_layer)
    read = {name: numbers for name, numbers in models.items() if "top_k" in numbers}
    if not read:
        return found
    ks = [int(k) for k in next(iter(read.values()))["top_k"]]
    measures = {
        measure: {name: [_at(numbers["top_k"], k, measure) for k in ks] for name, numbers in read.items()}
        for measure in ("jaccard", "kendall", "spearman")
    }
    found["top-k-consistency"] = draw.top_k_consistency(ks, measures)
    against = document.get("top_k_against_perplexity") or {}
    if against:
        rhos = {measure: [_at(against, k, measure) for k in ks] for measure in measures}
        found["perplexity-against-top-k"] = draw.perplexity_correlation(ks, rhos, len(read))
    everyone = {document["base"]["name"]: document["base"], **read}
    energies = {name: numbers["energy_at"] for name, numbers in everyone.items()}
    positions = list(document["base"]["energy_at"])
    if positions:
        found["energy-at-positions"] = draw.energy_distributions(positions, energies)
    histograms = {
        position: {
            name: (numbers["logits_at"][position]["edges"], numbers["logits_at"][position]["counts"])
            for name, numbers in everyone.items()
        }
        for position in document["base"]["logits_at"]
    }
    if histograms:
        found["logits-at-positions"] = draw.logits_histograms(histograms)
    depths = [label for label, numbers in next(iter(read.values()))["by_depth"].items() if numbers["tokens"]]
    divergences, flips = (
        {name: [numbers["by_depth"][label][key] for label in depths] for name, numbers in read.items()}
        for key in ("kl", "top1_flips")
    )
    if depths:
        found["drift-by-depth"] = draw.by_depth(depths, divergences, flips)
    return found


def _write_texts(document: Mapping[str, Any], folder: Path) -> list[Path]:
    written = [
        _write(folder / "analysis.json", json.dumps(without_nan(document), ensure_ascii=False, indent=1))
    ]
    pages = []
    for name, title in _TITLES.items():
        columns, rows = getattr(tables, name)(document)
        if not rows:
            continue
        pages.append(f"## {title}\n\n{markdown(columns, rows)}\n")
        written.append(_write(folder / f"{name}.csv", tables.as_csv(columns, rows)))
        written.append(_write(folder / f"{name}.tex", latex(columns, rows) + "\n"))
    return [*written, _write(folder / "analysis.md", "\n".join(pages))]


def _write_figures(document: Mapping[str, Any], folder: Path) -> list[Path]:
    if not can_draw():
        return []
    from analysis.figures import save

    written = []
    for name, figure in figures(document).items():
        file = folder / f"{name}.png"
        save(figure, file)
        written.append(file)
    return written


def _write(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def _bits_grid(cells: Sequence[Mapping[str, Any]]) -> "Figure":
    from analysis.figures import bits_grid

    weights, caches = (
        list(dict.fromkeys(cell[key] for cell in cells)) for key in ("weight_bits", "cache_bits")
    )
    by_bits = {(cell["weight_bits"], cell["cache_bits"]): cell for cell in cells}
    titles = {"kl": "KL from the base, nats", "top1_flips": "top-1 flips"}
    values = {
        title: [[by_bits[weight, cache][key] for cache in caches] for weight in weights]
        for key, title in titles.items()
    }
    return bits_grid(weights, caches, values)


def _at(by_k: Mapping[str, Any], k: int, measure: str) -> float:
    value = by_k[str(k)][measure]
    return float("nan") if value is None else value


def _erank_by_layer(models: Mapping[str, Any]) -> tuple[list[int], dict[str, list[float]]]:
    """Return the layers, and for each model the mean difference of their matrices' ERank."""
    found: dict[str, dict[int, list[float]]] = {}
    for name, numbers in models.items():
        for matrix in (numbers.get("weights") or {}).get("matrices", []):
            if matrix["layer"] is not None and "difference" in matrix:
                found.setdefault(name, {}).setdefault(matrix["layer"], []).append(matrix["difference"])
    layers = sorted({layer for by_layer in found.values() for layer in by_layer})
    return layers, {
        name: [float(np.mean(by_layer.get(layer, [np.nan]))) for layer in layers]
        for name, by_layer in found.items()
    }
