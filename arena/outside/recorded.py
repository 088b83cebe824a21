"""What every reader of a log yields: episodes in our words, and nothing that the log doesn't hold."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from arena.outside.lines import BadLog, whole
from arena.records import Turn

MEASURES = ("progress", "grounding", "turns", "tokens")
"""What a log may lack and a report would otherwise show as 0. Success is lacking where progress is."""


@dataclass(frozen=True)
class Recorded:
    """One episode of a log.

    `index` is the log's own id of the task within its benchmark and `content` the hash of what was asked;
    one of them may be empty, and tasks of two logs are paired by them. `progress` (0..1) is None where the
    log has no score, `theirs` holds the log's scores by name, `grading` says how `progress` came about.
    `has_grounding` tells whether the turns say if their actions took effect; where only the episode's share
    of valid turns is known, that is `grounding`. `has_tokens` tells whether tokens are counted, `has_turns`
    whether there are turns. `error` says why the episode has no score that counts.
    """

    contestant: str
    benchmark: str
    index: str
    content: str
    turns: Sequence[Turn]
    repeat: int = 0
    goal: str = ""
    first_observation: str = ""
    progress: float | None = None
    success: bool = False
    theirs: Mapping[str, Any] = field(default_factory=dict)
    grading: Mapping[str, Any] = field(default_factory=dict)
    grounding: float | None = None
    has_grounding: bool = False
    has_tokens: bool = False
    has_turns: bool = True
    error: str = ""
    model: Mapping[str, Any] = field(default_factory=dict)

    @property
    def absent(self) -> list[str]:
        """Which of `MEASURES` the log doesn't hold."""
        has = {
            "progress": self.progress is not None,
            "grounding": self.has_grounding or self.grounding is not None,
            "turns": self.has_turns,
            "tokens": self.has_tokens,
        }
        return [name for name in MEASURES if not has[name]]


WORDS = {"c": 1.0, "p": 0.5, "i": 0.0, "n": 0.0, "true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
"""What letters and words mean as a score, as Inspect's value_to_float has it; so may numbers be texts."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")


def as_number(value: Any, place: str) -> float | None:
    """Return a score as a number; None where it is none. Raises `BadLog` for NaN and infinities."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and (word := value.strip().lower()) in WORDS:
        return WORDS[word]
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return None
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadLog(f"{place}: a score is {number}", "mend the log, or leave this sample out")
    return number


def flat_scores(scores: Mapping[str, Any], place: str) -> dict[str, float]:
    """Return all scores that are numbers, by name; those of a group as `group.name`."""
    found: dict[str, float] = {}
    for name, value in scores.items():
        parts = (
            {f"{name}.{key}": each for key, each in value.items()}
            if isinstance(value, dict)
            else {name: value}
        )
        for each, one in parts.items():
            number = as_number(one, place)
            if number is not None:
                found[each] = number
    return found


def text_of(value: Any, place: str, what: str) -> str:
    """Return a text of a log. Raises `BadLog` where it is none."""
    if not isinstance(value, str):
        raise BadLog(f"{place}: {what} is no text")
    return whole(value)


def object_of(value: Any, place: str, what: str) -> dict[str, Any]:
    """Return an object of a log. Raises `BadLog` where it is none."""
    if not isinstance(value, dict):
        raise BadLog(f"{place}: {what} is no object")
    return value


def list_of(value: Any, place: str, what: str) -> list[Any]:
    """Return a list of a log. Raises `BadLog` where it is none."""
    if not isinstance(value, list):
        raise BadLog(f"{place}: {what} is no list")
    return value
