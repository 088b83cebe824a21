"""Files out of a folder, an archive or a single file, none of which is trusted.

Nothing is unpacked to a path that an archive names: the caller gets each file's path as text and its bytes as
a stream, and decides where they go. An archive with absolute paths, `..`, links or devices is refused as a
whole, and so is one that is larger unpacked than any data set is.
"""

import errno
import gzip
import io
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from envs.errors import BadData, MissingData

MAX_ENTRIES = 500_000
MAX_UNPACKED_BYTES = 16 * 2**30
MAX_HEADER_BYTES = 2**20
"""Longest piece that a tar file is read in: names and other headers are never that long."""

_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib")
_TARS: dict[str, Callable[..., Any]] = {".tar": open, ".tar.gz": gzip.open, ".tgz": gzip.open}
_IGNORED = ("__MACOSX",)
_CHUNK = 2**18
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression that zipfile doesn't know
    OverflowError,
    RecursionError,
    RuntimeError,  # an encrypted member
    ValueError,
)


@dataclass(frozen=True)
class Entry:
    """A file in a source: its path there (`/`-separated), how to name it to people, and its bytes.

    An archive's entry can be opened only before the next one is asked for.
    """

    path: str
    origin: str
    open: Callable[[], IO[bytes]]


def entries(source: Path) -> Iterator[Entry]:
    """Yield the files of a folder or archive, or the one file that `source` is; hidden files are left out.

    Raises `MissingData` where there is nothing, `BadData` where an archive is broken, too large or plays
    tricks with paths, and for pickles, which can't be read without running what is in them.
    """
    name = source.name.lower()
    if source.is_dir():
        yield from _folder(source)
    elif not source.exists():
        raise MissingData(f"there is no {source}", "name a folder, an archive (.zip, .tar.gz) or a file")
    elif name.endswith(_PICKLES):
        raise BadData(f"{source} is a pickle: reading it would run what is in it", "import the data as text")
    elif not source.is_file():
        raise BadData(f"{source} is neither a file nor a folder")
    elif name.endswith(".zip"):
        with _said_plainly(source):
            yield from _zip(source)
    elif suffix := next((each for each in _TARS if name.endswith(each)), None):
        with _said_plainly(source):
            yield from _tar(source, _TARS[suffix])
    else:
        yield Entry(f"{source.absolute().parent.name}/{source.name}", str(source), _opener(source))


def copy(entry: Entry, target: Path, max_bytes: int) -> None:
    """Write an entry's bytes to a new file. Raises `BadData` where they are over `max_bytes` or broken."""
    copied = 0
    with _said_plainly(entry.origin), entry.open() as stream, target.open("xb") as out:
        while chunk := stream.read(_CHUNK):
            copied += len(chunk)
            if copied > max_bytes:
                raise BadData(f"{entry.origin} is larger than {max_bytes:,} bytes", "is it the right file?")
            out.write(chunk)


def _folder(source: Path) -> Iterator[Entry]:
    top, count = source.resolve(), 0
    for folder, subfolders, names in os.walk(top):
        subfolders[:] = sorted(name for name in subfolders if not _ignored(name))
        for name in sorted(names):
            count += 1
            if count > MAX_ENTRIES:
                raise BadData(
                    f"{source} holds more than {MAX_ENTRIES:,} files", "name the data set's own folder"
                )
            path = Path(folder, name)
            if not _ignored(name) and path.is_file():
                inner = path.relative_to(top).as_posix()
                yield Entry(f"{top.name}/{inner}", str(path), _opener(path, top))


def _opener(path: Path, top: Path | None = None) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        if top and not path.resolve().is_relative_to(top):
            raise BadData(f"{path} is a link that leads out of {top}", "copy the files it leads to (cp -rL)")
        return path.open("rb")

    return opened


def _zip(source: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        if len(members) > MAX_ENTRIES:
            raise BadData(f"{source} holds more than {MAX_ENTRIES:,} files", "is it a zip bomb?")
        unpacked = 0
        for member in members:
            path = _safe(source, member.filename)
            mode = stat.S_IFMT(member.external_attr >> 16)
            if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _no_plain_file(source, member.filename)
            unpacked = _counted(source, unpacked + member.file_size)
            if not member.filename.endswith("/") and path and not any(map(_ignored, path.split("/"))):
                yield Entry(path, f"{source}:{path}", partial(archive.open, member))


def _tar(source: Path, opened: Callable[..., Any]) -> Iterator[Entry]:
    with opened(source, "rb") as stream, tarfile.open(fileobj=_Bounded(source, stream), mode="r:") as archive:
        unpacked = 0
        for count, member in enumerate(archive):
            if count >= MAX_ENTRIES:
                raise BadData(f"{source} holds more than {MAX_ENTRIES:,} files", "is it an archive bomb?")
            path = _safe(source, member.name)
            if not (member.isreg() or member.isdir()) or member.issparse():
                raise _no_plain_file(source, member.name)
            unpacked = _counted(source, unpacked + member.size)
            if member.isreg() and not any(map(_ignored, path.split("/"))):
                yield Entry(path, f"{source}:{path}", partial(_extracted, archive, member))
            archive.members.clear()  # type: ignore[attr-defined]  # else they pile up


def _extracted(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    assert stream  # only regular files are asked for
    return stream


class _Bounded(io.BufferedIOBase):
    """A stream that can't be made to read a huge header into memory."""

    def __init__(self, source: Path, stream: IO[bytes]) -> None:
        self._source, self._stream = source, stream

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int | None = -1) -> bytes:
        size = -1 if size is None else size
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise BadData(f"{self._source} has a header of {size:,} bytes", "is it an archive bomb?")
        return self._stream.read(size)


def _safe(source: Path, path: str) -> str:
    parts = PurePosixPath(path).parts
    tricky = path.startswith("/") or ".." in parts or "\\" in path or PureWindowsPath(path).drive
    if tricky or "\0" in path:
        raise BadData(
            f"{source} holds {path[:200]!r}, a path that could lead out of its folder",
            "get the archive from its publisher again",
        )
    return "/".join(parts)


def _no_plain_file(source: Path, path: str) -> BadData:
    return BadData(
        f"{source} holds {path[:200]!r}, which is a link or a device",
        "unpack it where you trust it, and import the folder",
    )


def _counted(source: Path, unpacked: int) -> int:
    if unpacked > MAX_UNPACKED_BYTES:
        raise BadData(
            f"{source} would unpack to more than {MAX_UNPACKED_BYTES / 2**30:g} GiB", "is it an archive bomb?"
        )
    return unpacked


def _ignored(name: str) -> bool:
    return name.startswith(".") or name in _IGNORED


@contextmanager
def _said_plainly(source: object) -> Iterator[None]:
    try:
        yield
    except (OSError, *_BROKEN) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk's fault; an archive's own have no number, or seek to before its start
        raise BadData(f"{source} is broken: {str(error)[:200] or type(error).__name__}") from error
