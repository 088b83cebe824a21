"""Several runs of one suite as one: shards of it, or contestants that were played apart."""

import itertools
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w

from arena.errors import StoreError, UsageError
from arena.plan import DIGEST, digest_of, exists, read_plan
from arena.store.files import PLAN, connect, create_database, writer_lock

SAME = ("suite", "settings")
"""What must be equal in the plans of runs that are merged."""


def merge(runs: Sequence[Path], out: Path) -> dict[str, Any]:
    """Join runs into a new run directory and return its plan; the runs themselves stay as they are.

    An episode that several have finished is taken from the first; what is left of the others is superseded.
    Shards that are given in order join to the plan of the whole suite, so that its own command goes on there.
    Raises `UsageError` where the runs are not of one suite with the same settings, or where two models (or
    two versions of a task) have one name; `StoreError` where a run can't be read or `out` can't be written.
    """
    if exists(out):
        raise UsageError(f"{out} is a run already", "give another --out")
    documents = [read_plan(run) for run in runs]
    document = _joined(runs, documents) | {"run": out.name}
    try:
        out.mkdir(parents=True, exist_ok=True)
        create_database(out)
        with writer_lock(out):
            for run in runs:
                _add(run, out)
            (out / f"{PLAN}.part").write_text(tomli_w.dumps(document), encoding="utf-8")
            (out / f"{PLAN}.part").replace(out / PLAN)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{out} can't be written: {error}", "choose another --out") from error
    return document


def _joined(runs: Sequence[Path], documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
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
    tasks: dict[str, str] = {}
    # shards take every N-th task, so one of each in turn is the suite's own order
    for task_id, task_hash in filter(
        None, itertools.chain(*itertools.zip_longest(*(p["tasks"] for p in plans)))
    ):
        if tasks.setdefault(task_id, task_hash) != task_hash:
            raise UsageError(
                f"the runs have two versions of {task_id}", "its data or its settings were changed"
            )
    sources = {name: kinds for plan in reversed(plans) for name, kinds in plan.get("sources", {}).items()}
    plan = plans[0] | {
        "contestants": [[name, each["hash"]] for name, each in contestants.items()],
        "tasks": [[task_id, task_hash] for task_id, task_hash in tasks.items()],
    }
    plan = ({"sources": sources} if sources else {}) | plan
    return documents[0] | {
        DIGEST: digest_of(plan),
        "plan": plan,
        "contestants": list(contestants.values()),
        "merged": [run.name for run in runs],
    }


def _add(run: Path, out: Path) -> None:
    """Copy a run's tasks, episodes, turns and events behind what is there, in one transaction."""
    connect(run).close()  # says what is wrong with it, in words
    db = connect(out, write=True)
    try:
        db.execute("ATTACH DATABASE ? AS other", (f"{(run / 'run.sqlite').absolute().as_uri()}?mode=ro",))
        db.execute("BEGIN IMMEDIATE")
        (episodes,) = db.execute("SELECT COALESCE(MAX(id), 0) FROM episode").fetchone()
        (events,) = db.execute("SELECT COALESCE(MAX(id), 0) FROM event").fetchone()
        db.execute("INSERT OR IGNORE INTO task SELECT * FROM other.task")
        db.execute("CREATE TEMP TABLE taken AS SELECT id FROM other.episode WHERE 0")
        # finished episodes count before unfinished ones, earlier runs before later ones
        same = (
            "m.contestant = o.contestant AND m.task_hash = o.task_hash AND m.seed = o.seed"
            " AND m.repeat = o.repeat AND m.status != 'superseded'"
        )
        db.execute(
            f"UPDATE episode AS m SET status = 'superseded' WHERE status IN ('running', 'error') AND EXISTS"  # noqa: S608
            f" (SELECT 1 FROM other.episode o WHERE {same} AND o.status = 'done')"
        )
        db.execute(
            f"INSERT INTO taken SELECT o.id FROM other.episode o WHERE o.status != 'superseded' AND EXISTS"  # noqa: S608
            f" (SELECT 1 FROM episode m WHERE {same})"
        )
        _copy(db, "episode", {"id": f"id + {episodes}", "status": _STATUS})
        _copy(db, "turn", {"id": "NULL", "episode_id": f"episode_id + {episodes}"})
        _copy(db, "event", {"id": f"id + {events}", "episode_id": f"episode_id + {episodes}"})
        db.execute("DROP TABLE taken")
        db.execute("COMMIT")
        db.execute("DETACH DATABASE other")
    finally:
        db.close()


_STATUS = "CASE WHEN id IN (SELECT id FROM taken) THEN 'superseded' ELSE status END"


def _copy(db: sqlite3.Connection, table: str, changed: dict[str, str]) -> None:
    columns = [row["name"] for row in db.execute(f"PRAGMA main.table_info({table})")]
    values = ", ".join(changed.get(column, column) for column in columns)
    db.execute(
        f"INSERT INTO main.{table} ({', '.join(columns)}) SELECT {values} FROM other.{table} ORDER BY id"  # noqa: S608
    )
