"""What can go wrong in a contest, in words meant for its user."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ArenaError(Exception):
    """The contest can't do what was asked; `message` says what and where, `next_step` what mends it.

    `exit_code` is 2 for what was asked wrongly (usage) and 1 for what failed while it ran.
    """

    exit_code = 1

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class UsageError(ArenaError):
    """The request itself is wrong: an unknown name, a broken suite file, options that exclude each other."""

    exit_code = 2


class EngineError(ArenaError):
    """An engine can't start or can't answer: no tokenizer, server down, half an answer."""


class MissingPackage(EngineError):
    """An engine needs a package that is not installed; no other model would help."""


class RefusedRequest(EngineError):
    """An engine can't answer this one request (its prompt is too long, say); others it may well answer."""


class OutOfMemory(EngineError):
    """The engine's memory is full: fewer episodes at a time may fit."""


class Unsupported(UsageError):
    """An engine was asked for something it does not do (log-probabilities, constrained decoding, …)."""


class StoreError(ArenaError):
    """A run can't be read or written: another schema, a full disk, a different plan under the same name."""


@contextmanager
def writing(out: Path, next_step: str = "choose another --out") -> Iterator[None]:
    """Say in words, as a `UsageError`, where the file or folder that somebody named can't be written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"{out} can't be written: {reason}", next_step) from error
