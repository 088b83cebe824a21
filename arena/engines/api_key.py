"""The API key for servers: from the environment, into the request's header, and nowhere else."""

import os

from arena.errors import UsageError

VARIABLES = ("ARENA_API_KEY", "OPENAI_API_KEY")
SET_KEY = f"set {VARIABLES[0]} (or {VARIABLES[1]}) in the environment"
_SHORTEST_SECRET_CHARS = 4


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


def without_key(text: str) -> str:
    """Return a text in which the key is starred out: servers quote it in their errors."""
    key = api_key()
    return text.replace(key, "***") if key and len(key) >= _SHORTEST_SECRET_CHARS else text
