"""What a recorded plan must have: everybody can write `run.toml`, and everything reads it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

MOST_REPEATS = 10_000
MOST_SEED = 2**32
"""Simulators take seeds of 32 bits; a repeat adds its number to it."""
_MOST_CHARS = 80

_Pair = Annotated[tuple[str, str], Strict(False)]  # a list, in TOML and in JSON


def what_is_wrong(document: Mapping[str, Any]) -> str:
    """Return which part of a plan is not as Arena writes it, and why; empty where reports can rely on it."""
    try:
        _Document.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        # pydantic's own words for a table would name a class of this file
        why = "it should be a table" if first["type"] == "model_type" else first["msg"]
        return f"{where[:_MOST_CHARS]!a}: {why[:_MOST_CHARS]}"
    return ""


class _Shape(BaseModel):
    """What is needed of a part of a plan; what else stands there is left to itself."""

    model_config = ConfigDict(strict=True)


class _Frozen(_Shape):
    suite: str
    settings: "_Settings"
    repeats: int = Field(ge=1, le=MOST_REPEATS)
    contestants: list[_Pair]
    tasks: list[_Pair]


class _Settings(_Shape):
    seed: int = 0


class _Contestant(_Shape):
    name: str
    hash: str = ""
    spec: str = ""
    options: dict[str, Any] | None = None
    identity: "_Identity | None" = None
    size_bytes: int | None = Field(None, ge=0)


class _Identity(_Shape):
    engine: dict[str, Any] | None = None
    settings: "_Asked | None" = None


class _Asked(_Shape):
    protocol: str = "text"


class _Machine(_Shape):
    system: str = ""


class _Suite(_Shape):
    tasks: list[dict[str, Any]] = []


class _Log(_Shape):
    file: str
    format: str


class _Imported(_Shape):
    logs: list[_Log]
    paired: int
    unmatched: dict[str, int]
    missing: dict[str, list[str]]
    progress_is: dict[str, str]
    notes: list[str]


class _Document(_Shape):
    plan: _Frozen
    contestants: list[_Contestant] = Field(min_length=1)
    arena: str = ""
    created: str = ""
    packages: dict[str, str] = {}
    machine: _Machine = _Machine()
    suite: _Suite | None = None
    imported: _Imported | None = None
