"""Screens compared with the text that they had when somebody last looked at them.

A snapshot is the screen's lines, as `e` exports them as text (`tui.exporting.screen_text`), in
`tests/tui/snapshots/NAME-WIDTHxHEIGHT.txt`. So a change is read in a diff like any other, and a new version
of Textual that draws the same characters in another way changes nothing. (pytest-textual-snapshot compares
SVG files of 180 kB a screen, which other versions of Textual write otherwise.)

After a change that is meant, write the snapshots anew, and read the diff:

    ARENA_SNAPSHOTS=write .venv/bin/python -m pytest tests/tui/test_snapshots.py; git diff tests/tui/snapshots
"""

import difflib
import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (120, 40), (200, 50))


def compare(name: str, size: tuple[int, int], text: str) -> None:
    """Fail with a diff where a screen is not as it was; with ARENA_SNAPSHOTS=write, keep how it is now."""
    path = FOLDER / f"{name}-{size[0]}x{size[1]}.txt"
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    if os.environ.get("ARENA_SNAPSHOTS") == "write":
        path.write_text(text, encoding="utf-8")
        return
    if not path.is_file():
        pytest.fail(f"{path} is missing: see tests/tui/snapshots.py for how to write it")
    before = path.read_text(encoding="utf-8")
    if text != before:
        changes = difflib.unified_diff(
            before.splitlines(), text.splitlines(), "as it was", "as it is", lineterm=""
        )
        pytest.fail(f"{path.name} has changed: see tests/tui/snapshots.py\n" + "\n".join(changes))
