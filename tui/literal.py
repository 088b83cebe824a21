"""Text from outside, made safe to draw (`arena/literal.py`), in one line or cut to what a widget draws.

Markup needs no care: widgets draw these strings as they are and never as Textual or Rich markup.
"""

from arena.literal import literal as literal

MAX_CHARS = 6_000
"""How much of one text is drawn; the rest is counted, not drawn."""


def literal_line(text: str, max_chars: int = 200) -> str:
    """Return text as one safe line, for names, titles and cells; what is over `max_chars` is cut."""
    line = " ".join(literal(text[: 4 * max_chars]).split())
    return line if len(line) <= max_chars else line[: max_chars - 1] + "…"


def clipped(text: str, max_chars: int = MAX_CHARS) -> tuple[str, int, str]:
    """Return a text's beginning, how many characters are left out, and its end; all of it where it is short.

    Clip before `literal`: both then cost the same, however long the text.
    """
    if len(text) <= max_chars:
        return text, 0, ""
    tail = max_chars // 4
    head = max_chars - tail
    return text[:head], len(text) - max_chars, text[-tail:]
