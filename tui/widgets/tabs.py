"""A line of numbered views, the one on screen marked."""

from collections.abc import Sequence

from textual.content import Content


def tabs(names: Sequence[str], current: int) -> Content:
    """Return the line; `current` is the place of the view on screen (from 0)."""
    parts = [
        Content.styled(f" {number + 1} {name} ", "reverse" if number == current else "$foreground-muted")
        for number, name in enumerate(names)
    ]
    return Content(" ").join(parts)
