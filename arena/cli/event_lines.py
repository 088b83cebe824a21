"""A run's events as JSON lines, for programs that follow a batch (`--events FILE`)."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from arena.cli.output import say
from arena.errors import UsageError
from arena.literal import literal_json
from arena.records import EpisodeEnded, EpisodeKey, EpisodeStarted, Event, Notice, TurnPlayed

STDERR = "-"


class EventLog:
    """Writes events to a stream; one that can't be written any more is told of once, and then left alone."""

    def __init__(self, where: str, stream: TextIO) -> None:
        self._where = where
        self._stream: TextIO | None = stream

    def write(self, event: Event) -> None:
        """Write an event as one line, at once; pieces of replies are left out."""
        record = record_of(event)
        if record is None or self._stream is None:
            return
        try:
            self._stream.write(literal_json({"at": round(time.time(), 3), **record}) + "\n")
            self._stream.flush()
        except OSError as error:
            self._stream = None
            if self._where != STDERR:
                what = f"--events {self._where} can't be written any more: {error.strerror or error}"
                say(f"{what}; the run goes on without it")


@contextmanager
def opened(where: str) -> Iterator[EventLog]:
    """Open the log of `--events`: a file that is added to, or stderr for `-`. Raises `UsageError`."""
    if where == STDERR:
        yield EventLog(where, sys.stderr)
        return
    try:
        stream = Path(where).open("a", encoding="utf-8")  # noqa: SIM115 - closed below, where it may fail
    except OSError as error:
        raise UsageError(f"--events {where} can't be written: {error.strerror or error}") from None
    try:
        yield EventLog(where, stream)
    finally:
        with suppress(OSError):  # what could not be written is tried again here
            stream.close()


def record_of(event: Event) -> dict[str, Any] | None:
    """Return what an event says as plain values; the texts of a turn are in the run, not here."""
    if isinstance(event, Notice):
        return {"event": "notice", "text": event.text, "details": dict(event.details)}
    if isinstance(event, EpisodeStarted):
        return {
            "event": "episode_started",
            **_key(event.key),
            "max_steps": event.max_steps,
            "resumed_turns": event.resumed_turns,
        }
    if isinstance(event, TurnPlayed):
        turn = event.turn
        return {
            "event": "turn_played",
            **_key(event.key),
            "turn": turn.index,
            "progress": turn.progress,
            "success": turn.success,
            "valid": turn.valid,
            "failure": turn.failure.kind.value if turn.failure else None,
            "prompt_tokens": turn.prompt_tokens,
            "completion_tokens": turn.completion_tokens,
            "cached_tokens": turn.cached_tokens,
            "latency_s": round(turn.latency_s, 4),
        }
    if isinstance(event, EpisodeEnded):
        return {
            "event": "episode_ended",
            **_key(event.key),
            "status": event.status,
            "progress": event.progress,
            "success": event.success,
            "turns": event.turns,
            "error": event.error,
        }
    return None


def _key(key: EpisodeKey) -> dict[str, Any]:
    return {"contestant": key.contestant, "task": key.task, "seed": key.seed, "repeat": key.repeat}
