"""Wanda: weights with the smallest |weight| x norm of their input become 0 (Sun et al. 2023, eq. 1).

The score of weight W_ij is |W_ij| · ‖X_j‖₂, over all calibration tokens; it is compared within a row i. The
model goes through memory block by block: what enters the next block is what the pruned one makes.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from compress.architecture import Architecture
from compress.blocks import enter, fast_type
from compress.errors import CheckpointError
from compress.plan import CompressionPlan
from compress.pruning import lowest_of_neighbours, lowest_of_rows
from compress.recipe import Wanda
from compress.tensor_reader import TensorReader


def wanda(
    architecture: Architecture,
    plan: CompressionPlan,
    recipe: Wanda,
    base: TensorReader,
    tokens: Tensor,
    on_unseen: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Yield each pruned layer's name and its weights by name, block by block.

    `tokens` [texts, tokens] are the calibration texts' ids. Layers outside of the blocks (an output layer
    that is not ignored) have no score; they are pruned last, by magnitude. So are layers whose block takes
    their weights without calling them (Mamba's dt_proj); `on_unseen` hears their names. Raises
    `CheckpointError` for weights or activations that are not finite, and where blocks can't be run.
    """
    chosen = {layer.name for layer in plan.layers}
    dtype = fast_type(getattr(torch, base.checkpoint.dtype))
    blocks, hidden = enter(architecture, base.read, tokens, dtype)
    for block in blocks:
        block.load(base.read, dtype)
        norms = _Norms()
        block.watch(hidden, norms.see)
        for name, linear in block.linears.items():
            if name not in chosen:
                continue
            weight = base.read(f"{name}.weight")
            norm = norms.of(name)
            if norm is None:
                on_unseen(name)
            pruned = weight.masked_fill(_mask(name, weight, norm, recipe), 0)
            linear.weight.copy_(pruned)
            chosen.remove(name)
            yield name, {f"{name}.weight": pruned}
        block.advance(hidden)
        block.unload()
        base.close()
    for name in sorted(chosen):
        weight = base.read(f"{name}.weight")
        yield name, {f"{name}.weight": weight.masked_fill(_mask(name, weight, None, recipe), 0)}


def scores(weight: Tensor, norms: Tensor | None) -> Tensor:
    """Return how much each weight [out, in] is missed, given the norms [in] of its inputs (None: all 1)."""
    size = weight.float().abs()
    return size if norms is None else size * norms


class _Norms:
    """Sums up the squares of the inputs of each layer; layers with the same input are summed once."""

    def __init__(self) -> None:
        self._squares: dict[str, Tensor] = {}
        self._last: tuple[Tensor, Tensor] | None = None

    def see(self, name: str, inputs: Tensor) -> None:
        if self._last is None or self._last[0].data_ptr() != inputs.data_ptr():
            self._last = (inputs, _squares(inputs))
        self._squares[name] = self._squares.get(name, 0) + self._last[1]

    def of(self, name: str) -> Tensor | None:
        """Return the norm of each input channel of a layer [in], on the CPU; None if it was never called."""
        squares = self._squares.get(name)
        return None if squares is None else squares.sqrt().float().cpu()


def _squares(inputs: Tensor) -> Tensor:
    """Return the sum of the squares of each channel of inputs [rows, in]: float64 [in]."""
    return torch.linalg.vector_norm(inputs, dim=0, dtype=torch.float32).double().square()


def _mask(name: str, weight: Tensor, norms: Tensor | None, recipe: Wanda) -> Tensor:
    how_much = scores(weight, norms)
    if not bool(how_much.isfinite().all()):
        raise CheckpointError(
            f"{name} has weights or inputs that are not finite (NaN or infinite): the model is damaged.",
            "Download or train it again.",
        )
    pattern = recipe.keep_of
    return lowest_of_neighbours(how_much, *pattern) if pattern else lowest_of_rows(how_much, recipe.sparsity)
