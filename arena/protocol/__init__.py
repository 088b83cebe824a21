"""How a reply becomes an action, or exactly one typed failure."""

import difflib
from functools import cache
from importlib import import_module

from arena.errors import UsageError
from arena.protocol.base import ReplyProtocol

# as module:class and imported on use: reading a record needs `base` only, not jsonschema
PROTOCOLS = {
    "whole": "arena.protocol.whole:WholeReply",
    "text": "arena.protocol.text:TextProtocol",
    "json": "arena.protocol.json_call:JsonProtocol",
}


@cache
def protocol(name: str, dialect: str | None = None) -> ReplyProtocol:
    """Return a protocol by name; `json` speaks a dialect where one is named (`dialects.toml`, or `auto`).

    Raises `UsageError` with the nearest name.
    """
    if name == "json" and dialect is not None:
        from arena.protocol.spoken import SpokenProtocol

        return SpokenProtocol(dialect)
    if name not in PROTOCOLS:
        near = difflib.get_close_matches(name, PROTOCOLS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"it is one of {', '.join(PROTOCOLS)}"
        raise UsageError(f"no protocol is called {name!r}", hint)
    module, _, attribute = PROTOCOLS[name].partition(":")
    found: ReplyProtocol = getattr(import_module(module), attribute)()
    return found
