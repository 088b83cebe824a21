"""A run's events as JSON lines, for programs that follow a batch (`--events FILE`)."""

import json
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TextIO

from arena.errors import UsageError
from arena.records import EpisodeEnded, EpisodeKey, EpisodeStarted, Event, Notice, TurnPlayed

STDERR = "-"


def opened(where: str) -> AbstractContextManager[TextIO]:
    """Return the stream of `--events`: a file that is added to, or stderr for `-`. Raises `UsageError`."""
    if where == STDERR:
        return nullcontext(sys.stderr)
    try:
        return Path(where).open("a", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--events {where} can't be written: {error.strerror or error}") from None


def write(event: Event, stream: TextIO) -> None:
    """Write an event as one line, at once; pieces of replies are left out."""
    record = record_of(event)
    if record is not None:
        stream.write(json.dumps({"at": round(time.time(), 3), **record}, ensure_ascii=False) + "\n")
        stream.flush()


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
