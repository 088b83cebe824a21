"""Finds the loop at the end of a degenerate reply: one unit, over and over, up to the last character."""

from dataclasses import dataclass

from arena.protocol.base import Failure, FailureKind
from arena.protocol.quoting import Span, excerpt

MIN_REPEATS = 4
MIN_CHARS = 40
WINDOW_CHARS = 4096
"""A unit of more than a quarter of this is not looked for."""


@dataclass(frozen=True)
class Loop:
    """The loop's place, its unit (as it first stands there), and how many times it is there in full."""

    span: Span
    unit: str
    repeats: int


def repeated(reply: str, body: str | None = None) -> Failure | None:
    """Return the failure that a degenerate reply is: one that ends in a loop. None where it does not.

    `body` is the reply with blanks in place of its thoughts: those are no loop.
    """
    loop = tail_loop(reply if body is None else body)
    if loop is None or (body is not None and reply[slice(*loop.span)] != body[slice(*loop.span)]):
        return None
    return Failure(FailureKind.REPEATED, loop.span, "an end", f"{excerpt(loop.unit)!r} {loop.repeats} times")


def tail_loop(text: str) -> Loop | None:
    """Return the loop with the shortest unit that `text` ends in, or None.

    The unit stands there at least `MIN_REPEATS` times, over at least `MIN_CHARS` characters; it may be cut
    anywhere, since replies are cut at a token. Linear: a Z-function of the reversed tail, then one walk.
    """
    tail = text[: -WINDOW_CHARS - 1 : -1]
    matches = _z_function(tail)
    for period in range(1, len(tail) // MIN_REPEATS + 1):
        if period + matches[period] >= max(MIN_REPEATS * period, MIN_CHARS):
            start = len(text) - period - matches[period]
            while start > 0 and text[start - 1] == text[start - 1 + period]:
                start -= 1
            return Loop((start, len(text)), text[start : start + period], (len(text) - start) // period)
    return None


def _z_function(text: str) -> list[int]:
    """Return, for each i, how many characters from i on equal the text's beginning (Gusfield 1997, 1.4)."""
    z = [0] * len(text)
    left = right = 0
    for i in range(1, len(text)):
        if i < right:
            z[i] = min(right - i, z[i - left])
        while i + z[i] < len(text) and text[z[i]] == text[i + z[i]]:
            z[i] += 1
        if i + z[i] > right:
            left, right = i, i + z[i]
    return z
