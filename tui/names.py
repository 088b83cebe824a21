"""Contestants' names where there is little room: the part that tells them apart stays."""

import re
from itertools import takewhile

from tui.literal import literal_line

FEWEST_SHARED = 4
"""A beginning shorter than this is not worth a sign for what is left out."""

_SEPARATOR = re.compile(r"[-+_/:=,@#\s]")


def short_name(name: str, width: int, baseline: str = "") -> str:
    """Return a name that fits into `width` cells, as one literal line.

    What it shares with the baseline's (up to a separator) is left out first. The baseline's own is cut at its
    end, any other in its middle: variants differ at their ends.
    """
    name, width = literal_line(name, 200), max(width, 1)
    if len(name) <= width:
        return name
    if name == literal_line(baseline, 200):
        return f"{name[: width - 1]}…"
    rest = beside(name, baseline)
    if len(rest) <= width:
        return rest
    head = 1 + max(width - 2, 0) // 2 if rest != name else min(3, max(width - 2, 0))
    return f"{rest[:head]}…{rest[len(rest) - max(width - head - 1, 0) :]}"


def beside(name: str, baseline: str) -> str:
    """Return a name beside its baseline's, literal: `…awq-w4g128` where both have a long beginning."""
    name, baseline = literal_line(name, 200), literal_line(baseline, 200)
    shared = _shared(name, baseline)
    return f"…{name[shared:]}" if shared >= FEWEST_SHARED else name


def _shared(name: str, baseline: str) -> int:
    """Return how long the beginning is that both have, its separator included; 0 where nothing is left."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(name, baseline, strict=False)))
    if same == len(name):
        return 0
    ends = [at.end() for at in _SEPARATOR.finditer(name, 0, same + (same == len(baseline)))]
    return ends[-1] if ends and ends[-1] < len(name) else 0
