"""A run directory that is built from records, and is there whole or not at all."""

import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomli_w

from arena.errors import StoreError, UsageError
from arena.plan import without_none
from arena.records import Episode, Notice, Turn
from arena.store.files import DATABASE, PLAN, connect, create_database
from arena.store.rows import INSERT_TURN, task_to_json, to_json, turn_values
from envs.base import Task

UNDER_WAY = ".importing"
"""Folder in the run's own in which it is built; nothing reads it."""

EPISODES_A_COMMIT = 500


class Builder:
    """Adds tasks and episodes to a run under construction. `document` becomes its `run.toml`."""

    def __init__(self, folder: Path) -> None:
        self.document: dict[str, Any] = {}
        self._db = connect(folder, write=True)
        self._db.execute("BEGIN")
        self._pending = 0
        self._now = time.time()

    def add_task(self, task: Task) -> None:
        """Keep a task; once is enough."""
        self._db.execute(
            "INSERT OR IGNORE INTO task (hash, id, data) VALUES (?, ?, ?)",
            (task.hash, task.id, task_to_json(task)),
        )

    def add_episode(self, head: Episode, provenance: Mapping[str, Any], turns: Sequence[Turn]) -> None:
        """Keep an episode and its turns; `head.id` is given anew. Its task must have been added."""
        key = head.key
        cursor = self._db.execute(
            "INSERT INTO episode (contestant, task_hash, task, seed, repeat, attempt, status, goal,"
            " first_observation, turns, progress, success, error, provenance, started_at, ended_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(key.contestant, key.task_hash, key.task, key.seed, key.repeat, head.attempt, head.status),
                *(head.goal, head.first_observation, len(turns), head.progress, head.success, head.error),
                *(to_json(provenance), head.started_at, head.ended_at),
            ),
        )
        assert cursor.lastrowid is not None
        self._event("episode_started", cursor.lastrowid, {"resumed_turns": 0})
        for turn in turns:
            self._db.execute(INSERT_TURN, turn_values(cursor.lastrowid, turn))
            self._event("turn_played", cursor.lastrowid, {}, turn.index)
        if head.status != "running":
            self._event("episode_ended", cursor.lastrowid, {"status": head.status, "error": head.error})
        self._pending += 1
        if self._pending % EPISODES_A_COMMIT == 0:
            self._db.execute("COMMIT")
            self._db.execute("BEGIN")

    def add_notice(self, notice: Notice) -> None:
        """Keep what is said of the run as a whole."""
        self._event("notice", None, {"text": notice.text, "details": notice.details})

    def drop_progress(self, contestant: str, benchmark: str) -> None:
        """Forget the progress of a contestant on a benchmark: its scores are no shares of 1."""
        where = "WHERE contestant = ? AND task LIKE ? ESCAPE '\\'"
        begin = benchmark.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        self._db.execute(
            f"UPDATE episode SET progress = 0, success = 0, provenance ="  # noqa: S608 - no outside text
            f" json_insert(provenance, '$.absent[#]', 'progress') {where}",
            (contestant, f"{begin}/%"),
        )
        self._db.execute(
            f"UPDATE turn SET progress = 0, success = 0 WHERE episode_id IN (SELECT id FROM episode {where})",  # noqa: S608
            (contestant, f"{begin}/%"),
        )

    def close(self) -> None:
        """Write everything, and leave the database as one file."""
        self._db.execute("COMMIT")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.close()

    def abandon(self) -> None:
        """Let go of the database."""
        self._db.close()

    def _event(
        self, kind: str, episode_id: int | None, data: Mapping[str, Any], turn: int | None = None
    ) -> None:
        self._db.execute(
            "INSERT INTO event (at, kind, episode_id, turn_idx, data) VALUES (?, ?, ?, ?, ?)",
            (self._now, kind, episode_id, turn, to_json(data)),
        )


@contextmanager
def building(run: Path) -> Iterator[Builder]:
    """Build a run in `run`. Where anything goes wrong, what was written is removed again.

    Raises `UsageError` where something else lies there, `StoreError` where it can't be written.
    """
    was_there = run.is_dir()
    _check_free(run)
    folder = run / UNDER_WAY
    builder: Builder | None = None
    try:
        folder.mkdir(parents=True)
        create_database(folder)
        builder = Builder(folder)
        yield builder
        builder.close()
        (folder / PLAN).write_text(tomli_w.dumps(without_none(builder.document)), encoding="utf-8")
        # the database last: what has none is no run
        for name in (PLAN, DATABASE):
            (folder / name).replace(run / name)
        shutil.rmtree(folder)
    except BaseException as error:
        if builder is not None:
            with suppress(sqlite3.Error):
                builder.abandon()
        shutil.rmtree(folder if was_there else run, ignore_errors=True)
        if isinstance(error, sqlite3.Error | OSError):
            said = getattr(error, "strerror", None) or error
            raise StoreError(f"{run} can't be written: {said}", "choose another --out") from error
        raise


def _check_free(run: Path) -> None:
    if (run / DATABASE).exists():
        raise UsageError(f"{run} is a run already", "choose another --out")
    if run.exists() and not run.is_dir():
        raise UsageError(f"{run} is a file", "choose another --out")
    if run.is_dir():
        # what an import left that was killed
        shutil.rmtree(run / UNDER_WAY, ignore_errors=True)
        if any(run.iterdir()):
            raise UsageError(f"{run} is not empty", "choose another --out")
