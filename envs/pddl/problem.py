"""One problem of a domain: objects, initial facts and goal, as plain data that a task carries."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from envs.errors import BadData
from envs.pddl.domain import Domain, domain
from envs.pddl.parsing import ANYTHING, Atom

MAX_OBJECTS, MAX_FACTS = 500, 20_000

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Problem:
    """A problem that fits its domain, which `problem` makes sure of.

    `objects` are (name, type) pairs without the domain's constants; `init` holds the facts that are true at
    first, `goal` those that shall be. All are sorted: problems with the same content are equal.
    """

    domain: str
    objects: tuple[tuple[str, str], ...]
    init: tuple[Atom, ...]
    goal: tuple[Atom, ...]

    def data(self) -> dict[str, Any]:
        """Return the problem as JSON-able data; `from_data` reads it back."""
        return {
            "domain": self.domain,
            "objects": [list(each) for each in self.objects],
            "init": [list(each) for each in self.init],
            "goal": [list(each) for each in self.goal],
        }

    def text(self, init: Iterable[Atom]) -> str:
        """Return the problem in PDDL, with other initial facts."""
        objects = "\n".join(
            name if type_ == ANYTHING else f"{name} - {type_}" for name, type_ in self.objects
        )
        facts, goal = ("\n".join(f"({' '.join(each)})" for each in part) for part in (init, self.goal))
        return (
            f"(define (problem now) (:domain {self.domain})\n(:objects\n{objects})\n"
            f"(:init\n{facts})\n(:goal (and\n{goal})))\n"
        )


def problem(
    domain_name: str, objects: Mapping[str, str], init: Iterable[Atom], goal: Iterable[Atom]
) -> Problem:
    """Return the problem that is made of these parts; `objects` maps names to types.

    Objects that repeat a constant of the domain are dropped (AgentBoard's tyreworld problems do so). Raises
    `BadData` where a part does not fit the domain, or where there is no goal or too much of anything.
    """
    of = domain(domain_name)
    things = {**of.constants, **objects}
    for name, type_ in things.items():
        if not _NAME.fullmatch(name):
            raise BadData(f"{name[:80]!r} is no name for an object")
        if type_ != of.constants.get(name, type_):
            raise BadData(f"object {name} is a {of.constants[name]} in {of.name}, not a {type_}")
        if type_ != ANYTHING and type_ not in of.supertypes:
            raise BadData(f"object {name} is of type {type_[:80]!r}, which {of.name} does not know")
    made = Problem(
        domain=of.name,
        objects=tuple(sorted((n, t) for n, t in objects.items() if n not in of.constants)),
        init=tuple(sorted(set(init))),
        goal=tuple(sorted(set(goal))),
    )
    if len(things) > MAX_OBJECTS or len(made.init) + len(made.goal) > MAX_FACTS:
        raise BadData(f"more than {MAX_OBJECTS} objects or {MAX_FACTS} facts are too many")
    if not made.goal:
        raise BadData("the goal is empty")
    for atom in (*made.init, *made.goal):
        _check(atom, of, things)
    return made


def from_data(data: Any) -> Problem:
    """Read `Problem.data` back. Raises `BadData` where it is anything else: recorded tasks are untrusted."""
    try:
        objects = [(str(name), str(type_)) for name, type_ in data["objects"]]
        init, goal = ([tuple(map(str, atom)) for atom in data[part]] for part in ("init", "goal"))
        return problem(str(data["domain"]), dict(objects), init, goal)
    except (KeyError, TypeError, ValueError) as error:
        raise BadData(f"this is no PDDL task's data: {type(error).__name__} {error}") from None


def _check(atom: Atom, of: Domain, things: Mapping[str, str]) -> None:
    shown = f"({' '.join(atom)})"[:120]
    parameters = of.predicates.get(atom[0]) if atom else None
    if parameters is None:
        raise BadData(f"{shown} is about a predicate that {of.name} does not know")
    if len(parameters) != len(atom) - 1:
        raise BadData(f"{shown} has {len(atom) - 1} arguments, not {len(parameters)}")
    for name, parameter in zip(atom[1:], parameters, strict=True):
        if name not in things:
            raise BadData(f"{shown} is about {name[:80]!r}, which is no object")
        if not of.is_a(things[name], parameter.type):
            raise BadData(f"{shown}: {name} is a {things[name]}, not a {parameter.type}")
