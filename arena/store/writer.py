"""The one writer of a run: each turn is committed before it returns."""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from arena.protocol.base import FailureKind
from arena.records import Episode, EpisodeEnded, EpisodeKey, Notice, Turn
from arena.store.files import connect, written
from arena.store.rows import INSERT_TURN, read_turns, task_to_json, to_json, turn_values
from envs.base import Task

ErrorKind = Literal["engine", "memory", "environment", "unexpected"]
"""What failed under an episode: its engine (or server), the engine's memory, its environment, or our code."""

_NEXT_ATTEMPT = """
SELECT 1
    + (SELECT COUNT(*) FROM episode
       WHERE contestant = ? AND task_hash = ? AND seed = ? AND repeat = ? AND status != 'superseded')
    + (SELECT COUNT(*) FROM episode
       WHERE contestant = ? AND task_hash = ? AND seed = ? AND repeat = ? AND status = 'superseded')
"""
"""Two counts, since there is an index for each: no episode begins by looking at all others of its run."""

SYNC_EVERY_S = 1.0
"""How often at most the end of an episode waits for the disk itself: a sync takes as long as many turns."""


class RunWriter:
    """Writes a run. Every method raises `StoreError` where the disk refuses; what was recorded stays.

    What a method recorded survives the death of this process as soon as it returns, and a power cut about
    `SYNC_EVERY_S` later (and after `close`); a power cut never leaves a half-written record.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self._db = connect(run, write=True)
        self._synced_at = 0.0

    def close(self) -> None:
        """Sync everything to the disk and close the database."""
        try:
            with written(self.run):
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            self._db.close()

    def add_tasks(self, tasks: Iterable[Task]) -> None:
        """Keep the tasks themselves, so that the run can be replayed without their data set."""
        with written(self.run):
            kept = {each for (each,) in self._db.execute("SELECT hash FROM task")}
        rows = [(task.hash, task.id, task_to_json(task)) for task in tasks if task.hash not in kept]
        if not rows:
            return
        with self._writing():
            self._db.executemany("INSERT OR IGNORE INTO task (hash, id, data) VALUES (?, ?, ?)", rows)

    def done(self) -> set[tuple[str, str, int, int]]:
        """Return the episodes that are played to their end and scored, as `EpisodeKey.unique` names them."""
        with written(self.run):
            rows = self._db.execute(
                "SELECT contestant, task_hash, seed, repeat FROM episode WHERE status = 'done'"
            )
            return {tuple(row) for row in rows}

    def begin(self, key: EpisodeKey, provenance: Mapping[str, Any]) -> tuple["EpisodeWriter", Sequence[Turn]]:
        """Start an episode, or take up an unfinished attempt: returns its writer and its recorded turns.

        An attempt whose environment crashed can't be taken up; it is superseded by a new one.
        """
        with written(self.run):
            row = self._current(key)
            turns = read_turns(self._db, row["id"], row["first_observation"]) if row is not None else []
        if turns and turns[-1].failure and turns[-1].failure.kind is FailureKind.ENVIRONMENT_ERROR:
            self.supersede(key)
            row, turns = None, []
        with self._writing():
            if row is None:
                episode_id = self._new_attempt(key, provenance)
            else:
                episode_id = row["id"]
                self._db.execute(
                    "UPDATE episode SET status = 'running', error = '' WHERE id = ?", (episode_id,)
                )
        return EpisodeWriter(self, episode_id, len(turns)), turns

    def supersede(self, key: EpisodeKey) -> None:
        """Set the present attempt aside (it stays readable), so that the next `begin` starts anew."""
        with self._writing():
            self._db.execute(
                "UPDATE episode SET status = 'superseded' WHERE contestant = ? AND task_hash = ? AND seed = ?"
                " AND repeat = ? AND status != 'superseded'",
                (key.contestant, key.task_hash, key.seed, key.repeat),
            )

    def replace_attempt(
        self,
        old: Episode,
        provenance: Mapping[str, Any],
        turns: Sequence[Turn],
        *,
        progress: float,
        success: bool,
    ) -> None:
        """Put a finished attempt in the place of another, which stays superseded; all of it or nothing.

        `turns` are those of the new one; costs and times are the old one's, since nothing was played.
        """
        with self._writing():
            self._db.execute("UPDATE episode SET status = 'superseded' WHERE id = ?", (old.id,))
            episode_id = self._new_attempt(old.key, provenance)
            self._db.executemany(INSERT_TURN, [turn_values(episode_id, turn) for turn in turns])
            self._db.execute(
                "UPDATE episode SET status = 'done', goal = ?, first_observation = ?, turns = ?,"
                " progress = ?, success = ?, started_at = ?, ended_at = ? WHERE id = ?",
                (
                    old.goal,
                    turns[0].observation if turns else old.first_observation,
                    len(turns),
                    progress,
                    success,
                    old.started_at,
                    old.ended_at,
                    episode_id,
                ),
            )
            self._event("episode_started", episode_id, {"resumed_turns": len(turns)})
            self._event("episode_ended", episode_id, {"status": "done", "error": ""})

    def note(self, notice: Notice) -> None:
        """Record something that a person should know."""
        with self._writing():
            self._event("notice", None, {"text": notice.text, "details": notice.details})

    def _current(self, key: EpisodeKey) -> sqlite3.Row | None:
        return self._db.execute(
            "SELECT * FROM episode WHERE contestant = ? AND task_hash = ? AND seed = ? AND repeat = ?"
            " AND status != 'superseded'",
            (key.contestant, key.task_hash, key.seed, key.repeat),
        ).fetchone()

    def _new_attempt(self, key: EpisodeKey, provenance: Mapping[str, Any]) -> int:
        (attempt,) = self._db.execute(_NEXT_ATTEMPT, key.unique * 2).fetchone()
        cursor = self._db.execute(
            "INSERT INTO episode (contestant, task_hash, task, seed, repeat, attempt, status, provenance,"
            " started_at) VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?)",
            (
                key.contestant,
                key.task_hash,
                key.task,
                key.seed,
                key.repeat,
                attempt,
                to_json(provenance),
                time.time(),
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _event(
        self, kind: str, episode_id: int | None, data: Mapping[str, Any], turn: int | None = None
    ) -> None:
        self._db.execute(
            "INSERT INTO event (at, kind, episode_id, turn_idx, data) VALUES (?, ?, ?, ?, ?)",
            (time.time(), kind, episode_id, turn, to_json(data)),
        )

    def _is_sync_due(self) -> bool:
        return time.monotonic() - self._synced_at > SYNC_EVERY_S

    @contextmanager
    def _writing(self, *, synced: bool = False) -> Iterator[None]:
        with written(self.run):
            try:
                if synced:
                    self._db.execute("PRAGMA synchronous = FULL")
                    self._synced_at = time.monotonic()
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
                if synced:
                    self._db.execute("PRAGMA synchronous = NORMAL")
            except sqlite3.Error:
                if self._db.in_transaction:
                    self._db.rollback()
                raise


class EpisodeWriter:
    """Writes one episode (`episode.Recorder`)."""

    def __init__(self, run: RunWriter, episode_id: int, resumed_turns: int) -> None:
        self._run = run
        self._resumed_turns = resumed_turns
        self.id = episode_id

    def begin(self, goal: str, observation: str) -> None:
        """Record the goal and the first observation."""
        with self._run._writing():
            self._run._db.execute(
                "UPDATE episode SET goal = ?, first_observation = ? WHERE id = ?",
                (goal, observation, self.id),
            )
            self._run._event("episode_started", self.id, {"resumed_turns": self._resumed_turns})

    def append(self, turn: Turn) -> None:
        """Record one turn; committed when this returns."""
        with self._run._writing():
            self._run._db.execute(INSERT_TURN, turn_values(self.id, turn))
            self._run._db.execute(
                "UPDATE episode SET turns = ?, progress = ?, success = ? WHERE id = ?",
                (turn.index + 1, turn.progress, turn.success, self.id),
            )
            self._run._event("turn_played", self.id, {}, turn.index)

    def end(self, ended: EpisodeEnded) -> None:
        """Record that the episode is done."""
        with self._run._writing(synced=self._run._is_sync_due()):
            self._run._db.execute(
                "UPDATE episode SET status = ?, progress = ?, success = ?, turns = ?, ended_at = ?"
                " WHERE id = ?",
                (ended.status, ended.progress, ended.success, ended.turns, time.time(), self.id),
            )
            self._run._event("episode_ended", self.id, {"status": ended.status, "error": ""})

    def fail(self, key: EpisodeKey, error: str, kind: ErrorKind = "unexpected") -> EpisodeEnded:
        """Record that the infrastructure failed: the episode is owed again, its turns are kept."""
        with self._run._writing():
            (row,) = self._run._db.execute(
                "UPDATE episode SET status = 'error', error = ?, ended_at = ?,"
                " provenance = json_set(provenance, '$.error_kind', ?) WHERE id = ?"
                " RETURNING progress, success, turns",
                (error, time.time(), kind, self.id),
            ).fetchall()
            self._run._event("episode_ended", self.id, {"status": "error", "error": error, "kind": kind})
        return EpisodeEnded(key, "error", row["progress"], bool(row["success"]), row["turns"], error)
