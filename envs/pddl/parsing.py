"""All that we ask of the `pddl` package: reading PDDL text."""

import sys
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import Any, Literal

from envs.errors import BadData

Atom = tuple[str, ...]
"""A fact, or the pattern of one: a predicate and its arguments (variables begin with `?`)."""

ANYTHING = "object"
"""The type that all types belong to; untyped things have no other."""

# the parsers keep state from text to text, and sys.tracebacklimit changed while they read
_one_at_a_time = Lock()

# what the package raises on broken text has no common base
_COMPLAINTS = (
    RecursionError,
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
)


def parse(kind: Literal["domain", "problem"], text: str) -> Any:
    """Return the `pddl` package's object for a text. Raises `BadData` where it can't be read."""
    from lark.exceptions import LarkError
    from pddl.exceptions import PDDLError

    with _one_at_a_time:
        limit = getattr(sys, "tracebacklimit", None)
        try:
            return _parser(kind)(text)
        except (LarkError, PDDLError, *_COMPLAINTS) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise BadData(f"this is not the PDDL of a {kind}: {reason}") from None
        finally:
            sys.tracebacklimit = limit


@cache
def _parser(kind: str) -> Any:
    from pddl.parser.domain import DomainParser
    from pddl.parser.problem import ProblemParser

    return DomainParser() if kind == "domain" else ProblemParser()


def conjuncts(formula: Any) -> Sequence[Any]:
    """Return what a conjunction joins; anything else stands alone."""
    from pddl.logic.base import And

    return formula.operands if isinstance(formula, And) else (formula,)


def atom(formula: Any) -> Atom:
    """Return a positive literal as plain strings. Raises `BadData` where it is something else."""
    from pddl.logic.predicates import Predicate
    from pddl.logic.terms import Variable

    if not isinstance(formula, Predicate):
        # not the formula itself: writing out a deep one takes as deep a recursion
        raise BadData(f"there is a {type(formula).__name__} where only plain facts may be")
    terms = (f"?{term.name}" if isinstance(term, Variable) else str(term.name) for term in formula.terms)
    return (str(formula.name), *terms)
