"""Where the user's copies of official data lie. `envs.official` lists, imports and verifies them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from platformdirs import user_data_path

from envs.errors import EnvsError, MissingData

_staged: ContextVar[Path | None] = ContextVar("_staged", default=None)
_left_out: ContextVar[list[str] | None] = ContextVar("_left_out", default=None)


def data_root() -> Path:
    """Return the folder of all official data: `$ARENA_DATA`, else `data` in Arena's user data folder."""
    named = os.environ.get("ARENA_DATA")
    return _staged.get() or (Path(named) if named else user_data_path("arena") / "data")


def official_folder(benchmark: str) -> Path:
    """Return the folder that holds the official data of `benchmark`: `data_root() / benchmark`.

    Raises `MissingData`, naming the folder and the command that fills it, where there is none.
    """
    folder = data_root() / benchmark
    _put_back(folder)
    if not folder.is_dir():
        raise MissingData(f"the official {benchmark} data are not in {folder}", how_to_import(benchmark))
    return folder


def how_to_import(benchmark: str) -> str:
    """Return the next step for whoever lacks official data of `benchmark`."""
    return f"arena data import {benchmark} PATH, see docs/data.md"


def replaced_folder(folder: Path) -> Path:
    """Return where an import keeps the former `folder` until its new one is in place."""
    return folder.with_name(f".{folder.name}.replaced")


@contextmanager
def reading_from(root: Path) -> Iterator[Sequence[str]]:
    """Have the benchmarks read official data from `root` meanwhile: an import tries them before it counts.

    Yields a list that fills with what the readers `leave_out`.
    """
    told: list[str] = []
    tokens = _staged.set(root), _left_out.set(told)
    try:
        yield told
    finally:
        _staged.reset(tokens[0])
        _left_out.reset(tokens[1])


def leave_out(problem: EnvsError) -> None:
    """Say why a part of a data set can't be played although the rest can; an import notes it."""
    told = _left_out.get()
    if told is not None:
        told.append(problem.message + (f": {problem.next_step}" if problem.next_step else ""))


def _put_back(folder: Path) -> None:
    # an import that was killed between its two renames leaves the old data beside their place
    if not folder.exists() and replaced_folder(folder).is_dir():
        with suppress(OSError):
            replaced_folder(folder).rename(folder)
