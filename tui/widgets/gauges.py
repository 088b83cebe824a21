"""Progress rates as text: a bar, and a sparkline of one character a turn. Readable without colour."""

from collections.abc import Sequence

from textual.content import Content

_LEVELS = "▁▂▃▄▅▆▇█"


def bar(rate: float, width: int, color: str) -> Content:
    """Return a bar of `width` cells for a rate (0..1): heavy where done, light where not."""
    rate = min(max(rate, 0.0), 1.0)
    done = int(rate * width) if rate < 1 else width
    if rate > 0 and done == 0:
        done = 1
    return Content.assemble(("━" * done, color), ("─" * (width - done), "$foreground-disabled"))


def sparkline(rates: Sequence[float], width: int, start: int | None = None) -> str:
    """Return one character a rate (0..1): the last `width`, or those from `start` on where it is given."""
    start = window(rates, width) if start is None else start
    top = len(_LEVELS) - 1
    return "".join(_LEVELS[round(min(max(rate, 0.0), 1.0) * top)] for rate in rates[start : start + width])


def window(rates: Sequence[float], width: int) -> int:
    """Return where the last `width` rates begin."""
    return max(0, len(rates) - width)
