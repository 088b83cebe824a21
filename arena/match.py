"""Matches: all contestants on one task."""

import itertools
from collections.abc import Iterator, Sequence

from arena.records import EpisodeKey


def grouped_by_match(keys: Sequence[EpisodeKey]) -> Iterator[list[EpisodeKey]]:
    """Yield the episodes of one match after the other (same task, seed and repeat), in their order."""
    for _, match in itertools.groupby(keys, key=lambda key: (key.task_hash, key.seed, key.repeat)):
        yield list(match)
