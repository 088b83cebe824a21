"""The four domains: types, predicates and operators, read from the PDDL files beside this module."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from envs.errors import BadData
from envs.pddl import DOMAINS
from envs.pddl.parsing import ANYTHING, Atom, atom, conjuncts, parse


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operator or predicate."""

    name: str
    type: str


@dataclass(frozen=True)
class Operator:
    """A STRIPS operator. Atoms name parameters as `?name` and constants as they are.

    An action first deletes, then adds: a fact that it both deletes and adds is true afterwards.
    """

    name: str
    parameters: tuple[Parameter, ...]
    needs: tuple[Atom, ...]
    adds: tuple[Atom, ...]
    deletes: tuple[Atom, ...]


@dataclass(frozen=True)
class Domain:
    """A STRIPS domain with typing. `constants` maps their names to types; `text` is the PDDL."""

    name: str
    supertypes: Mapping[str, str | None]
    constants: Mapping[str, str]
    predicates: Mapping[str, tuple[Parameter, ...]]
    operators: Mapping[str, Operator]
    text: str

    def is_a(self, type_: str, wanted: str) -> bool:
        """Tell whether things of `type_` are things of type `wanted`."""
        while type_ != wanted:
            if (above := self.supertypes.get(type_)) is None:
                return wanted == ANYTHING
            type_ = above
        return True

    @property
    def fluents(self) -> frozenset[str]:
        """The predicates that some action changes; all others are as they were at the beginning."""
        return frozenset(atom[0] for each in self.operators.values() for atom in (*each.adds, *each.deletes))


@cache
def domain(name: str) -> Domain:
    """Return a domain by name. Raises `BadData` where there is none of this name."""
    if name not in DOMAINS:
        raise BadData(f"{name!r} is no PDDL domain of Arena", f"there are {', '.join(DOMAINS)}")
    return parse_domain(name, files("envs.pddl").joinpath(f"domains/{name}.pddl").read_text("utf-8"))


def parse_domain(name: str, text: str) -> Domain:
    """Read a STRIPS domain. Raises `BadData` where the text is not one."""
    from pddl.logic.base import Not

    parsed = parse("domain", text)
    operators = {}
    # the package keeps operators as a set; their order is the file's
    for action in sorted(parsed.actions, key=lambda each: _position(each.name, text)):
        effects = conjuncts(action.effect)
        operators[str(action.name)] = Operator(
            name=str(action.name),
            parameters=_parameters(action.parameters),
            needs=tuple(map(atom, conjuncts(action.precondition))),
            adds=tuple(atom(each) for each in effects if not isinstance(each, Not)),
            deletes=tuple(atom(each.argument) for each in effects if isinstance(each, Not)),
        )
    return Domain(
        name=name,
        supertypes={str(type_): above and str(above) for type_, above in parsed.types.items()},
        constants={str(each.name): str(each.type_tag or ANYTHING) for each in parsed.constants},
        predicates={str(each.name): _parameters(each.terms) for each in parsed.predicates},
        operators=operators,
        text=text,
    )


def _position(action: str, text: str) -> int:
    found = re.search(rf":action\s+{re.escape(action)}\s", text)
    return found.start() if found else len(text)


def _parameters(variables: Iterable[Any]) -> tuple[Parameter, ...]:
    return tuple(Parameter(str(each.name), str(next(iter(each.type_tags), ANYTHING))) for each in variables)
