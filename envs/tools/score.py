"""How far an episode has come: expected results that were obtained, or cells that are as they should be.

`faithful` scores are AgentBoard's (agentboard/environment/*_env.py), `strict` ones mend what makes a score
mean less than it says. They differ for sheets only:

- AgentBoard compares the part that both sheets have, so a sheet cut down to a matching corner scores 1;
- it gives credit for cells that were right from the start, so doing nothing scores most of a point.
"""

from collections.abc import Callable, Sequence
from typing import Any

Table = Sequence[Sequence[str]]


def obtained(
    expected: Sequence[Any], results: Sequence[Any], same: Callable[[Any, Any], bool] | None = None
) -> list[bool]:
    """Tell which expected results were obtained; each result counts for one (multiset overlap)."""
    left = list(results)
    found = []
    for wanted in expected:
        match = next((i for i, result in enumerate(left) if (same or _equal)(wanted, result)), None)
        found.append(match is not None)
        if match is not None:
            del left[match]
    return found


def matching_faithful(sheet: Table, target: Table) -> float:
    """Return the share of equal cells in the part that both sheets have; 0 where that is empty."""
    rows = min(len(sheet), len(target))
    columns = min(len(sheet[0]), len(target[0])) if rows else 0
    equal = sum(sheet[row][column] == target[row][column] for row in range(rows) for column in range(columns))
    return equal / (rows * columns) if rows and columns else 0.0


def matching_strict(sheet: Table, target: Table, start: Table) -> float:
    """Return how much of what separates `start` from `target` is mended, 0..1.

    A cell that only one of two sheets has is a difference.
    """
    to_mend = _differences(start, target)
    if to_mend == 0:
        return float(_differences(sheet, target) == 0)
    return max(0.0, 1 - _differences(sheet, target) / to_mend)


def rows_right(sheet: Table, target: Table, faithful: bool) -> list[bool]:
    """Tell which rows of the target the sheet has; `faithful` looks at the columns of the target only."""
    return [
        i < len(sheet) and list(sheet[i][: len(row)] if faithful else sheet[i]) == list(row)
        for i, row in enumerate(target)
    ]


def _differences(one: Table, other: Table) -> int:
    rows = max(len(one), len(other))
    columns = max((len(row) for row in (*one, *other)), default=0)
    return sum(
        _cell(one, row, column) != _cell(other, row, column)
        for row in range(rows)
        for column in range(columns)
    )


def _cell(table: Table, row: int, column: int) -> str | None:
    return table[row][column] if row < len(table) and column < len(table[row]) else None


def _equal(wanted: Any, result: Any) -> bool:
    return bool(wanted == result)
