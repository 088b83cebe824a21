"""Tools that the protocol tests call."""

from typing import Any

import pytest

from arena.protocol import protocol
from arena.protocol.base import ReplyProtocol


@pytest.fixture(scope="session")
def tools() -> list[dict[str, Any]]:
    """Three tools: every kind of argument, no arguments, and an optional one."""
    move = {
        "type": "object",
        "properties": {
            "room": {"type": "string", "description": "where to"},
            "steps": {"type": "integer", "minimum": 1},
            "mode": {"type": "string", "enum": ["slow", "fast"]},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "via": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "on": {"type": "string", "format": "date"},
            "code": {"type": "string", "pattern": "^[a-z]+$"},
            "door": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
        },
        "required": ["room", "steps"],
    }
    wait = {"type": "object", "properties": {"minutes": {"type": "number"}}}
    return [
        {"type": "function", "function": {"name": "move", "description": "Walk.", "parameters": move}},
        {"type": "function", "function": {"name": "look"}},
        {"type": "function", "function": {"name": "wait", "description": "Rest.", "parameters": wait}},
    ]


@pytest.fixture(scope="session")
def json() -> ReplyProtocol:
    return protocol("json")


@pytest.fixture(scope="session")
def text() -> ReplyProtocol:
    return protocol("text")
