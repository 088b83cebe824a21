"""AgentBoard's rules for Jericho: what is looked for, and where (agentboard/environment/jericho_env.py).

A subgoal is a text. It is reached where it occurs in an observation that a command led to, once all but
letters, digits and white space has been removed from both; case counts. Each listed subgoal counts once, and
one observation reaches one at most: the first, in the label's order, that is still open. The opening text
reaches nothing. Progress is reached / all, success is all.
"""

import re
from collections.abc import Sequence

REFUSAL = "[!"
"""An observation that holds this answers an invalid action."""

_SCORE = re.compile(r"\[Your score .*?\]")
_DROPPED = re.compile(r"[^a-zA-Z0-9\s]")


def tidy(text: str) -> str:
    """Return a game's text on one line, without its notes on the score."""
    text = re.sub(" {2,}", " ", text.replace("\n", " "))
    return _SCORE.sub("", text)


def bare(text: str) -> str:
    """Return a text without all that the search for subgoals ignores."""
    return _DROPPED.sub("", text)


def reached(subgoals: Sequence[str], done: Sequence[bool], observation: str) -> int | None:
    """Return the index of the subgoal that an observation (`tidy`) reaches, or None."""
    said = bare(observation)
    for index, subgoal in enumerate(subgoals):
        if not done[index] and bare(subgoal) in said:
            return index
    return None
