"""Whole numbers of 1 to 8 bits in a row, packed into int32 words without gaps.

The layout is that of compressed-tensors' `pack-quantized` format: a number q of b bits is stored as
q + 2^(b-1), its lowest bit first, the numbers of a row one after another through its words; the last word of
a row is filled up with zeros. So 32 numbers take exactly b words, and where the n-th of them lies is the same
in all of them: numbers are moved column by column.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

_WORD_BITS = 32


def packed_width(numbers: int, bits: int) -> int:
    """Return how many words `numbers` numbers of `bits` bits take."""
    return -(-numbers * bits // _WORD_BITS)


def pack(numbers: Tensor, bits: int) -> Tensor:
    """Return numbers [rows, n] (int8, from -2^(bits-1) to 2^(bits-1)-1) as words [rows, n·bits/32] int32."""
    rows, width = numbers.shape
    periods = -(-width // _WORD_BITS)
    padded = np.zeros((rows, periods * _WORD_BITS), dtype=np.uint32)
    padded[:, :width] = numbers.cpu().numpy().astype(np.int32) + (1 << (bits - 1))
    columns = padded.reshape(rows, periods, _WORD_BITS)
    words = np.zeros((rows, periods, bits), dtype=np.uint32)
    for number, word, shift, left in _places(bits):
        words[:, :, word] |= columns[:, :, number] << shift
        if left:
            words[:, :, word + 1] |= columns[:, :, number] >> left
    packed = words.reshape(rows, periods * bits)[:, : packed_width(width, bits)]
    return torch.from_numpy(np.ascontiguousarray(packed).view(np.int32))


def unpack(words: Tensor, bits: int, width: int) -> Tensor:
    """Return the numbers [rows, width] (int8) that `pack` packed into words [rows, width·bits/32]."""
    rows = len(words)
    periods = -(-width // _WORD_BITS)
    padded = np.zeros((rows, periods * bits), dtype=np.uint32)
    padded[:, : words.shape[1]] = words.cpu().contiguous().numpy().view(np.uint32)
    packed = padded.reshape(rows, periods, bits)
    columns = np.empty((rows, periods, _WORD_BITS), dtype=np.int8)
    mask, offset = np.uint32((1 << bits) - 1), 1 << (bits - 1)
    for number, word, shift, left in _places(bits):
        value = packed[:, :, word] >> shift
        if left:
            value |= packed[:, :, word + 1] << left
        columns[:, :, number] = (value & mask).astype(np.int16) - offset
    return torch.from_numpy(np.ascontiguousarray(columns.reshape(rows, -1)[:, :width]))


def _places(bits: int) -> Iterator[tuple[int, int, np.uint32, np.uint32 | None]]:
    """Yield where each of 32 numbers lies: its index, its word, its shift, and where it goes on.

    The last is how many of its bits fit into that word if the others lie in the next, None if they all fit.
    """
    for number in range(_WORD_BITS):
        word, shift = divmod(number * bits, _WORD_BITS)
        crosses = shift + bits > _WORD_BITS
        yield number, word, np.uint32(shift), np.uint32(_WORD_BITS - shift) if crosses else None
