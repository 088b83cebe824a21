"""The string form of T-Eval's `instruct`: thought, action and arguments between marks that a record names."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

MAX_PATTERN_CHARS = 50_000
"""Marks that are regular expressions are looked for in no more of a reply than this."""


class Marked(NamedTuple):
    """What stands between the marks."""

    thought: str
    action: str
    arguments: str


def split_marked(text: str, template: Mapping[str, str], literal_marks: bool = False) -> Marked | None:
    """Return what stands between the marks of `template`, or None where they are not all there, in order.

    `template` has thought_start, thought_end, action_start, action_end, args_start and args_end. Each part is
    as long as it can be, the first one first. T-Eval (teval/utils/template.py) takes the marks for regular
    expressions, which matters for such as `[Thought]`; with `literal_marks` they mean themselves. Raises
    `ValueError` where they are no expressions.
    """
    marks = (
        template["thought_start"],
        template["thought_end"] + template["action_start"],
        template["action_end"] + template["args_start"],
        template["args_end"],
    )
    if literal_marks or all(map(_means_itself, marks)):
        return _between_literals(text, *marks)
    if any(brace in mark for mark in marks for brace in "{}"):
        raise ValueError("the original stops on braces in marks")
    try:
        patterns = [re.compile(mark, re.DOTALL) for mark in marks]
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return _between_patterns(text[:MAX_PATTERN_CHARS], patterns)


def _means_itself(mark: str) -> bool:
    return not set(mark) & set(".^$*+?{}[]\\|()")


def _between_literals(text: str, opening: str, second: str, third: str, closing: str) -> Marked | None:
    # what greedy matching finds, in linear time: every mark but the first as late as the later ones allow
    end = text.rfind(closing)
    third_at = text.rfind(third, 0, end) if end >= 0 else -1
    second_at = text.rfind(second, 0, third_at) if third_at >= 0 else -1
    start = text.find(opening, 0, second_at) if second_at >= 0 else -1
    if start < 0:
        return None
    return Marked(
        text[start + len(opening) : second_at],
        text[second_at + len(second) : third_at],
        text[third_at + len(third) : end],
    )


def _between_patterns(text: str, patterns: Sequence[re.Pattern[str]]) -> Marked | None:
    # as above; one expression for all, as the original has it, takes cubic time
    opening, second, third, closing = patterns
    last = _last_match(closing, text, len(text))
    third_at = _last_match(third, text, last.start()) if last else None
    second_at = _last_match(second, text, third_at.start()) if third_at else None
    start = opening.search(text, 0, second_at.start()) if second_at else None
    if not (start and second_at and third_at and last):
        return None
    # groups within the marks come between the parts, and the original takes the first three of all
    found = [
        *start.groups(),
        text[start.end() : second_at.start()],
        *second_at.groups(),
        text[second_at.end() : third_at.start()],
        *third_at.groups(),
        text[third_at.end() : last.start()],
    ]
    return Marked(*(part or "" for part in found[:3]))


def _last_match(pattern: re.Pattern[str], text: str, end: int) -> re.Match[str] | None:
    """Return the match that begins last among those that end no later than `end`."""
    for at in range(end, -1, -1):
        found = pattern.match(text, at, end)
        if found:
            return found
    return None
