"""The files of a run directory, and how its database is opened."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from arena.errors import StoreError, UsageError

SCHEMA_VERSION = 1
DATABASE = "run.sqlite"
PLAN = "run.toml"
LOCK = "writer.lock"


def runs_folder() -> Path:
    """Return the folder where runs are kept: `$ARENA_RUNS`, else `runs` in the working directory."""
    return Path(os.environ.get("ARENA_RUNS") or "runs")


def find_run(name: str) -> Path:
    """Return the directory of a run given by path or by name. Raises `UsageError` where there is none."""
    for candidate in (Path(name), runs_folder() / name):
        if (candidate / DATABASE).is_file():
            return candidate
    raise UsageError(f"there is no run {name!r}", "`arena runs` lists those in this folder")


def connect(run: Path, *, write: bool = False) -> sqlite3.Connection:
    """Open a run's database. Readers get a read-only connection.

    Raises `StoreError` where it is no run of ours, torn, or of another schema version.
    """
    path = run / DATABASE
    try:
        uri = f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}"
        # the run's worker thread writes what the main thread opened; it is the only one that does
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
        connection.row_factory = sqlite3.Row
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path} can't be read as a run: {error}", "was it cut or overwritten?") from error
    if version != SCHEMA_VERSION:
        connection.close()
        raise StoreError(
            f"{path} has schema version {version}, this Arena reads {SCHEMA_VERSION}",
            "open it with the Arena version named in its run.toml",
        )
    if write:
        # WAL lets others read while we write; NORMAL survives kill -9 at any point (the writer syncs besides)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    return connection


def create_database(run: Path) -> None:
    """Create an empty database in a run directory; it appears whole or not at all."""
    part = run / f"{DATABASE}.part"
    part.unlink(missing_ok=True)
    connection = sqlite3.connect(part)
    try:
        connection.executescript(files("arena.store").joinpath("schema.sql").read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.commit()
    finally:
        connection.close()
    part.rename(run / DATABASE)


@contextmanager
def writer_lock(run: Path) -> Iterator[None]:
    """Hold the run as its only writer. Raises `UsageError` where another process does; it dies with us."""
    with (run / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise UsageError(
                f"{run} is being played by process {lock.read().strip() or 'unknown'}",
                f"`arena watch {run.name}` shows it live",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def is_being_played(run: Path) -> bool:
    """Tell whether a process holds the run as its writer now."""
    try:
        with (run / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
