"""An analysis as tables: rows of plain text, and CSV."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arena.analyzing.parts import PARTS
from arena.analyzing.trajectories import PROMPT

Rows = list[tuple[str, ...]]
TABLE_KS = ("3", "5", "10")
"""The k of ACBench's tables."""


def summary(document: Mapping[str, Any]) -> tuple[tuple[str, ...], Rows]:
    """Return columns and rows of ACBench's table 2: a model a row, its base first, all metrics."""
    models = document.get("models") or {}
    if not models:
        return ("model",), []
    was_read, was_weighed = "loss" in document["base"], "weights" in document["base"]
    ks = _ks(document)
    columns = ["model"]
    if was_read:
        columns += [
            ">loss",
            ">perplexity",
            ">KL",
            ">top-1 flips %",
            ">ERank",
            ">Diff-ERank",
            ">energy",
            ">ΔE",
        ]
        columns += [f">{measure}@{k}" for measure in ("Jaccard", "Kendall", "Spearman") for k in ks]
    if was_weighed:
        columns += [">weights' ERank", ">difference"]
    rows = [_summary_row(document["base"]["name"], document["base"], ks, was_read, was_weighed)]
    rows += [_summary_row(name, numbers, ks, was_read, was_weighed) for name, numbers in models.items()]
    return tuple(columns), rows


def metrics(document: Mapping[str, Any]) -> tuple[tuple[str, ...], Rows]:
    """Return the part of the summary that is no ranking: it fits a terminal."""
    return _chosen(document, lambda column: "@" not in column)


def rankings(document: Mapping[str, Any]) -> tuple[tuple[str, ...], Rows]:
    """Return the summary's rankings, without the base; no rows where no model was run."""
    columns, rows = _chosen(document, lambda column: "@" in column or column == "model")
    return columns, rows[1:] if len(columns) > 1 else []


def drift(document: Mapping[str, Any]) -> tuple[tuple[str, ...], Rows]:
    """Return how far models drift by benchmark and by part of the reply; no rows where a text was read."""
    columns = ("model", "where", ">tokens", ">KL", ">±", ">top-1 flips %", ">±", ">ΔE")
    order = [f"part:{part}" for part in (PROMPT, *PARTS)]
    rows: Rows = []
    for name, numbers in (document.get("models") or {}).items():
        groups = numbers.get("by_group") or {}
        known = [group for group in groups if group not in order]
        for group in [*known, *(group for group in order if group in groups)]:
            rows.append(_drift_row(name, group.replace(":", ": "), groups[group]))
    return columns, rows


def depth(document: Mapping[str, Any]) -> tuple[tuple[str, ...], Rows]:
    """Return how far models drift by the depth in the context."""
    columns = ("model", "depth", ">tokens", ">KL", ">±", ">top-1 flips %", ">±", ">ΔE")
    rows = [
        _drift_row(name, label, numbers)
        for name, model in (document.get("models") or {}).items()
        for label, numbers in (model.get("by_depth") or {}).items()
        if numbers["tokens"]
    ]
    return columns, rows


def predictors(document: Mapping[str, Any]) -> tuple[tuple[str, ...], Rows]:
    """Return each metric's rank correlation with the drop of scores, the most telling first.

    Scores that nobody lost anything in correlate with nothing and are left out.
    """
    columns = ("drop in", "metric", ">rho", "95 % interval")
    found = (document.get("predictors") or {}).get("correlations") or []
    rows: Rows = [
        (
            each["score"],
            each["metric"],
            _number(each["rho"], "+.2f"),
            "" if _lacks(each["low"]) else f"[{each['low']:+.2f}, {each['high']:+.2f}]",
        )
        for each in found
        if not _lacks(each["rho"])
    ]
    return columns, rows


def bits(document: Mapping[str, Any]) -> tuple[tuple[str, ...], Rows]:
    """Return the grid of weight bits and KV cache bits, a pair a row; no rows where none was asked for."""
    columns = (">weight bits", ">KV bits", ">loss", ">perplexity", ">KL", ">±", ">top-1 flips %", ">±")
    rows: Rows = [
        (
            str(cell["weight_bits"]),
            str(cell["cache_bits"]),
            _number(cell["loss"], ".4f"),
            _number(cell["perplexity"], ".2f"),
            _number(cell["kl"], ".4f"),
            _number(cell["kl_error"], ".4f"),
            _number(cell["top1_flips"], ".2f", 100),
            _number(cell["top1_flips_error"], ".2f", 100),
        )
        for cell in document.get("cells") or []
    ]
    return columns, rows


def as_csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.removeprefix(">") for column in columns])
    writer.writerows(rows)
    return text.getvalue()


def _chosen(document: Mapping[str, Any], wanted: Callable[[str], bool]) -> tuple[tuple[str, ...], Rows]:
    columns, rows = summary(document)
    places = [place for place, column in enumerate(columns) if wanted(column)]
    return tuple(columns[place] for place in places), [tuple(row[place] for place in places) for row in rows]


def _ks(document: Mapping[str, Any]) -> list[str]:
    found: Mapping[str, Any] = next(
        (each["top_k"] for each in document["models"].values() if "top_k" in each), {}
    )
    return [k for k in map(str, found) if k in TABLE_KS] or list(map(str, found))[:3]


def _summary_row(
    name: str, numbers: Mapping[str, Any], ks: Sequence[str], was_read: bool, was_weighed: bool
) -> tuple[str, ...]:
    row = [name]
    if was_read:
        top_k = numbers.get("top_k") or {}
        row += [
            _number(numbers.get("loss"), ".4f"),
            _number(numbers.get("perplexity"), ".2f"),
            _number(numbers.get("kl"), ".4f"),
            _number(numbers.get("top1_flips"), ".2f", 100),
            _number(numbers.get("erank_hidden"), ".2f"),
            _number(numbers.get("diff_erank"), "+.2f"),
            _number(numbers.get("energy"), ".3f"),
            _number(numbers.get("delta_energy"), ".3f"),
        ]
        row += [
            _number((top_k.get(k) or {}).get(measure), ".3f")
            for measure in ("jaccard", "kendall", "spearman")
            for k in ks
        ]
    if was_weighed:
        weights = numbers.get("weights") or {}
        row += [_number(weights.get("mean_erank"), ".2f"), _number(weights.get("mean_difference"), "+.3f")]
    return tuple(row)


def _drift_row(name: str, where: str, numbers: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        name,
        where,
        str(numbers["tokens"]),
        _number(numbers["kl"], ".4f"),
        _number(numbers["kl_error"], ".4f"),
        _number(numbers["top1_flips"], ".2f", 100),
        _number(numbers["top1_flips_error"], ".2f", 100),
        _number(numbers["delta_energy"], ".3f"),
    )


def _lacks(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def _number(value: float | None, form: str, factor: float = 1) -> str:
    if value is None or math.isnan(value):
        return ""
    return format(factor * value, form)
