"""One row a benchmark: what can be played, and what official data are there."""

from typing import Any

from envs import datasets, registry
from envs.base import Source
from envs.errors import BadData, EnvsError, MissingData
from envs.official import manifest
from envs.official.catalogue import data_sets


def overview() -> list[dict[str, Any]]:
    """Return what `arena data list --json` prints, for every benchmark.

    benchmark, title; bundled and official: {state, mend, problem}, where a problem says what is wrong with
    data that are there; folder: where the official data belong; files: how many were imported; get, licence,
    tasks: where upstream keeps them, under what licence, how many tasks they make (empty or null: unknown).
    """
    return [_row(card) for card in registry.benchmarks().values()]


def _row(card: registry.Benchmark) -> dict[str, Any]:
    known = data_sets().get(card.name)
    folder = datasets.data_root() / card.name
    try:
        files = len(manifest.read(folder))
    except EnvsError:
        files = 0
    return {
        "benchmark": card.name,
        "title": card.title,
        "bundled": _state(card, "bundled"),
        "official": _state(card, "official"),
        "folder": str(folder),
        "files": files,
        "get": known.get if known else "",
        "licence": known.licence if known else "",
        "tasks": known.tasks if known else None,
    }


def _state(card: registry.Benchmark, source: Source) -> dict[str, str]:
    state, mend = registry.state(card, source)
    return {"state": state, "mend": mend, "problem": _problem(card, source) if state == "needs-data" else ""}


def _problem(card: registry.Benchmark, source: Source) -> str:
    try:
        registry.tasks(card.name, source)
    except BadData as problem:
        return problem.message
    except MissingData:
        pass
    return ""
