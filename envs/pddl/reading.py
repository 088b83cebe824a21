"""How text becomes an action, by AgentBoard's rule (environment/pddl_env/pddl_env.py, `text_to_action`).

The first token that names an operator which is possible now with some objects is the operator; the tokens
that name objects are its arguments, in order of appearance, cut to as many as it takes. Tokens are those of
nltk's `word_tokenize`, as far as names of operators and objects are concerned.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from envs.pddl.world import State, World

# where nltk's Treebank tokenizer cuts: brackets and most punctuation anywhere; an apostrophe at either end of
# a word or before a clitic; comma and colon unless a digit follows; a full stop at the end of a sentence
_CUTS = re.compile(
    r"""[\s\[\](){}<>;@#$%&?!*"`«»“”„\u2018\u2019\u2012-\u2015]+"""
    r"""|(?<!\w)'|'(?!\w)|'(?=(?:s|m|d|ll|re|ve)\b)"""
    r"""|--+|\.{2,}|[:,](?![0-9])|\.(?=[\])}>"'»”\u2019]*(?:\s|\Z))"""
)


@dataclass(frozen=True)
class Reading:
    """What a text names: an operator and its arguments, which need not fit or be possible."""

    operator: str
    arguments: tuple[str, ...]


def tokens(text: str) -> list[str]:
    """Split text into lower-case tokens."""
    return [token for token in _CUTS.split(text.lower()) if token]


def read(world: World, state: State, text: str) -> Reading | None:
    """Return the action that `text` names in `state`; None where operator or objects are missing."""
    return _read(world, text, lambda reading: _is_offered(world, state, reading))


def read_anywhere(world: World, text: str) -> Reading | None:
    """Return the action that `text` names, whether or not its operator is possible now."""
    return _read(world, text, lambda _: True)


def _read(world: World, text: str, accept: Callable[[Reading], bool]) -> Reading | None:
    words = tokens(text)
    objects = tuple(word for word in words if word in world.objects)
    # each name once: a text may be one name a hundred thousand times
    for word in dict.fromkeys(words):
        if (operator := world.domain.operators.get(word)) is None:
            continue
        arity = len(operator.parameters)
        reading = Reading(word, objects[:arity])
        if accept(reading):
            return reading if len(objects) >= arity else None
    return None


def _is_offered(world: World, state: State, reading: Reading) -> bool:
    # nearly always the named action is itself the proof that its operator is possible
    action = world.actions.get((reading.operator, reading.arguments))
    if action and action.is_possible(state) and len(set(reading.arguments)) == len(reading.arguments):
        return True
    return world.offers(reading.operator, state)
