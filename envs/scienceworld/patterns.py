"""Subgoals of AgentBoard's labels: regular expressions from a file that nobody vouches for."""

from collections.abc import Mapping, Sequence
from typing import Any

from envs.errors import BadData

MAX_PATTERNS = 100
MAX_PATTERN_CHARS = 1000
MAX_TEXT_CHARS = 100_000
SEARCH_LIMIT_S = 1.0
"""Natural patterns take microseconds on an observation; a pattern that needs this long explodes."""


def check(where: str, patterns: Any) -> None:
    """Raise `BadData`, naming `where`, unless `patterns` is a list of regular expressions."""
    import regex  # type: ignore[import-untyped]

    if not isinstance(patterns, list) or not 0 < len(patterns) <= MAX_PATTERNS:
        raise BadData(f"{where}: subgoals must be a list of 1 to {MAX_PATTERNS} patterns")
    for pattern in patterns:
        if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN_CHARS:
            raise BadData(f"{where}: a subgoal must be a pattern of at most {MAX_PATTERN_CHARS} characters")
        try:
            regex.compile(pattern)
        except (regex.error, OverflowError, RecursionError, MemoryError) as error:
            raise BadData(f"{where}: subgoal {pattern!r} is no regular expression ({error})") from error


def search(patterns: Sequence[str], text: str) -> Mapping[str, bool]:
    """Return, for each pattern, whether it occurs in `text`.

    With the `regex` package, not `re`: its searches can be stopped. Raises `BadData` for a pattern that takes
    longer than `SEARCH_LIMIT_S`.
    """
    import regex

    found = {}
    for pattern in patterns:
        try:
            found[pattern] = bool(regex.search(pattern, text[:MAX_TEXT_CHARS], timeout=SEARCH_LIMIT_S))
        except TimeoutError:
            raise BadData(
                f"subgoal {pattern!r} takes longer than {SEARCH_LIMIT_S:g} s to search",
                "rewrite it in the labels file: repetitions within repetitions explode",
            ) from None
    return found
