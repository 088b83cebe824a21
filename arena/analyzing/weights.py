"""Effective ranks of a checkpoint's weight matrices, read one at a time."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.erank import ERank, erank_weights
from arena.analyzing.models import Candidate
from arena.errors import ArenaError
from compress.checkpoint import Checkpoint
from compress.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

_LAYER = re.compile(r"\.(\d+)\.")


@dataclass(frozen=True)
class Matrix:
    """A weight matrix's effective rank. `layer` is None outside the stack of layers (embedding, head)."""

    name: str
    layer: int | None
    kind: str
    shape: tuple[int, int]
    erank: ERank


def stored_tensors(checkpoint: Checkpoint) -> "Iterator[tuple[str, Tensor]]":
    """Yield a model folder's tensors one by one as dense ones; quantized weights are unpacked layer by layer.

    Raises `ArenaError` for files that can't be read and formats that can't be unpacked.
    """
    if checkpoint.gguf:
        raise ArenaError(
            f"{checkpoint.path} is a GGUF file, whose weights are not read one by one",
            "give the model folder that it was made from",
        )
    from compress.tensor_reader import TensorReader

    try:
        with TensorReader(checkpoint) as reader:
            yield from reader.items()
    except CheckpointError as error:
        raise ArenaError(error.message, error.next_step) from error


def matrices(
    candidate: Candidate, tensors: "Iterable[tuple[str, Tensor]]", on_matrix: Callable[[str], None]
) -> Iterator[Matrix]:
    """Yield the effective rank of each weight matrix among tensors; `on_matrix` is told each name first.

    A matrix is a 2-d tensor of floats called `….weight`. Raises `ArenaError` where one is all zero or holds
    what is no number, and what `tensors` raises.
    """
    for name, tensor in tensors:
        if tensor.ndim != 2 or not name.endswith(".weight") or not tensor.is_floating_point():
            continue
        on_matrix(name)
        try:
            erank = erank_weights(_on_accelerator(tensor))
        except ValueError as error:
            raise ArenaError(f"{name} of {candidate.name}: {error}") from error
        yield Matrix(name, _layer(name), _kind(name), (tensor.shape[0], tensor.shape[1]), erank)


def differences(base: Mapping[str, Matrix], other: Mapping[str, Matrix]) -> dict[str, float]:
    """Return compressed less base for each matrix that both have in one shape, by name."""
    return {
        name: other[name].erank.value - matrix.erank.value
        for name, matrix in base.items()
        if name in other and other[name].shape == matrix.shape
    }


def _layer(name: str) -> int | None:
    found = _LAYER.search(name)
    return int(found[1]) if found else None


def _kind(name: str) -> str:
    """Return what a matrix is within its layer: `q_proj`, `down_proj`, `embed_tokens`."""
    return name.removesuffix(".weight").rpartition(".")[2]


def _on_accelerator(tensor: "Tensor") -> "Tensor":
    import torch

    return tensor.cuda() if torch.cuda.is_available() else tensor
