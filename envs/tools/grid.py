"""One sheet: cells with values, number formats and notes; merged ranges; frozen rows.

Follows Google Sheets in what AgentBoard's tasks depend on: how numbers are shown, how rows are ordered by a
column, what merged cells show.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from envs.tools import a1
from envs.tools.formula import Value

Range = tuple[int, int, int, int]
"""First row, first column, last row, last column; from 0, ends included."""

MAX_CELL_CHARS = 500
GENERAL = "General"


@dataclass
class Cell:
    """One cell. `format` is a spreadsheet number format, such as `#,##0.00`."""

    value: Value = None
    format: str = GENERAL
    note: str = ""

    @property
    def shown(self) -> str:
        """The value as the sheet shows it."""
        if self.value is None:
            return ""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, bool):
            return str(self.value).upper()
        return format_number(self.value, self.format)


@dataclass
class Grid:
    """The cells of a sheet, in rows of any length; what lies beyond them is empty."""

    rows: list[list[Cell]] = field(default_factory=list)
    merged: list[Range] = field(default_factory=list)
    frozen_rows: int = 0

    @classmethod
    def from_json(cls, sheet: Mapping[str, Any]) -> "Grid":
        """Make a sheet of `values` (a list of rows), and by cell name `notes` and `formats`."""
        grid = cls([[Cell(value) for value in row] for row in sheet["values"]])
        for position, text in sheet.get("notes", {}).items():
            grid.cell(*a1.parse(position)).note = text
        for position, number_format in sheet.get("formats", {}).items():
            grid.cell(*a1.parse(position)).format = number_format
        grid.frozen_rows = sheet.get("frozen_rows", 0)
        return grid

    def cell(self, row: int, column: int) -> Cell:
        """Return a cell, which is made where there was none. Raises `ValueError` off the sheet."""
        a1.name(row, column)
        while len(self.rows) <= row:
            self.rows.append([])
        cells = self.rows[row]
        while len(cells) <= column:
            cells.append(Cell())
        return cells[column]

    def look(self, row: int, column: int) -> Cell:
        """Return a cell, or an empty one where there is none; only to be read."""
        if row < len(self.rows) and column < len(self.rows[row]):
            return self.rows[row][column]
        return Cell()

    def size(self) -> tuple[int, int]:
        """Return how many rows and columns hold anything."""
        filled = [
            (row, column)
            for row, cells in enumerate(self.rows)
            for column, cell in enumerate(cells)
            if cell.value not in (None, "")
        ]
        return (
            max((row for row, _ in filled), default=-1) + 1,
            max((column for _, column in filled), default=-1) + 1,
        )

    def values(self, area: Range | None = None) -> list[list[str]]:
        """Return what a range (default: all that is filled) shows; merged cells all show their first."""
        if area is None:
            rows, columns = self.size()
            area = (0, 0, rows - 1, columns - 1)
        first_row, first_column, last_row, last_column = area
        shown = [
            [self.look(row, column).shown for column in range(first_column, last_column + 1)]
            for row in range(first_row, last_row + 1)
        ]
        for top, left, bottom, right in self.merged:
            for row in range(max(top, first_row), min(bottom, last_row) + 1):
                for column in range(max(left, first_column), min(right, last_column) + 1):
                    shown[row - first_row][column - first_column] = self.look(top, left).shown
        return shown

    def insert_rows(self, at: int, rows: Sequence[Sequence[Value]]) -> None:
        """Insert rows, formatted like the row that moves down (or, at the end, the last one)."""
        filled, _ = self.size()
        if not 0 <= at < a1.MAX_ROWS or filled + len(rows) > a1.MAX_ROWS or _widest(rows) > a1.MAX_COLUMNS:
            raise ValueError("the rows don't fit on the sheet")
        while len(self.rows) < at:
            self.rows.append([])
        neighbours = self.rows[at - 1 : at] if at == filled else self.rows[at : at + 1]
        model = neighbours[0] if neighbours else []
        self.rows[at:at] = [
            [Cell(value, model[i].format if i < len(model) else GENERAL) for i, value in enumerate(row)]
            for row in rows
        ]
        del self.rows[a1.MAX_ROWS :]
        self.merged = [_moved(area, 0, at, len(rows)) for area in self.merged]

    def insert_columns(self, at: int, columns: Sequence[Sequence[Value]]) -> None:
        """Insert columns, formatted like the column that moves right (or, at the end, the last one)."""
        _, filled = self.size()
        if not 0 <= at < a1.MAX_COLUMNS or filled + len(columns) > a1.MAX_COLUMNS:
            raise ValueError("the columns don't fit on the sheet")
        if _widest(columns) > a1.MAX_ROWS:
            raise ValueError("the columns don't fit on the sheet")
        for row in range(max(len(self.rows), _widest(columns))):
            neighbour = self.look(row, at - 1 if at == filled else at).format
            self.cell(row, max(at - 1, 0))
            self.rows[row][at:at] = [
                Cell(column[row] if row < len(column) else None, neighbour) for column in columns
            ]
            del self.rows[row][a1.MAX_COLUMNS :]
        self.merged = [_moved(area, 1, at, len(columns)) for area in self.merged]

    def delete_rows(self, indices: Sequence[int]) -> None:
        """Delete rows, given by their place before any is deleted."""
        for row in sorted(set(indices), reverse=True):
            del self.rows[row : row + 1]
            self.merged = [area for old in self.merged if (area := _shrunk(old, 0, row))]

    def delete_columns(self, indices: Sequence[int]) -> None:
        """Delete columns, given by their place before any is deleted."""
        for column in sorted(set(indices), reverse=True):
            for cells in self.rows:
                del cells[column : column + 1]
            self.merged = [area for old in self.merged if (area := _shrunk(old, 1, column))]

    def sort(self, column: int, descending: bool) -> None:
        """Order the rows below the frozen ones by a column; rows that tie keep their order."""
        if any(bottom > top and bottom >= self.frozen_rows for top, _, bottom, _ in self.merged):
            raise ValueError("rows that are merged with each other can't be sorted")
        filled, _ = self.size()
        below = self.rows[self.frozen_rows : filled]
        keyed = [(_order(_at(cells, column).value), cells) for cells in below]
        some = [pair for pair in keyed if pair[0] is not None]
        none = [cells for key, cells in keyed if key is None]
        some.sort(key=_first, reverse=descending)
        self.rows[self.frozen_rows : filled] = [cells for _, cells in some] + none

    def merge(self, area: Range) -> None:
        """Merge a range: its first cell stays, the others are emptied."""
        for other in self.merged:
            if _overlap(area, other) and not _within(other, area):
                raise ValueError("the range cuts through cells that are merged already")
        self.merged = [other for other in self.merged if not _within(other, area)]
        top, left, bottom, right = area
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                if (row, column) != (top, left):
                    self.cell(row, column).value = None
        if (top, left) != (bottom, right):
            self.merged.append(area)


def format_number(number: float, number_format: str) -> str:
    """Return a number as a sheet shows it: fixed decimals, thousands and percent, or as it comes."""
    found = re.fullmatch(r"(#,##)?0(?:\.(0{1,10}))?(%)?", number_format)
    if found is None:
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else f"{number:.10g}"
    thousands, decimals, percent = found.groups()
    digits = f"{number * 100 if percent else number:{',' if thousands else ''}.{len(decimals or '')}f}"
    return digits + (percent or "")


def _order(value: Value) -> Any:
    # numbers before texts before truth values, as Google Sheets has it; None: empty, always last
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return (2, value)
    return (1, value.casefold()) if isinstance(value, str) else (0, value)


def _first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def _at(cells: Sequence[Cell], column: int) -> Cell:
    return cells[column] if column < len(cells) else Cell()


def _widest(lists: Sequence[Sequence[Value]]) -> int:
    return max(map(len, lists), default=0)


def _overlap(one: Range, other: Range) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _within(inner: Range, outer: Range) -> bool:
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def _moved(area: Range, axis: int, at: int, count: int) -> Range:
    # lines inserted before an area push it on, those inserted inside stretch it
    move: Callable[[int, int], int] = lambda line, limit: line + count if line >= limit else line  # noqa: E731
    ends = list(area)
    ends[axis], ends[axis + 2] = move(area[axis], at), move(area[axis + 2], at)
    return (ends[0], ends[1], ends[2], ends[3])


def _shrunk(area: Range, axis: int, line: int) -> Range | None:
    ends = list(area)
    ends[axis] -= line < area[axis]
    ends[axis + 2] -= line <= area[axis + 2]
    top, left, bottom, right = ends
    gone = bottom < top or right < left or (top, left) == (bottom, right)
    return None if gone else (top, left, bottom, right)
