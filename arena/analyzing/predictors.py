"""Which cheap metric would have warned you: damage by each metric against the drop of scores in a run."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.prediction import FEWEST_CONTESTANTS, rank_correlation, spearman
from arena.analyzing.models import Candidate
from arena.plan import read_plan
from arena.score import EpisodeScore, read_scores

SCORES = ("progress", "success")


def damages(numbers: Mapping[str, Any], base_loss: float | None) -> dict[str, float]:
    """Return what each metric says of a compressed model, turned so that more is worse.

    What it lacks is left out. `loss increase` orders models as perplexity does; agreement on ranks is turned
    into disagreement.
    """
    found: dict[str, float] = {}
    if base_loss is not None:
        found["loss increase (perplexity)"] = numbers["loss"] - base_loss
        found["KL divergence"] = numbers["kl"]
        found["top-1 flips"] = numbers["top1_flips"]
        found["energy gap"] = numbers["delta_energy"]
        found["|Diff-ERank|, hidden states"] = abs(numbers["diff_erank"])
        for k, measures in numbers["top_k"].items():
            found |= {f"1 - {name} at {k}": 1 - value for name, value in measures.items()}
    if numbers.get("weights"):
        found["|ERank difference|, weights"] = numbers["weights"]["mean_absolute_difference"]
    return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}


def predictors_document(
    run: Path, base: Candidate, others: Sequence[Candidate], damage: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """Correlate the damage of models (name -> metric -> value) with what they lost in a run.

    Contestants with less than half of their base's tasks are left out: only tasks that all have count.
    Returns {contestants, tasks, correlations: [{metric, score, rho, low, high, contestants}]}, the most
    telling metric first, or {reason} where too few contestants of the run were analysed.
    """
    names = contestants_of(run, [base, *others])
    _, episodes, _ = read_scores(run)
    done = Counter(name for name, _ in {(each.contestant, each.task_hash) for each in episodes})
    enough = done[names.get(base.name, "")] / 2
    known = {name: names[name] for name in damage if name in names and done[names[name]] >= enough}
    if base.name not in names or len(known) < FEWEST_CONTESTANTS:
        return {
            "reason": f"{len(known)} compressed contestants were analysed and have played half of the run; "
            f"at least {FEWEST_CONTESTANTS} and their base say something about a metric"
        }
    tables = {score: _drops(episodes, names[base.name], list(known.values()), score) for score in SCORES}
    tasks = tables["progress"].shape[1]
    if not tasks:
        return {"reason": "no task of the run is finished by all contestants that were analysed"}
    metrics = [
        metric for metric in damage[next(iter(known))] if all(metric in damage[name] for name in known)
    ]
    correlations = [
        {
            "metric": metric,
            "score": score,
            **asdict(rank_correlation([damage[name][metric] for name in known], table)),
        }
        for metric in metrics
        for score, table in tables.items()
    ]
    # the most telling first; a rho that is NaN last
    correlations.sort(key=lambda each: (each["score"], math.isnan(each["rho"]), -each["rho"]))
    return {"contestants": list(known.values()), "tasks": tasks, "correlations": correlations}


def contestants_of(run: Path, models: Sequence[Candidate]) -> dict[str, str]:
    """Return which contestant of a run plays with which model: model name -> contestant name.

    That is the one of its name, else the first with the same weights.
    """
    planned = read_plan(run)["contestants"]
    names = [each["name"] for each in planned]
    by_weights: dict[str, str] = {}
    for each in planned:
        weights = each.get("identity", {}).get("engine", {}).get("weights")
        if isinstance(weights, str):
            by_weights.setdefault(weights, each["name"])
    found: dict[str, str] = {}
    for model in models:
        name = model.name if model.name in names else by_weights.get(model.engine.checkpoint.weights_hash)
        if name is not None:
            found[model.name] = name
    return found


def perplexity_against_top_k(models: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return Spearman's rho over models of perplexity and each ranking measure: k -> measure -> rho.

    Empty for less than three models; NaN where one side has one value only.
    """
    each = [numbers for numbers in models.values() if "top_k" in numbers]
    if len(each) < 3:  # the rho of two is always 1 or -1
        return {}
    perplexities = [numbers["loss"] for numbers in each]  # the same order, and never infinite
    return {
        k: {
            measure: spearman(perplexities, [numbers["top_k"][k][measure] for numbers in each])
            for measure in each[0]["top_k"][k]
        }
        for k in each[0]["top_k"]
    }


def _drops(
    episodes: Sequence[EpisodeScore], base: str, others: Sequence[str], score: str
) -> NDArray[np.float64]:
    """Return base less contestant [contestants, tasks] on tasks that all have finished, repeats averaged."""
    values: dict[str, dict[str, list[float]]] = {name: {} for name in (base, *others)}
    for each in episodes:
        if each.contestant in values:
            values[each.contestant].setdefault(each.task_hash, []).append(getattr(each, score))
    tasks = sorted(set.intersection(*(set(by_task) for by_task in values.values())))
    means = {name: np.array([np.mean(by_task[task]) for task in tasks]) for name, by_task in values.items()}
    return np.stack([means[base] - means[name] for name in others])
