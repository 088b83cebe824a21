"""What one run has recorded, copied into another."""

import json
import sqlite3
from collections.abc import Collection
from pathlib import Path

from arena.store.files import connect

THE_RUN = 0
"""The number under which events of no episode are left out: what is said of the run as a whole."""
_SAME = (
    "m.contestant = o.contestant AND m.task_hash = o.task_hash AND m.seed = o.seed"
    " AND m.repeat = o.repeat AND m.status != 'superseded'"
)
_STATUS = "CASE WHEN id IN (SELECT id FROM taken) THEN 'superseded' ELSE status END"


def copy_record(run: Path, out: Path, left_out: Collection[int] = ()) -> None:
    """Copy tasks and episodes of `run`, with turns and events, behind what `out` has; all of it or nothing.

    Episodes in `left_out` (by number; `THE_RUN`) stay behind. Of an episode that both have, a finished
    attempt counts before an unfinished one, and what is there before what comes; the other is superseded.
    Raises `StoreError` where `run` can't be read, `sqlite3.Error` where `out` can't be written.
    """
    connect(run).close()  # says what is wrong with it, in words
    db = connect(out, write=True)
    try:
        db.execute("ATTACH DATABASE ? AS other", (f"{(run / 'run.sqlite').absolute().as_uri()}?mode=ro",))
        db.execute("BEGIN IMMEDIATE")
        (episodes,) = db.execute("SELECT COALESCE(MAX(id), 0) FROM episode").fetchone()
        (events,) = db.execute("SELECT COALESCE(MAX(id), 0) FROM event").fetchone()
        db.execute("INSERT OR IGNORE INTO task SELECT * FROM other.task")
        db.execute("CREATE TEMP TABLE left_out (id INTEGER PRIMARY KEY)")
        db.execute("INSERT INTO left_out SELECT value FROM json_each(?)", [json.dumps(list(left_out))])
        db.execute("CREATE TEMP TABLE taken AS SELECT id FROM other.episode WHERE 0")
        db.execute(
            f"UPDATE episode AS m SET status = 'superseded' WHERE status IN ('running', 'error') AND EXISTS"  # noqa: S608
            f" (SELECT 1 FROM other.episode o WHERE {_SAME} AND o.status = 'done'"
            " AND o.id NOT IN (SELECT id FROM left_out))"
        )
        db.execute(
            f"INSERT INTO taken SELECT o.id FROM other.episode o WHERE o.status != 'superseded' AND EXISTS"  # noqa: S608
            f" (SELECT 1 FROM episode m WHERE {_SAME})"
        )
        behind = f"episode_id + {episodes}"
        _copy(db, "episode", {"id": f"id + {episodes}", "status": _STATUS}, "id")
        _copy(db, "turn", {"id": "NULL", "episode_id": behind}, "episode_id")
        _copy(db, "event", {"id": f"id + {events}", "episode_id": behind}, f"COALESCE(episode_id, {THE_RUN})")
        db.execute("DROP TABLE taken")
        db.execute("DROP TABLE left_out")
        db.execute("COMMIT")
        db.execute("DETACH DATABASE other")
    finally:
        db.close()


def _copy(db: sqlite3.Connection, table: str, changed: dict[str, str], episode: str) -> None:
    """Copy a table's rows, `changed`, but for those whose `episode` is left out."""
    columns = [row["name"] for row in db.execute(f"PRAGMA main.table_info({table})")]
    values = ", ".join(changed.get(column, column) for column in columns)
    db.execute(
        f"INSERT INTO main.{table} ({', '.join(columns)}) SELECT {values} FROM other.{table}"  # noqa: S608
        f" WHERE {episode} NOT IN (SELECT id FROM left_out) ORDER BY id"
    )
