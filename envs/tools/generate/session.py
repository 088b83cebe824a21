"""Plays a template's tool calls and makes a task of them."""

import random
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from envs.tools.call import Call, write
from envs.tools.schema import signatures
from envs.tools.toolkit import Toolkit


class Unsuitable(Exception):
    """What was drawn makes no good task (a tie, nothing found): draw again."""


@dataclass
class Session:
    """A toolkit in use; it keeps the calls and what they gave."""

    toolkit: Toolkit
    rng: random.Random
    calls: list[Call] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)

    def __call__(self, name: str, /, **arguments: Any) -> Any:
        """Call a tool and return its result."""
        result = self.toolkit.call(name, arguments)
        self.calls.append(Call(name, arguments))
        self.results.append(self.toolkit.comparable(result))
        return result


@dataclass(frozen=True)
class Draft:
    """A task as drawn: its goal in words, and the answer to finish with."""

    goal: str
    answer: Any = None


Template = Callable[[Session], Draft]
Templates = Mapping[Literal["easy", "hard"], tuple[Template, ...]]


def goal(subset: str, template: str, rng: random.Random, **names: Any) -> str:
    """Return one of a template's wordings, filled in."""
    return str(rng.choice(_goals()[subset][template])).format(**names)


def lines(session: Session) -> list[str]:
    """Return the calls so far as text actions."""
    return [write(call) for call in session.calls]


def telling_results(session: Session) -> list[Any]:
    """Return what the calls gave that take arguments: what needs no arguments is no achievement."""
    takes = signatures(session.toolkit.subset)
    return [
        result
        for call, result in zip(session.calls, session.results, strict=True)
        if takes[call.name].required
    ]


def only(items: list[Any]) -> Any:
    """Return the only item. Raises `Unsuitable`."""
    if len(items) != 1:
        raise Unsuitable
    return items[0]


def best(scores: Mapping[str, float]) -> str:
    """Return the name with the highest score. Raises `Unsuitable` for a tie, or one name only."""
    if len(scores) < 2:
        raise Unsuitable
    highest = max(scores.values())
    return str(only([name for name, score in scores.items() if score == highest]))


@cache
def _goals() -> dict[str, Any]:
    return tomllib.loads(files("envs.tools.generate").joinpath("goals.toml").read_text(encoding="utf-8"))
