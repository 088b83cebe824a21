"""Several runs of one suite as one: shards of it, or contestants that were played apart."""

import itertools
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from arena.errors import UsageError
from arena.plan import DIGEST, digest_of, exists, read_plan
from arena.store.copying import copy_record
from arena.store.files import (
    DATABASE,
    OTHER_OUT,
    PLAN,
    check_replaceable,
    create_database,
    place_database,
    writer_lock,
    written,
)
from arena.store.reader import RunReader

SAME = ("suite", "settings")
"""What must be equal in the plans of runs that are merged."""

UNDER_WAY = ".merging"
"""The folder in the new run's directory in which it is put together."""


def merge(runs: Sequence[Path], out: Path, only: Collection[str] = ()) -> dict[str, Any]:
    """Join runs into a new run directory and return its plan; the runs themselves stay as they are.

    An episode that several have finished is taken from the first; what is left of the others is superseded.
    Shards that are given in order join to the plan of the whole suite, so that its own command goes on there.
    Where `only` names contestants, the others stay behind. Raises `UsageError` where the runs are not of one
    suite with the same settings, where two models (or two versions of a task) have one name, and for names
    that no run has; `StoreError` where a run can't be read or `out` can't be written.
    """
    documents = [read_plan(run) for run in runs]
    document = _joined(runs, documents, only) | {"run": out.name}
    folder = out / UNDER_WAY
    try:
        with written(out, OTHER_OUT), writer_lock(out):
            if exists(out):
                raise UsageError(f"{out} is a run already", "give another --out")
            check_replaceable(out)
            _build(runs, folder, document)
            # the database last: what has none is no run
            (folder / PLAN).replace(out / PLAN)
            place_database(folder / DATABASE, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return document


def _build(runs: Sequence[Path], folder: Path, document: Mapping[str, Any]) -> None:
    """Write the merged run into a folder of its own: killed on the way, it leaves no half of a run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    create_database(folder)
    names = {each["name"] for each in document["contestants"]}
    for run in runs:
        copy_record(run, folder, _others(run, names))
    (folder / PLAN).write_text(tomli_w.dumps(document), encoding="utf-8")


def _joined(
    runs: Sequence[Path], documents: Sequence[dict[str, Any]], only: Collection[str]
) -> dict[str, Any]:
    plans = [document["plan"] for document in documents]
    contestants: dict[str, dict[str, Any]] = {}
    for run, document in zip(runs, documents, strict=True):
        for part in (*SAME, "repeats"):
            if document["plan"].get(part) != plans[0].get(part):
                raise UsageError(
                    f"{run} and {runs[0]} have other {part}",
                    "only runs of one suite and its settings are merged",
                )
        for each in document["contestants"]:
            known = contestants.setdefault(each["name"], each)
            if known["hash"] != each["hash"]:
                raise UsageError(
                    f"{each['name']} is another contestant in {run} than in an earlier run",
                    "two models are never mixed under one name: play one of them under another",
                )
    if missing := [name for name in only if name not in contestants]:
        raise UsageError(f"no run has a contestant {missing[0]!r}", f"they have {', '.join(contestants)}")
    contestants = {name: each for name, each in contestants.items() if not only or name in only}
    _check_versions(plans)
    # shards take every N-th task, so one of each in turn is the suite's own order
    in_turn = filter(None, itertools.chain(*itertools.zip_longest(*(plan["tasks"] for plan in plans))))
    tasks = list(dict.fromkeys(map(tuple, in_turn)))
    sources = {name: kinds for plan in reversed(plans) for name, kinds in plan.get("sources", {}).items()}
    plan = plans[0] | {
        "contestants": [[name, each["hash"]] for name, each in contestants.items()],
        "tasks": [list(each) for each in tasks],
    }
    plan = ({"sources": sources} if sources else {}) | plan
    return documents[0] | {
        DIGEST: digest_of(plan),
        "plan": plan,
        "contestants": list(contestants.values()),
        "merged": [run.name for run in runs],
    }


def _check_versions(plans: Sequence[Mapping[str, Any]]) -> None:
    """Raise `UsageError` where two runs have nothing but other versions of a task.

    One run may have several of its own: a suite can play a task by several settings.
    """
    versions: dict[str, set[str]] = {}
    for plan in plans:
        own: dict[str, set[str]] = {}
        for task, task_hash in plan["tasks"]:
            own.setdefault(task, set()).add(task_hash)
        for task, hashes in own.items():
            known = versions.setdefault(task, set())
            if known and not known & hashes:
                raise UsageError(
                    f"the runs have two versions of {task}", "its data or its settings were changed"
                )
            known |= hashes


def _others(run: Path, names: Collection[str]) -> list[int]:
    """Return the numbers of a run's episodes, superseded ones too, of other contestants than the named."""
    reader = RunReader(run)
    try:
        heads = reader.episodes(superseded=True)
    finally:
        reader.close()
    return [head.id for head in heads if head.key.contestant not in names]
