"""Cells and ranges in A1 notation; rows and columns count from 0 here, from 1 in what users see."""

import re
from typing import Any

MAX_ROWS, MAX_COLUMNS = 200, 26

_CELL = re.compile(r"([A-Z])([1-9][0-9]{0,2})")


def parse(position: Any) -> tuple[int, int]:
    """Return row and column of a cell. Raises `ValueError` where it is not one, or not on a sheet."""
    found = _CELL.fullmatch(position.strip().upper()) if isinstance(position, str) else None
    if found is None or int(found[2]) > MAX_ROWS:
        raise ValueError(f"{str(position)[:40]!r} is not a cell: A1 to Z{MAX_ROWS} are")
    return int(found[2]) - 1, ord(found[1]) - ord("A")


def name(row: int, column: int) -> str:
    """Return the name of a cell. Raises `ValueError` where it is not on a sheet."""
    if not (0 <= row < MAX_ROWS and 0 <= column < MAX_COLUMNS):
        raise ValueError(f"a sheet has {MAX_ROWS} rows and {MAX_COLUMNS} columns, counted from 1")
    return f"{chr(ord('A') + column)}{row + 1}"


def parse_range(start: Any, end: Any) -> tuple[int, int, int, int]:
    """Return first row, first column, last row, last column of a range, whichever corners are given."""
    (row1, column1), (row2, column2) = parse(start), parse(end)
    return min(row1, row2), min(column1, column2), max(row1, row2), max(column1, column2)
