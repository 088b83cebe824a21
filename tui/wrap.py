"""Folds text into lines of a terminal's cells; fast enough to do again for every streamed token."""

import re

from rich.cells import split_graphemes

_ONE_CELL_EACH = re.compile("[ -~\xa1-\xac\xae-\u02ff\u0370-\u0377\u037a-\u037f\u0400-\u0482\u2010-\u2027\u2400-\u2426\u2500-\u259f\u2713\u2717]*")  # fmt: skip # noqa: E501


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of `text`, each `width` cells at most; breaks at spaces, else anywhere.

    `text` must be literal (see `tui.literal`). Spaces at a break are dropped, indentation stays.
    """
    width = max(width, 2)  # a wide character needs two
    lines: list[str] = []
    for line in text.split("\n"):
        if _ONE_CELL_EACH.fullmatch(line):
            _fold_narrow(line, width, lines)
        else:
            _fold_wide(line, width, lines)
    return lines


def _fold_narrow(line: str, width: int, lines: list[str]) -> None:
    start = 0
    while len(line) - start > width:
        end = line.rfind(" ", start, start + width + 1)
        if end <= start or line[start:end].isspace():
            end = start + width
        lines.append(line[start:end])
        start = end
        while start < len(line) and line[start] == " ":
            start += 1
    lines.append(line[start:])


def _fold_wide(line: str, width: int, lines: list[str]) -> None:
    graphemes, _ = split_graphemes(line)
    start, cells, space = 0, 0, -1
    cells_at_space = 0
    for begin, end, size in graphemes:
        if cells + size > width:
            if space > start:
                lines.append(line[start:space])
                start, cells = space + 1, cells - cells_at_space
            else:
                lines.append(line[start:begin])
                start, cells = begin, 0
            space = -1
        cells += size
        if line[begin:end] == " ":
            space, cells_at_space = begin, cells
    lines.append(line[start:])
