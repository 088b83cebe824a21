"""`replay:RUN`: the replies that a contestant of a recorded run gave, word for word."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from arena.engines.base import Completion, Engine, Request
from arena.errors import EngineError, UsageError
from arena.store.files import connect, find_run

_REPLIES = """
SELECT e.task, e.repeat, t.idx, t.reply, t.finish_reason, t.prompt_tokens, t.completion_tokens
FROM turn t JOIN episode e ON e.id = t.episode_id
WHERE e.contestant = ? AND e.status != 'superseded'
"""

# a suite may play a task twice, by other settings; one that was edited since is known by its name
_EPISODE = """
SELECT id FROM episode WHERE contestant = ? AND status != 'superseded' AND task = ? AND repeat = ?
ORDER BY task_hash != ? LIMIT 1
"""


class ReplayEngine(Engine):
    """Replays one contestant of a run (default: its baseline).

    A turn that was not recorded gets an empty reply.
    """

    def __init__(self, run: str, *, contestant: str | None = None) -> None:
        """Look at the run. Raises `UsageError` where there is no such run or contestant."""
        self._run = find_run(run)
        # the plan knows contestants, and contestants know engines: import where it is needed
        from arena.plan import contestant_names

        names = contestant_names(self._run)
        self._contestant = contestant or names[0]
        if self._contestant not in names:
            raise UsageError(f"{self._run} has no contestant {contestant!r}", f"it has {', '.join(names)}")
        self._db: sqlite3.Connection | None = None

    async def start(self) -> None:
        """Open the run. Raises `StoreError`."""
        self._db = connect(self._run)

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return the recorded replies of the same task, repeat and turn."""
        return [self._recorded(request) for request in requests]

    def identity(self) -> Mapping[str, Any]:
        """Return the hash of all the replies."""
        digest = hashlib.sha256()
        with closing(connect(self._run)) as db:
            for row in db.execute(_REPLIES + " ORDER BY e.task, e.repeat, t.idx", (self._contestant,)):
                digest.update(repr(tuple(row)[:5]).encode())
        return {"engine": "replay", "replies": digest.hexdigest()[:16]}

    async def close(self) -> None:
        """Close the run."""
        if self._db:
            self._db.close()
            self._db = None

    def _recorded(self, request: Request) -> Completion:
        if self._db is None:
            raise EngineError(f"the replay of {self._run} is not started")
        row: sqlite3.Row | None = self._db.execute(
            f"{_REPLIES} AND e.id = ({_EPISODE}) AND t.idx = ?",
            (
                *(self._contestant, self._contestant),
                *(request.task, request.repeat, request.task_hash, request.turn),
            ),
        ).fetchone()
        if row is None:
            return Completion("", "stop")
        return Completion(
            text=row["reply"],
            finish_reason=row["finish_reason"],
            prompt_tokens=row["prompt_tokens"],
            completion_tokens=row["completion_tokens"],
        )
