"""The files of a run directory, and how its database is opened."""

import errno
import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from arena.errors import StoreError, UsageError
from arena.words import counted

SCHEMA_VERSION = 1
DATABASE = "run.sqlite"
PLAN = "run.toml"
LOCK = "writer.lock"
_LOGS = ("-wal", "-shm")
"""What SQLite keeps beside a database: whose it is, it tells by the name alone."""
KEPT = "make room (or mend the disk) and run the same command again: what was recorded is kept"
OTHER_OUT = "choose another --out"


def runs_folder() -> Path:
    """Return the folder where runs are kept: `$ARENA_RUNS`, else `runs` in the working directory."""
    return Path(os.environ.get("ARENA_RUNS") or "runs")


def find_run(name: str) -> Path:
    """Return the directory of a run given by path or by name. Raises `UsageError` where there is none."""
    for candidate in (Path(name), runs_folder() / name):
        if (candidate / DATABASE).is_file():
            return candidate
    close = get_close_matches(name, [each.parent.name for each in runs_folder().glob(f"*/{DATABASE}")])
    hint = f"did you mean {', '.join(close)}?" if close else "`arena runs` lists those in this folder"
    raise UsageError(f"there is no run {name!r}", hint)


def _unreadable(path: Path, error: sqlite3.Error) -> StoreError:
    return StoreError(f"{path} can't be read as a run: {error}", "was it cut or overwritten?")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error


class _ReadingCursor(sqlite3.Cursor):
    """Raises `StoreError` where a database turns out to be damaged, which may be at any row."""

    connection: "_Reading"

    def execute(self, *args: Any) -> "_ReadingCursor":
        with _readable(self.connection.path):
            super().execute(*args)
        return self

    def fetchone(self) -> Any:
        with _readable(self.connection.path):
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        with _readable(self.connection.path):
            return super().fetchall()

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except sqlite3.Error as error:
            raise _unreadable(self.connection.path, error) from error


class _Reading(sqlite3.Connection):
    """A connection that only reads."""

    path: Path

    def execute(self, *args: Any) -> _ReadingCursor:
        return self.cursor(_ReadingCursor).execute(*args)


def connect(run: Path, *, write: bool = False) -> sqlite3.Connection:
    """Open a run's database. Readers get a read-only connection, which raises `StoreError` where it fails.

    Raises `StoreError` where it is no run of ours, torn, or of another schema version.
    """
    path = run / DATABASE
    with _readable(path):
        # the run's worker thread writes what the main thread opened; it is the only one that does
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=30,
            factory=sqlite3.Connection if write else _Reading,
        )
        if isinstance(connection, _Reading):
            connection.path = path
        connection.row_factory = sqlite3.Row
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        connection.close()
        raise StoreError(
            f"{path} has schema version {version}, this Arena reads {SCHEMA_VERSION}",
            "open it with the Arena version named in its run.toml",
        )
    if write:
        with written(run):
            # WAL lets others read while we write; NORMAL survives kill -9 at any point (the writer syncs too)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
    return connection


@contextmanager
def written(run: Path, next_step: str = KEPT) -> Iterator[None]:
    """Say in words, as a `StoreError`, where a run can't be written: the disk is full, or it is not ours."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"{run} can't be written: {getattr(error, 'strerror', None) or error}", next_step
        ) from error


def create_database(run: Path) -> None:
    """Create an empty database in a run directory; it appears whole or not at all.

    Whoever calls holds the `writer_lock`. Raises `OSError` or `sqlite3.Error` where it can't be written.
    """
    part = run / f"{DATABASE}.part"
    part.unlink(missing_ok=True)
    connection = sqlite3.connect(part)
    try:
        connection.executescript(files("arena.store").joinpath("schema.sql").read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.commit()
    finally:
        connection.close()
    place_database(part, run)


def place_database(database: Path, run: Path) -> None:
    """Move a closed database into a run directory, in place of the one that may be there."""
    # what was not yet written into the old one would be written into the new one
    for log in _LOGS:
        (run / f"{DATABASE}{log}").unlink(missing_ok=True)
    database.replace(run / DATABASE)


def check_replaceable(run: Path) -> None:
    """Raise `StoreError` where a directory without a plan has a database that holds episodes."""
    if not (run / DATABASE).exists():
        return
    connection = connect(run)
    try:
        (count,) = connection.execute("SELECT COUNT(*) FROM episode").fetchone()
    finally:
        connection.close()
    if count:
        raise StoreError(
            f"{run} holds {counted(count, 'episode')}, but its {PLAN} is gone",
            f"put its {PLAN} back, or give another --out",
        )


@contextmanager
def writer_lock(run: Path) -> Iterator[None]:
    """Hold a run directory, which is made where there is none, as its only writer; the lock dies with us.

    Whoever begins a run takes it before looking what is there. Raises `UsageError` where another process
    holds it, `StoreError` where it can't be written.
    """
    with written(run, OTHER_OUT):
        run.mkdir(parents=True, exist_ok=True)
        lock = _open_lock(run, os.O_RDWR | os.O_CREAT, "r+")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise UsageError(
                f"{run} is being played by process {lock.read().strip() or 'unknown'}",
                f"`arena watch {run.name}` shows it live",
            ) from None
        with written(run):
            lock.seek(0)
            lock.truncate()
            lock.write(str(os.getpid()))
            lock.flush()
        yield


def _open_lock(run: Path, flags: int, mode: str) -> IO[str]:
    """Open a run's lock. Raises `OSError`, also where it is a link, which a run from elsewhere may hold."""
    opened = os.open(run / LOCK, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, f"{LOCK} is not a plain file")
    return os.fdopen(opened, mode, encoding="utf-8")


def is_being_played(run: Path) -> bool:
    """Tell whether a process holds the run as its writer now."""
    try:
        with _open_lock(run, os.O_RDONLY, "r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
