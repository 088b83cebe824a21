"""What the commands print: JSON or tables on stdout, everything else on stderr."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.literal import literal, literal_json

_PLAIN_WIDTH = 160


def out() -> Console:
    """Return the console for results. Not a terminal: plain text, wide enough not to wrap."""
    return Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH, highlight=False)


def err() -> Console:
    """Return the console for progress and notices."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(literal_json(value, indent=2) + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """Print a table; a column whose name begins with `>` is right-aligned. Texts are shown literally."""
    shown = Text(literal(title), style="table.title") if title else None
    table = Table(title=shown, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(
            *(
                cell if isinstance(cell, Text) else Text("" if cell is None else literal(str(cell)))
                for cell in row
            )
        )
    out().print(table)


def doing(what: str) -> Text:
    """Return what is being done as a status draws it: names in it are no markup."""
    return Text(literal(what))


def say(text: str) -> None:
    """Say something to the person at the terminal (stderr), literally."""
    err().print(Text(literal(text)), soft_wrap=True)
