"""Reading a run, also while another process writes it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arena.filtering import Filter
from arena.records import (
    Episode,
    EpisodeEnded,
    EpisodeKey,
    EpisodeStarted,
    Event,
    Notice,
    Turn,
    TurnPlayed,
)
from arena.store.files import connect
from arena.store.rows import episode_from_row, json_from_row, read_turns, task_from_json, turn_from_row
from envs.base import Task


class RunReader:
    """Reads a run. Cheap to open whatever the run's length; nothing is held in memory."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self._db = connect(run)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def tasks(self) -> list[Task]:
        """Return the run's tasks, by id."""
        return [task_from_json(row["data"]) for row in self._db.execute("SELECT data FROM task ORDER BY id")]

    def task(self, task_hash: str) -> Task:
        """Return one task of the run by its content hash."""
        row = self._db.execute("SELECT data FROM task WHERE hash = ?", (task_hash,)).fetchone()
        return task_from_json(row["data"])

    def episodes(self, *, superseded: bool = False) -> list[Episode]:
        """Return the episodes' heads in the order in which they began."""
        where = "" if superseded else "WHERE status != 'superseded'"
        rows = self._db.execute(f"SELECT * FROM episode {where} ORDER BY id")  # noqa: S608 - no outside text
        return [episode_from_row(row) for row in rows]

    def episode(self, key: EpisodeKey) -> Episode | None:
        """Return the head of the attempt that counts, or None where it was not begun."""
        row = self._db.execute(
            "SELECT * FROM episode WHERE contestant = ? AND task_hash = ? AND seed = ? AND repeat = ?"
            " AND status != 'superseded'",
            (key.contestant, key.task_hash, key.seed, key.repeat),
        ).fetchone()
        return episode_from_row(row) if row else None

    def provenance(self, episode: Episode) -> dict[str, Any]:
        """Return what is recorded of how an episode came about: grading version, engine, template, parser."""
        row = self._db.execute("SELECT provenance FROM episode WHERE id = ?", (episode.id,)).fetchone()
        return json_from_row(row, "provenance")

    def costs(self) -> dict[int, tuple[int, int, float]]:
        """Return what each episode cost, by id: turns, completion tokens, seconds of waiting for them."""
        rows = self._db.execute(
            "SELECT episode_id, COUNT(*), SUM(completion_tokens), SUM(latency_s) FROM turn"
            " GROUP BY episode_id"
        )
        return {episode_id: (turns, tokens, seconds) for episode_id, turns, tokens, seconds in rows}

    def last_event(self) -> int:
        """Return the number of the newest event; `follow` from here tells only what is new."""
        (last,) = self._db.execute("SELECT COALESCE(MAX(id), 0) FROM event").fetchone()
        return last

    def turns(self, episode: Episode) -> list[Turn]:
        """Return an episode's turns in order."""
        return read_turns(self._db, episode.id, episode.first_observation)

    def find_episodes(self, chosen: Filter) -> list[Episode]:
        """Return the heads of the episodes that a filter lets through, in the order in which they began."""
        where = chosen.episodes_where()
        rows = self._db.execute(
            f"SELECT e.* FROM episode e WHERE e.status != 'superseded' AND {where.sql} ORDER BY e.id",  # noqa: S608
            where.parameters,
        )
        return [episode_from_row(row) for row in rows]

    def find_turns(self, chosen: Filter, limit: int = 1000, offset: int = 0) -> list[tuple[Episode, Turn]]:
        """Return the turns that a filter lets through, each with its episode's head, in recorded order."""
        where = chosen.turns_where()
        rows = self._db.execute(
            f"SELECT t.episode_id, t.idx FROM turn t JOIN episode e ON e.id = t.episode_id"  # noqa: S608
            f" WHERE e.status != 'superseded' AND {where.sql} ORDER BY t.episode_id, t.idx LIMIT ? OFFSET ?",
            (*where.parameters, limit, offset),
        ).fetchall()
        heads = {episode_id: self._episode(episode_id) for episode_id, _ in rows}
        return [(heads[episode_id], self._turn(heads[episode_id], index)) for episode_id, index in rows]

    def locate_turns(self, chosen: Filter, limit: int) -> list[tuple[EpisodeKey, int]]:
        """Return where the turns are that a filter lets through: episode, and turn from 0; `limit` at most.

        In recorded order; reads no turn's text into memory.
        """
        where = chosen.turns_where()
        rows = self._db.execute(
            f"SELECT e.contestant, e.task, e.task_hash, e.seed, e.repeat, t.idx FROM turn t"  # noqa: S608
            f" JOIN episode e ON e.id = t.episode_id WHERE e.status != 'superseded' AND {where.sql}"
            " ORDER BY t.episode_id, t.idx LIMIT ?",
            (*where.parameters, limit),
        )
        return [(EpisodeKey(*episode), index) for *episode, index in rows]

    def count_turns(self, chosen: Filter) -> int:
        """Return how many turns a filter lets through."""
        where = chosen.turns_where()
        (count,) = self._db.execute(
            f"SELECT COUNT(*) FROM turn t JOIN episode e ON e.id = t.episode_id"  # noqa: S608
            f" WHERE e.status != 'superseded' AND {where.sql}",
            where.parameters,
        ).fetchone()
        return count

    def follow(self, after: int = 0, limit: int = 1000) -> tuple[list[Event], int]:
        """Return the next (at most `limit`) events after event number `after`, and the number of the last."""
        rows = self._db.execute(
            "SELECT * FROM event WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
        ).fetchall()
        return [self._event(row) for row in rows], rows[-1]["id"] if rows else after

    def _episode(self, episode_id: int) -> Episode:
        row = self._db.execute("SELECT * FROM episode WHERE id = ?", (episode_id,)).fetchone()
        return episode_from_row(row)

    def _event(self, row: sqlite3.Row) -> Event:
        data = json_from_row(row, "data")
        if row["kind"] == "notice":
            return Notice(data["text"], data["details"])
        episode = self._episode(row["episode_id"])
        if row["kind"] == "turn_played":
            return TurnPlayed(episode.key, self._turn(episode, row["turn_idx"]))
        if row["kind"] == "episode_started":
            return EpisodeStarted(
                episode.key,
                episode.goal,
                episode.first_observation,
                self.task(episode.key.task_hash).max_steps,
                data["resumed_turns"],
            )
        return EpisodeEnded(
            episode.key, data["status"], episode.progress, episode.success, episode.turns, data["error"]
        )

    def _turn(self, episode: Episode, index: int) -> Turn:
        rows = self._db.execute(
            "SELECT * FROM turn WHERE episode_id = ? AND idx IN (?, ?) ORDER BY idx",
            (episode.id, index - 1, index),
        ).fetchall()
        return turn_from_row(rows[-1], rows[0]["outcome"] if index else episode.first_observation)


def all_events(run: Path) -> Iterator[Event]:
    """Yield everything that is recorded of a run, in the order in which it happened."""
    reader, last = RunReader(run), 0
    try:
        while True:
            events, last = reader.follow(last)
            if not events:
                return
            yield from events
    finally:
        reader.close()
