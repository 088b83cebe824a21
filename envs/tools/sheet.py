"""The sheet tools, over a workbook that lives as long as the episode.

From AgentBoard (agentboard/utils/sheet/sheets_tools.py), whose tools change a Google spreadsheet. Kept:
numbers in texts are stored as numbers; neither all rows nor the whole sheet can be replaced at once; failures
are ordinary results. Not kept: a formula's value is computed when it is entered and does not change with its
cells later. `check_valid_actions` is ours for the sake of the other subsets; there is no such sheet tool.
"""

import ast
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from envs.tools import a1, formula
from envs.tools.formula import Value
from envs.tools.grid import GENERAL, MAX_CELL_CHARS, Cell, Grid, Range
from envs.tools.toolkit import Refused, Toolkit

MAX_SEARCHED_CHARS = 200
"""A regular expression looks at the beginning of a cell only."""
MAX_SEARCH_STEPS = 2 * MAX_SEARCHED_CHARS**2
"""An expression that may take more for one cell is refused: one unbounded repetition and little else."""

_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_ANCHORED = re.compile(r"\^(?![*+?{])")
_REPETITION = re.compile(r"[*+?]|\{[^}]*\}?")
_BOUNDED = re.compile(r"\{(?:[0-9]*,)?[0-9]+\}")


class SheetToolkit(Toolkit):
    """A workbook. `sheets` are objects with name and what `Grid.from_json` reads; `opened` is open."""

    subset: ClassVar[str] = "sheet"

    def __init__(self, sheets: Sequence[Mapping[str, Any]], opened: str | None = None) -> None:
        self._grids = {sheet["name"]: Grid.from_json(sheet) for sheet in sheets}
        self._open: Grid | None = self._grids[opened] if opened else None

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call a tool; what a sheet can't do is refused (AgentBoard returns such errors as results)."""
        try:
            return super().call(name, arguments)
        except _Impossible as error:
            raise Refused(f"Error: {error}.") from error

    def values(self) -> list[list[str]]:
        """Return what the open sheet shows; nothing where none is open."""
        return self._open.values() if self._open else []

    def is_open(self, name: str) -> bool:
        """Tell whether the sheet of this name is the open one."""
        return self._open is not None and self._open is self._grids.get(name)

    def open_sheet(self, name: Any) -> str:
        """Open a sheet."""
        if str(name) not in self._grids:
            raise Refused(f"There is no sheet {str(name)[:40]!r}.")
        self._open = self._grids[str(name)]
        return f"<Worksheet {str(name)!r}>"

    def del_sheet(self, name: Any) -> str:
        """Delete a sheet, but not the last one."""
        if str(name) not in self._grids or len(self._grids) == 1:
            raise Refused(f"The sheet {str(name)[:40]!r} can't be deleted: it is the only one, or not there.")
        deleted = self._grids.pop(str(name))
        self._open = None if self._open is deleted else self._open
        return f"The sheet {name!s} is deleted."

    def freeze_data(self, dimension: Any, num: Any) -> str:
        """Freeze the first rows or columns; columns are never moved, so nothing depends on frozen ones."""
        grid, count = self._grid(), _whole(num, "num", 0, a1.MAX_ROWS)
        if dimension not in ("rows", "columns"):
            raise Refused("The dimension must be rows or columns.")
        if dimension == "rows":
            grid.frozen_rows = count
        return f"The first {count} {dimension} are frozen."

    def get_A1_annotation(self, row: Any, col: Any) -> str:  # noqa: N802 - the tool's published name
        """Return the name of a cell."""
        self._grid()
        return a1.name(_whole(row, "row", 1, a1.MAX_ROWS) - 1, _whole(col, "col", 1, a1.MAX_COLUMNS) - 1)

    def insert_cols(self, values_list: Any, col_idx: Any) -> list[list[str]]:
        """Insert columns."""
        grid, values = self._grid(), _table(values_list)
        return _done(grid, grid.insert_columns, _whole(col_idx, "col_idx", 1, a1.MAX_COLUMNS) - 1, values)

    def insert_rows(self, values_list: Any, row_idx: Any) -> list[list[str]]:
        """Insert rows."""
        grid, values = self._grid(), _table(values_list)
        return _done(grid, grid.insert_rows, _whole(row_idx, "row_idx", 1, a1.MAX_ROWS) - 1, values)

    def delete_batch_data(self, dimension: Any, index_list: Any) -> list[list[str]]:
        """Delete rows (but for two at least) or columns (but for one at least)."""
        grid = self._grid()
        if dimension not in ("row", "col") or not isinstance(index_list, list):
            raise Refused("The dimension must be row or col, and index_list a list.")
        rows, columns = grid.size()
        most = a1.MAX_ROWS if dimension == "row" else a1.MAX_COLUMNS
        indices = {_whole(index, "index_list", 1, most) - 1 for index in index_list}
        if len(indices) >= (rows - 1 if dimension == "row" else columns):
            raise Refused("Warning: a whole sheet can't be deleted at once.")
        return _done(grid, grid.delete_rows if dimension == "row" else grid.delete_columns, sorted(indices))

    def update_cell(self, position: Any, value: Any) -> list[list[str]]:
        """Set a cell; a text that begins with = is computed."""
        grid, entered = self._grid(), _value(value)
        cell = _cell(grid, position)
        if isinstance(entered, str) and entered.startswith("="):
            entered = formula.evaluate(entered[1:], _lookup(grid))
        cell.value = entered
        return grid.values()

    def update_cell_by_formula(
        self,
        result_position: Any,
        operator: Any,
        start_position: Any = "B1",
        end_position: Any = "D2",
        position_list: Any = None,
    ) -> list[list[str]]:
        """Put an operator's result in a cell."""
        grid = self._grid()
        result = _computed(grid, operator, start_position, end_position, position_list)
        cell = _cell(grid, result_position)
        cell.value = result.value
        if cell.format == GENERAL:
            cell.format = result.format
        return grid.values()

    def update_range(self, start_position: Any, end_position: Any, values_list: Any) -> list[list[str]]:
        """Set the cells of a range, which may be larger than what is given for it."""
        grid, area, values = self._grid(), _range(start_position, end_position), _table(values_list)
        top, left, bottom, right = area
        rows, columns = grid.size()
        if area == (0, 0, rows - 1, columns - 1):
            raise Refused("Warning: a whole sheet can't be updated at once.")
        if len(values) > bottom - top + 1 or any(len(row) > right - left + 1 for row in values):
            raise Refused("Error: there are more values than cells in the range.")
        for row, cells in enumerate(values, top):
            for column, value in enumerate(cells, left):
                grid.cell(row, column).value = value
        return grid.values()

    def sort_sheet_by_col(self, col_num: Any, order: Any) -> list[list[str]]:
        """Sort the rows that are not frozen."""
        grid, column = self._grid(), _whole(col_num, "col_num", 1, a1.MAX_COLUMNS) - 1
        if order not in ("asc", "des"):
            raise Refused("The order must be asc or des.")
        return _done(grid, grid.sort, column, order == "des")

    def merge_cells(self, start_position: Any, end_position: Any) -> list[list[str]]:
        """Merge a range."""
        grid = self._grid()
        return _done(grid, grid.merge, _range(start_position, end_position))

    def update_note(self, position: Any, content: Any) -> str:
        """Set a cell's note."""
        cell = _cell(self._grid(), position)
        if not isinstance(content, str) or len(content) > MAX_CELL_CHARS:
            raise Refused(f"A note is a text of at most {MAX_CELL_CHARS} characters.")
        cell.note = content
        return f"The note of {position} is now: {content}"

    def get_all_values(self) -> list[list[str]]:
        """Return what the sheet shows."""
        return self._grid().values()

    def get_range_values(self, start_position: Any, end_position: Any) -> list[list[str]]:
        """Return what a range shows."""
        return self._grid().values(_range(start_position, end_position))

    def get_cell_value(self, position: Any) -> str | None:
        """Return what a cell shows; None where it is empty."""
        return self._grid().look(*_position(position)).shown or None

    def get_value_by_formula(
        self,
        operator: Any,
        start_position: Any = "B1",
        end_position: Any = "D2",
        position_list: Any = None,
    ) -> str:
        """Return an operator's result as a cell would show it."""
        grid = self._grid()
        return _computed(grid, operator, start_position, end_position, position_list).shown

    def filter_cells(self, query: Any, in_row: Any = None, in_column: Any = None) -> list[str]:
        """Return the names of the cells that match."""
        grid, matches = self._grid(), _matcher(query)
        only_row = None if in_row is None else _whole(in_row, "in_row", 1, a1.MAX_ROWS) - 1
        only_column = None if in_column is None else _whole(in_column, "in_column", 1, a1.MAX_COLUMNS) - 1
        rows, columns = grid.size()
        return [
            a1.name(row, column)
            for row in (range(rows) if only_row is None else (only_row,))
            for column in (range(columns) if only_column is None else (only_column,))
            if matches(grid.look(row, column).shown)
        ]

    def get_note(self, position: Any) -> str:
        """Return a cell's note."""
        return self._grid().look(*_position(position)).note

    def finish(self, answer: Any = None) -> list[list[str]]:
        """Return what the sheet shows."""
        return self._grid().values()

    def _grid(self) -> Grid:
        if self._open is None:
            raise Refused("No sheet is open: open one first.")
        return self._open


class _Impossible(Exception):
    """What a sheet can't do; the message says why."""


def _done(grid: Grid, change: Any, *arguments: Any) -> list[list[str]]:
    try:
        change(*arguments)
    except ValueError as error:
        raise _Impossible(str(error)) from error
    return grid.values()


def _position(position: Any) -> tuple[int, int]:
    try:
        return a1.parse(position)
    except ValueError as error:
        raise _Impossible(str(error)) from error


def _cell(grid: Grid, position: Any) -> Cell:
    return grid.cell(*_position(position))


def _range(start: Any, end: Any) -> Range:
    try:
        return a1.parse_range(start, end)
    except ValueError as error:
        raise _Impossible(str(error)) from error


def _whole(value: Any, name: str, least: int, most: int) -> int:
    try:
        number = int(value)
    except (OverflowError, TypeError, ValueError):
        raise _Impossible(f"{name} must be a whole number") from None
    if not least <= number <= most:
        raise _Impossible(f"{name} must be in {least}..{most}")
    return number


def _table(values_list: Any) -> list[list[Value]]:
    if not isinstance(values_list, list) or not all(isinstance(row, list) for row in values_list):
        raise Refused("Error: values_list must be a list of lists.")
    return [[_value(value) for value in row] for row in values_list]


def _value(value: Any) -> Value:
    if isinstance(value, str) and len(value) > MAX_CELL_CHARS:
        raise _Impossible(f"a cell holds at most {MAX_CELL_CHARS} characters")
    if value is None:
        return None
    if not isinstance(value, str | int | float):
        raise _Impossible("a cell holds a text or a number")
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return str(value)[:MAX_CELL_CHARS]
    return number if math.isfinite(number) else str(value)


def _lookup(grid: Grid) -> formula.Lookup:
    def values(start: str, end: str) -> list[Value]:
        try:
            top, left, bottom, right = a1.parse_range(start, end)
        except ValueError:
            raise formula.FormulaError("#REF!") from None
        return [
            grid.look(row, column).value
            for row in range(top, bottom + 1)
            for column in range(left, right + 1)
        ]

    return values


def _computed(grid: Grid, operator: Any, start: Any, end: Any, positions: Any) -> Cell:
    if operator not in formula.OPERATORS:
        raise Refused(f"The operator must be one of {', '.join(formula.OPERATORS)}.")
    values = _lookup(grid)
    if positions is None:
        first = _range(start, end)[:2]
        result = formula.apply(operator, [values(start, end)])
    else:
        if not isinstance(positions, list) or not 0 < len(positions) <= a1.MAX_ROWS:
            raise Refused("position_list must be a list of cells.")
        first, *_ = [_position(position) for position in positions]
        result = formula.apply(operator, [values(position, position) for position in positions])
    # as in Google Sheets, most results are shown like the cells that they come from
    return Cell(result, GENERAL if operator in ("COUNT", "PRODUCT") else grid.look(*first).format)


def _matcher(query: Any) -> Any:
    text = str(query)[:MAX_CELL_CHARS]
    if not text.startswith("re.compile("):
        return lambda shown: shown == text and shown != ""
    pattern = _compiled(text)
    return lambda shown: shown != "" and pattern.search(shown[:MAX_SEARCHED_CHARS]) is not None


def _compiled(text: str) -> re.Pattern[str]:
    try:
        pattern = ast.literal_eval(text.removeprefix("re.compile(").rstrip().removesuffix(")"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise _Impossible("the query is not re.compile('…')") from None
    if isinstance(pattern, str):  # a search begins anywhere, so that "anything" in front changes nothing
        pattern = re.sub(r"^\.\*(?![*+?{])", "", pattern)
    if not isinstance(pattern, str) or _costly(pattern):
        raise _Impossible("the regular expression is too complex: few repetitions, none of groups")
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise _Impossible(f"the regular expression is broken: {error}") from None


def _costly(pattern: str) -> bool:
    # matching time explodes with repeated groups, back references and repetitions behind each other: a
    # model's expression may have none of the first two, and of the last as many as MAX_SEARCH_STEPS allow
    plain = re.sub(r"\\[^1-9]", "x", pattern)
    return (
        len(pattern) > 100
        or re.search(r"\)[*+?{]|\(\?|\\", plain) is not None
        or _search_steps(plain) > MAX_SEARCH_STEPS
    )


def _search_steps(pattern: str) -> int:
    """Return in how many ways, at most, a pattern without escapes can be tried on a cell."""
    pattern = _CLASS.sub("x", pattern).removesuffix(".*")  # which matches at once
    if "(" not in pattern:
        return sum(_chain_steps(chain, _ANCHORED.match(chain) is not None) for chain in pattern.split("|"))
    choices = pattern.count("|")
    anchored = _ANCHORED.match(pattern) is not None and not choices
    return 2**choices * _chain_steps(pattern, anchored)  # the alternatives of several groups multiply


def _chain_steps(chain: str, anchored: bool) -> int:
    steps = 1 if anchored else MAX_SEARCHED_CHARS
    for times in _REPETITION.findall(chain):
        numbers = [int(digits) for digits in re.findall("[0-9]+", times)]
        if times == "?":
            numbers = [2]
        elif not _BOUNDED.fullmatch(times):
            numbers.append(MAX_SEARCHED_CHARS)
        steps *= max(1, *numbers)
    return steps
