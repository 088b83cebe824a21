"""Members of a zip archive that somebody else made, read without unpacking anything to the disk.

Inspect compresses its logs with Zstandard, which Python's zipfile can't read before 3.14; names of members
are never used as paths. What unpacks to more than the limits is refused when they are reached, whatever the
archive says of itself.
"""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from arena.outside.lines import BadLog

MAX_MEMBER_BYTES = 256 * 1024 * 1024
MAX_TOTAL_BYTES = 16 * 1024 * 1024 * 1024
MAX_MEMBERS = 500_000
ZSTANDARD = 93
_MAX_WINDOW_BYTES = 128 * 1024 * 1024
_LOCAL_HEADER_BYTES = 30
_ENCRYPTED = 1


class Archive:
    """An open archive. Raises `BadLog` for whatever is wrong with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._total = 0
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise BadLog(f"{path} can't be read: {error.strerror}") from None
        try:
            self._zip = ZipFile(self._file)
        except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
            self._file.close()
            raise BadLog(f"{path} is no zip archive: {error}", "was it cut?") from None
        if len(self._zip.filelist) > MAX_MEMBERS:
            self._file.close()
            raise BadLog(f"{path} holds more than {MAX_MEMBERS:,} members")

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._zip.close()
        self._file.close()

    @property
    def names(self) -> Sequence[str]:
        """The members' names, each once, in the archive's order."""
        return list(dict.fromkeys(self._zip.namelist()))

    def read(self, name: str) -> bytes:
        """Return a member's bytes. Raises `KeyError` where there is none of this name."""
        info = self._zip.getinfo(name)
        try:
            data = self._unpacked(info)
        except (BadZipFile, OSError, ValueError, EOFError, zlib.error, struct.error, RuntimeError) as error:
            raise BadLog(f"{self.path}: {name!a} can't be unpacked: {error}"[:300], "was it cut?") from None
        if len(data) > MAX_MEMBER_BYTES:
            raise BadLog(f"{self.path}: {name!a} unpacks to more than {MAX_MEMBER_BYTES:,} bytes")
        self._total += len(data)
        if self._total > MAX_TOTAL_BYTES:
            raise BadLog(f"{self.path} unpacks to more than {MAX_TOTAL_BYTES:,} bytes")
        return data

    def _unpacked(self, info: ZipInfo) -> bytes:
        if info.flag_bits & _ENCRYPTED:
            raise ValueError("it is encrypted")
        if info.compress_type in (ZIP_STORED, ZIP_DEFLATED):
            with self._zip.open(info) as member:
                return member.read(MAX_MEMBER_BYTES + 1)
        if info.compress_type != ZSTANDARD:
            raise ValueError(f"compression method {info.compress_type} is not known here")
        data = self._decompressed(info)
        if len(data) <= MAX_MEMBER_BYTES and zlib.crc32(data) != info.CRC:
            raise ValueError("its checksum is wrong")
        return data

    def _decompressed(self, info: ZipInfo) -> bytes:
        import zstandard

        self._file.seek(info.header_offset)
        header = self._file.read(_LOCAL_HEADER_BYTES)
        name_bytes, extra_bytes = struct.unpack("<HH", header[26:30])
        self._file.seek(name_bytes + extra_bytes, 1)
        packed = self._file.read(min(info.compress_size, MAX_MEMBER_BYTES))
        reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        try:
            with reader.stream_reader(packed, read_across_frames=True) as stream:
                return stream.read(MAX_MEMBER_BYTES + 1)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from None
