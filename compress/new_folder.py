"""A folder that is there as a whole or not at all: written beside its place, then renamed."""

import errno
import fcntl
import glob
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from compress.errors import CompressError

_SPARE_BYTES = 16 * 2**20
_SURELY_LOCKED_S = 60.0
"""A folder older than this has been locked by whoever writes in it, if they are still there."""


@contextmanager
def new_folder(out: Path, size_bytes: int) -> Iterator[Path]:
    """Give a folder beside `out` that becomes `out` if all goes well, and is removed if not.

    What a killed process has left of the same folder is removed first. Raises `CompressError` where there is
    no room for `size_bytes`, or no right to write.
    """
    unfinished = out.parent / f".{out.name}.{uuid.uuid4().hex[:8]}.unfinished"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(out)
        free = shutil.disk_usage(out.parent).free
        if free < size_bytes + _SPARE_BYTES:
            raise _disk_full(out, size_bytes, free)
        unfinished.mkdir()
        with _locked(unfinished):
            yield unfinished
            _to_disk(unfinished)
            unfinished.rename(out)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _disk_full(out, size_bytes, 0) from error
        raise CompressError(f"{out} can't be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def clear_leftovers(out: Path) -> None:
    """Remove what processes that are no more have left of a folder; what can't be removed stays."""
    for left in out.parent.glob(f".{glob.escape(out.name)}.????????.unfinished"):
        with suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - left.stat().st_mtime > _SURELY_LOCKED_S:
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder, which the system lets go of when the process ends, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # file systems without such locks have none to offer to whoever clears up either
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _disk_full(out: Path, needed: int, free: int) -> CompressError:
    return CompressError(
        f"There is no room for {out}: the checkpoint takes {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB "
        "are free.",
        "Make room, or give another disk with --out.",
    )


def _to_disk(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
