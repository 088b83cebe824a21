"""How far a reply came: a protocol's questions one by one, and where it failed (`verdict.toml`)."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from arena.protocol.base import Failure, FailureKind
from arena.protocol.quoting import excerpt

Answer = Literal["yes", "no", "not asked"]

REFUSED = "refused"
"""Not a failure of a reply: its action was read, and the environment did nothing with it."""

_AFTER_TRAILING_TEXT = ("tool", "schema")
"""What a repair answers of a call that only had other text around it."""


@dataclass(frozen=True)
class Step:
    """One question and its answer. Of a no, `failure` says where, what was expected and what was there.

    A turn that the environment refused has no `failure`: its reply was fine.
    """

    name: str
    question: str
    answer: Answer
    said: str = ""
    failure: Failure | None = None


def steps(protocol: str, reply: str, action: str | None, failure: Failure | None, valid: bool) -> list[Step]:
    """Return what a protocol (`json`, `text`, `whole`) asked of a reply, up to its failure and beyond.

    `action`, `failure` and `valid` are a turn's, as recorded. Questions behind the failure are not asked, but
    for a call that only had other text around it, of which the repair tells the rest.
    """
    failed = _failing(protocol, reply, failure, valid)
    found: list[Step] = []
    reached = True
    for question in _questions()[protocol]:
        name = question["name"]
        if name == failed:
            found.append(Step(name, question["question"], "no", _no(failure), failure))
            reached = False
        elif reached:
            found.append(Step(name, question["question"], "yes", _yes(name, action)))
        else:
            found.append(Step(name, question["question"], _beyond(name, failure)))
    return found


def _failing(protocol: str, reply: str, failure: Failure | None, valid: bool) -> str | None:
    kind = failure.kind.value if failure else None if valid else REFUSED
    if kind is None:
        return None
    if kind == FailureKind.REPEATED and protocol == "json" and "{" not in reply:
        return "call"  # round in circles without ever beginning a call
    asked = _questions()[protocol]
    return next((each["name"] for each in asked if kind in each["fails"]), asked[-1]["name"])


def _yes(name: str, action: str | None) -> str:
    if action is None:
        return ""
    return excerpt(action, 200) if name in ("line", "schema") else ""


def _no(failure: Failure | None) -> str:
    if failure is None:
        return "the environment did nothing with it"
    where = f" at {failure.json_path}" if failure.json_path else ""
    return f"{failure.kind.value}{where}: expected {failure.expected}, got {failure.got}"


def _beyond(name: str, failure: Failure | None) -> Answer:
    repaired = failure is not None and failure.kind is FailureKind.TRAILING_TEXT and failure.repair
    return "yes" if repaired and name in _AFTER_TRAILING_TEXT else "not asked"


@cache
def _questions() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    text = files("arena.protocol").joinpath("verdict.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
