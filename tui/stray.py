"""What libraries print, log and warn while a screen is drawn becomes lines of the log, never of the screen.

Textual draws on file descriptor 2 and catches what Python code prints. Native code and child processes write
to the descriptors themselves; `descriptors_caught` gives Textual a terminal of its own and reads those.
"""

import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

MOST_LINES = 5_000
"""How many lines are kept; older ones are forgotten."""
MOST_CHARS = 2_000
"""How much of one line is kept."""


@dataclass(frozen=True)
class StrayLine:
    """A line that nobody asked for: when it came (seconds since 1970), from where, and what it says, raw."""

    at: float
    origin: str
    text: str


@dataclass
class StrayLog:
    """The lines that were caught. `add` and `feed` may be called from any thread."""

    lines: deque[StrayLine] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    total: int = 0
    _unfinished: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, origin: str, text: str) -> None:
        """Add a message: each of its lines."""
        with self._lock:
            self._add(origin, text)

    def feed(self, origin: str, piece: str) -> None:
        """Add a piece of a stream: its lines become known when they end.

        Of a line that is drawn over (progress bars return to its start) the last state counts.
        """
        with self._lock:
            *ended, rest = (self._unfinished.get(origin, "") + piece).replace("\r\n", "\n").split("\n")
            self._unfinished[origin] = rest[-MOST_CHARS:]
            for line in ended:
                self._add(origin, line.rstrip("\r").rpartition("\r")[2])

    def clear(self) -> None:
        """Forget all lines."""
        with self._lock:
            self.lines.clear()

    def _add(self, origin: str, text: str) -> None:
        for line in text.splitlines():
            if line.strip():
                self.lines.append(StrayLine(time.time(), origin, line[:MOST_CHARS]))
                self.total += 1


class _Handler(logging.Handler):
    def __init__(self, log: StrayLog) -> None:
        super().__init__()
        self._log = log
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            origin = (
                "warning" if record.name == "py.warnings" else f"{record.levelname.lower()} {record.name}"
            )
            self._log.add(origin, self.format(record))
        except Exception:  # noqa: BLE001 - a library's broken message must not reach the screen either
            self._log.add("logging", f"{record.name} logged what can't be formatted: {record.msg!r}")


@contextmanager
def logging_caught(log: StrayLog) -> Iterator[None]:
    """Let the log have what is logged and warned inside the block, instead of the root logger's handlers."""
    root, handler = logging.getLogger(), _Handler(log)
    before, root.handlers = root.handlers, [handler]
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.handlers = before


@contextmanager
def descriptors_caught(log: StrayLog) -> Iterator[None]:
    """Let the log have what is written to file descriptors 1 and 2 inside the block.

    Python's own stdout and stderr go on writing to the terminal: Textual draws through them. Does nothing
    where they are no terminal.
    """
    if not (os.isatty(1) and os.isatty(2)):
        yield
        return
    before = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
    kept = os.dup(1), os.dup(2)
    out, err = (_text_file(os.dup(descriptor)) for descriptor in kept)
    end, into = os.pipe()
    os.dup2(into, 1)
    os.dup2(into, 2)
    os.close(into)
    reader = threading.Thread(target=_read, args=(end, lambda piece: log.feed("output", piece)), daemon=True)
    reader.start()
    sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__ = out, err, out, err  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__ = before  # type: ignore[misc]
        for number, descriptor in zip((1, 2), kept, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        out.close()
        err.close()
        reader.join(timeout=1)  # a child process that is left may hold the pipe open


def _text_file(descriptor: int) -> TextIO:
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", buffering=1)


def _read(end: int, take: Callable[[str], None]) -> None:
    with os.fdopen(end, "r", encoding="utf-8", errors="replace", newline="") as pipe:
        while piece := os.read(pipe.fileno(), 65_536):
            take(piece.decode("utf-8", "replace"))
