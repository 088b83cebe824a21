"""The API key for servers: from the environment, into the request's header, and nowhere else."""

import os
from urllib.parse import urlsplit

from arena.errors import UsageError

VARIABLES = ("ARENA_API_KEY", "OPENAI_API_KEY")
SET_KEY = f"set {VARIABLES[0]} (or {VARIABLES[1]}) in the environment"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SHORTEST_SECRET_CHARS = 4
LONG_SECRET_CHARS = 16
"""A reply may hold a short word by itself that is also the key of somebody's own server."""


def api_key() -> str | None:
    """Return the key, or None where none is set. Raises `UsageError` where it can't be a key."""
    for variable in VARIABLES:
        key = os.environ.get(variable, "").strip()
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            # said here, without the key: the HTTP library would quote the header that it can't send
            raise UsageError(f"{variable} holds characters that no API key has", "set it anew")
        if key:
            return key
    return None


def without_key(text: str, shortest: int = _SHORTEST_SECRET_CHARS) -> str:
    """Return a text in which a key of `shortest` characters or more is starred out: servers quote it."""
    key = api_key()
    return text.replace(key, "***") if key and len(key) >= shortest else text


def receiver(spec: str) -> str | None:
    """Return the address of the other machine's server that a contestant's spec would send the key to.

    None where no key is set, or it would not leave this machine.
    """
    kind, _, where = spec.partition(":")
    if kind != "openai" or api_key() is None:
        return None
    try:
        url = urlsplit(where.partition("#")[0])
        return None if url.hostname in LOOPBACK else url._replace(query="").geturl()
    except ValueError:
        return "what is no address"
