"""Writing one safetensors file tensor by tensor, so that a model is never in memory as a whole.

The format: 8 bytes that say how long the header is (little-endian), a JSON header that gives each tensor's
type, shape and place, then the tensors' bytes in row order.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_BYTES = {
    "F64": 8,
    "I64": 8,
    "F32": 4,
    "I32": 4,
    "F16": 2,
    "BF16": 2,
    "I16": 2,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}
STORED_TYPES = frozenset(_BYTES)
"""The types that can be written, by their safetensors names."""
_ALIGNMENT = 8


@dataclass(frozen=True)
class Slot:
    """What a tensor is stored as: `dtype` by its safetensors name (`BF16`, `I32`, …), and its shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """Size of the tensor's bytes."""
        size = _BYTES[self.dtype]
        for width in self.shape:
            size *= width
        return size


def file_size_bytes(slots: Mapping[str, Slot]) -> int:
    """Return the exact size of a safetensors file with these tensors."""
    return 8 + len(_header(slots)) + sum(slot.size_bytes for slot in slots.values())


class TensorFile:
    """A safetensors file that is being written; every tensor is known beforehand and written once.

    Raises `OSError` where the disk is full.
    """

    def __init__(self, path: Path, slots: Mapping[str, Slot]) -> None:
        header = _header(slots)
        self._slots = slots
        self._starts = _starts(slots, 8 + len(header))
        self._left = set(slots)
        self._file: IO[bytes] = path.open("wb")
        self._file.write(struct.pack("<Q", len(header)) + header)

    def __enter__(self) -> "TensorFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        if error is None and self._left:
            raise AssertionError(f"{len(self._left)} tensors were not written, {min(self._left)} among them")

    def write(self, name: str, tensor: "Tensor") -> None:
        """Write a tensor; its type and shape must be those of its slot."""
        import torch

        slot = self._slots[name]
        data = tensor.detach().cpu().contiguous()
        assert tuple(data.shape) == slot.shape, (name, tuple(data.shape), slot)
        assert torch_type(slot.dtype) == data.dtype, (name, data.dtype, slot)
        self._file.seek(self._starts[name])
        self._file.write(memoryview(data.reshape(-1).view(torch.uint8).numpy()))
        self._left.remove(name)


def torch_type(name: str) -> object:
    """Return the torch type of a safetensors type's name."""
    import torch

    return {
        "F64": torch.float64,
        "I64": torch.int64,
        "F32": torch.float32,
        "I32": torch.int32,
        "F16": torch.float16,
        "BF16": torch.bfloat16,
        "I16": torch.int16,
        "F8_E4M3": torch.float8_e4m3fn,
        "F8_E5M2": torch.float8_e5m2,
        "I8": torch.int8,
        "U8": torch.uint8,
        "BOOL": torch.bool,
    }[name]


def _ordered(slots: Mapping[str, Slot]) -> list[str]:
    # wide types first, so that each tensor begins at a multiple of its own width
    return sorted(slots, key=lambda name: (-_BYTES[slots[name].dtype], name))


def _starts(slots: Mapping[str, Slot], begin: int) -> dict[str, int]:
    starts = {}
    for name in _ordered(slots):
        starts[name] = begin
        begin += slots[name].size_bytes
    return starts


def _header(slots: Mapping[str, Slot]) -> bytes:
    starts = _starts(slots, 0)
    table: dict[str, object] = {"__metadata__": {"format": "pt"}}
    for name in _ordered(slots):
        slot, start = slots[name], starts[name]
        table[name] = {
            "dtype": slot.dtype,
            "shape": list(slot.shape),
            "data_offsets": [start, start + slot.size_bytes],
        }
    text = json.dumps(table, separators=(",", ":"), ensure_ascii=False).encode()
    return text + b" " * (-len(text) % _ALIGNMENT)
