"""The read-only SQLite world that ships in the package."""

import sqlite3
import threading
import unicodedata
from importlib.resources import as_file, files
from typing import Any
from urllib.parse import quote

from envs.errors import BadData

_connections = threading.local()


def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return all rows of a query. Raises `ValueError` or `OverflowError` where a value can't be compared."""
    try:
        return _connection().execute(query, values).fetchall()
    except sqlite3.InterfaceError as error:
        raise ValueError(str(error)) from error


def row(query: str, *values: Any) -> tuple[Any, ...] | None:
    """Return the first row of a query, or None."""
    found = rows(query, *values)
    return found[0] if found else None


def folded(name: str) -> str:
    """Return a name without accents and case, as places are searched for."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(character for character in plain if not unicodedata.combining(character)).casefold()


def _connection() -> sqlite3.Connection:
    # a connection per thread: episodes run in threads, and not every SQLite build may share one
    connection: sqlite3.Connection | None = getattr(_connections, "world", None)
    if connection is None:
        with as_file(files("envs.tools").joinpath("data/world.sqlite")) as path:
            if not path.is_file():
                raise BadData(f"{path} is missing", "python -m envs.tools.build_worlds")
            connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        _connections.world = connection
    return connection
