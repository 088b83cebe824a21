"""A reply with the part marked that failed."""

from dataclasses import dataclass

AROUND_CHARS = 600
"""How much of a long reply is shown before and behind the marked part."""
MARKED_CHARS = 1_000


@dataclass(frozen=True)
class Marked:
    """A reply in three parts. `left_out` counts the characters left out in front, inside and behind."""

    before: str
    inside: str
    behind: str
    left_out: tuple[int, int, int] = (0, 0, 0)


def marked(reply: str, span: tuple[int, int], around_chars: int = AROUND_CHARS) -> Marked:
    """Return a reply with a span marked, whatever the span; what is far from it is left out.

    The parts and what is left out always add up to the reply. An empty span marks the place between the two.
    """
    start = min(max(span[0], 0), len(reply))
    end = min(max(span[1], start), len(reply))
    shown_from, shown_to = max(0, start - around_chars), min(len(reply), end + around_chars)
    inside = reply[start:end]
    return Marked(
        before=reply[shown_from:start],
        inside=inside[:MARKED_CHARS],
        behind=reply[end:shown_to],
        left_out=(shown_from, len(inside) - len(inside[:MARKED_CHARS]), len(reply) - shown_to),
    )
