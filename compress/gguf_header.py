"""The header of a GGUF file: its metadata, read without numpy, torch or the tensors behind it.

The format is described in ggml's docs/gguf.md: magic, version, tensor and metadata counts, then key, type and
value of every metadata entry, little-endian, strings as a 64-bit length and UTF-8 bytes.
"""

import hashlib
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compress.errors import CheckpointError

Scalar = int | float | bool | str

_SCALAR_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING = 8
_ARRAY = 9
_MAX_NESTING = 4


@dataclass(frozen=True)
class GgufHeader:
    """`values`: numbers and strings by key. `array_hashes`: for lists (vocabulary, merges) their SHA-256."""

    values: Mapping[str, Scalar]
    array_hashes: Mapping[str, str]


def read_gguf_header(path: Path) -> GgufHeader:
    """Return the metadata of a GGUF file (version 2 or 3).

    Raises `CheckpointError` where it is not such a file, or ends too early.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).header()
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise CheckpointError(
            f"{path} is not a readable GGUF file: {error}.", "Download or convert the file again."
        ) from error


class _Reader:
    """A position in the file; every read checks what is left, so that no count in the file is believed."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def header(self) -> GgufHeader:
        if self.data[:4] != b"GGUF":
            raise ValueError("it does not start with the letters GGUF")
        self.at = 4
        version = self.number("I")
        if version not in (2, 3):
            raise ValueError(f"version {version} is unknown (2 and 3 are read)")
        self.number("Q")  # how many tensors
        values: dict[str, Scalar] = {}
        array_hashes: dict[str, str] = {}
        for _ in range(int(self.number("Q"))):
            key = self.string()
            kind = int(self.number("I"))
            if kind == _STRING:
                values[key] = self.string()
            elif kind == _ARRAY:
                start = self.at
                self.skip_array()
                array_hashes[key] = hashlib.sha256(self.data[start : self.at]).hexdigest()
            else:
                values[key] = self.number(_scalar_format(kind))
        return GgufHeader(values, array_hashes)

    def number(self, letter: str) -> int | float | bool:
        size = struct.calcsize("<" + letter)
        (value,) = struct.unpack_from("<" + letter, self.data, self.skip(size))
        return value

    def string(self) -> str:
        length = int(self.number("Q"))
        start = self.skip(length)
        return self.data[start : start + length].decode("utf-8", "replace")

    def skip(self, length: int) -> int:
        start = self.at
        if length > len(self.data) - start:
            raise ValueError("it ends in the middle of its header")
        self.at += length
        return start

    def skip_array(self, depth: int = 0) -> None:
        kind = int(self.number("I"))
        count = int(self.number("Q"))
        if kind == _STRING:
            for _ in range(count):
                self.skip(int(self.number("Q")))
        elif kind == _ARRAY:
            if depth == _MAX_NESTING:
                raise ValueError("lists in it are nested too deep")
            for _ in range(count):
                self.skip_array(depth + 1)
        else:
            self.skip(count * struct.calcsize("<" + _scalar_format(kind)))


def _scalar_format(kind: int) -> str:
    try:
        return _SCALAR_FORMATS[kind]
    except KeyError:
        raise ValueError(f"value type {kind} is unknown") from None
