"""Writing a run in a form that others read: JSON Lines, CSV, Parquet, or logs of Inspect."""

import difflib
import shutil
from collections.abc import Callable
from pathlib import Path

from arena.errors import StoreError, UsageError
from arena.outside.own_inspect import write_evals
from arena.outside.own_lines import write_lines
from arena.outside.own_table import write_csv, write_parquet

FORMATS = {"jsonl": ".jsonl", "inspect": "-inspect", "parquet": ".parquet", "csv": ".csv"}
"""By name: what is put behind the run's name where no other is given; Inspect's logs fill a folder.

A file's is put behind another name too where it lacks it, since an import tells the format from it.
"""


def export_run(run: Path, kind: str, out: Path | None = None) -> Path:
    """Write a run to `out` (default: beside it), and return where it is; it appears whole or not at all.

    The format's suffix is put behind the name of a file that lacks it.

    Raises `UsageError` for an unknown format and where something lies there already, `StoreError` where it
    can't be written.
    """
    if kind not in FORMATS:
        near = difflib.get_close_matches(kind, FORMATS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it is one of {', '.join(FORMATS)}"
        raise UsageError(f"there is no export format {kind!r}", hint)
    target = _suffixed(out, kind) if out else run.parent / f"{run.resolve().name}{FORMATS[kind]}"
    if target.exists():
        raise UsageError(f"{target} is there already", "choose another --out")
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)
        _WRITERS[kind](run, part)
        part.replace(target)
    except OSError as error:
        raise StoreError(
            f"{target} can't be written: {error.strerror or error}", "choose another --out"
        ) from error
    finally:
        _remove(part)
    return target


def _suffixed(out: Path, kind: str) -> Path:
    suffix = FORMATS[kind]
    is_file = suffix.startswith(".") and not out.is_dir()
    return out.with_name(out.name + suffix) if is_file and out.suffix != suffix else out


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()


def _jsonl(run: Path, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        write_lines(run, file)


def _csv(run: Path, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write_csv(run, file)


def _inspect(run: Path, path: Path) -> None:
    path.mkdir()
    write_evals(run, path)


_WRITERS: dict[str, Callable[[Path, Path], None]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": write_parquet,
    "inspect": _inspect,
}
