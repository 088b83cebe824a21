"""What the protocols say to a model: how to answer, and what was wrong with an answer (`wording.toml`)."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from arena.protocol.base import Failure


@cache
def texts() -> dict[str, Any]:
    """Return the protocols' texts and their version."""
    source = files("arena.protocol").joinpath("wording.toml").read_text(encoding="utf-8")
    return _stripped(tomllib.loads(source))


def complaint(protocol: Literal["text", "json", "whole"], failure: Failure) -> str:
    """Return one sentence that says what was wrong with a reply, and where."""
    sentences = texts()["complaint"]
    sentence = sentences[protocol].get(failure.kind.value, sentences["other"])
    where = failure.json_path or f"character {failure.span[0]}"
    return sentence.format(where=where, expected=failure.expected, got=failure.got)


def _stripped(table: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _stripped(value)
        if isinstance(value, dict)
        else value.strip("\n")
        if isinstance(value, str)
        else value
        for key, value in table.items()
    }
