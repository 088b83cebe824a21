"""How far each compressed layer is from its base: measured on text that took no part in calibration."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from compress.architecture import Architecture
from compress.blocks import Block, enter
from compress.pruning import has_pattern
from compress.recipe import Awq, Recipe, SmoothQuant
from compress.tensor_reader import TensorReader

RESCALED = (Awq, SmoothQuant)
"""Recipes that scale a layer's inputs and undo it in its weights: single layers can't be compared."""


@dataclass(frozen=True)
class LayerReport:
    """What became of a linear layer.

    `bits` a weight without scales; `sparsity` the share of weights that are 0 (rounding makes some, too);
    `error` is |y' - y| / |y| over the layer's outputs y on held-out text, None where that is not known.
    """

    name: str
    bits: int
    sparsity: float
    error: float | None
    has_pattern: bool | None = None


def layer_errors(
    architecture: Architecture,
    base: TensorReader,
    made: TensorReader,
    recipe: Recipe,
    held_out: Tensor,
    on_block: Callable[[str, int, int], None],
) -> dict[str, float]:
    """Return the errors of the linear layers in the blocks; a layer that is never called has none.

    `held_out` [texts, tokens] are token ids. Errors are those of each layer by itself, on inputs as the base
    has them; for recipes that rescale (AWQ, SmoothQuant) those of the layers in their block, whose inputs are
    as the base has them, with one factor an output channel fitted. Raises `NotInBlocksError` where the model
    can't be run block by block.
    """
    errors: dict[str, float] = {}
    blocks, hidden = enter(architecture, base.read, held_out)
    for done, block in enumerate(blocks, start=1):
        block.load(base.read)
        measure = _errors_in_block if isinstance(recipe, RESCALED) else _errors_one_by_one
        errors |= measure(block, hidden, base, made)
        block.advance(hidden)
        block.unload()
        base.close()
        made.close()
        on_block(block.name, done, len(blocks))
    return errors


def report_layers(
    architecture: Architecture, made: TensorReader, recipe: Recipe, errors: Mapping[str, float]
) -> list[LayerReport]:
    """Return what became of each linear layer that a recipe changed; `errors` are those that are known."""
    pattern = getattr(recipe, "keep_of", None)
    return [
        _report(layer, made, errors.get(layer), pattern)
        for layer in architecture.linears
        if made.scheme(layer) or pattern is not None or hasattr(recipe, "sparsity")
    ]


def _report(
    layer: str, made: TensorReader, error: float | None, pattern: tuple[int, int] | None
) -> LayerReport:
    weight = made.read(f"{layer}.weight")
    scheme = made.scheme(layer)
    made.close()
    return LayerReport(
        name=layer,
        bits=scheme.bits if scheme else weight.element_size() * 8,
        sparsity=1 - int(weight.count_nonzero()) / weight.numel(),
        error=error,
        has_pattern=has_pattern(weight, *pattern) if pattern else None,
    )


def _errors_one_by_one(
    block: Block, hidden: Tensor, base: TensorReader, made: TensorReader
) -> dict[str, float]:
    squares: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    weights = {name: made.read(f"{name}.weight").to(hidden) for name in block.linears}
    schemes = {name: made.scheme(name) for name in block.linears}

    def compare(name: str, inputs: Tensor) -> None:
        scheme = schemes[name]
        expected = inputs @ block.linears[name].weight.t()
        rounded = rounded_activations(inputs, scheme.activations) if scheme and scheme.activations else inputs
        squares[name][0] += float((rounded @ weights[name].t() - expected).square().sum())
        squares[name][1] += float(expected.square().sum())

    block.watch(hidden, compare)
    return {name: _relative(*pair) for name, pair in squares.items()}


def _errors_in_block(
    block: Block, hidden: Tensor, base: TensorReader, made: TensorReader
) -> dict[str, float]:
    expected = _outputs(block, hidden)
    block.load(made.read)
    rounding = [
        linear.register_forward_pre_hook(partial(_round_inputs, scheme.activations))
        for name, linear in block.linears.items()
        if (scheme := made.scheme(name)) and scheme.activations
    ]
    try:
        found = _outputs(block, hidden)
    finally:
        for hook in rounding:
            hook.remove()
    block.load(base.read)
    errors = {}
    for name, outputs in found.items():
        factor = (outputs * expected[name]).sum(0) / outputs.square().sum(0).clamp(min=1e-30)
        miss = (outputs * factor - expected[name]).square().sum()
        errors[name] = _relative(float(miss), float(expected[name].square().sum()))
    return errors


def _outputs(block: Block, hidden: Tensor) -> dict[str, Tensor]:
    kept: dict[str, list[Tensor]] = {name: [] for name in block.linears}
    hooks = [
        linear.register_forward_hook(lambda _, __, out, name=name: kept[name].append(out.flatten(0, -2)))
        for name, linear in block.linears.items()
    ]
    try:
        block.advance(hidden.clone())
    finally:
        for hook in hooks:
            hook.remove()
    return {name: torch.cat(parts) for name, parts in kept.items() if parts}


def _round_inputs(kind: str, _: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (rounded_activations(inputs[0], kind), *inputs[1:])


def _relative(miss: float, size: float) -> float:
    return (miss / size) ** 0.5 if size > 0 else 0.0


def rounded_activations(inputs: Tensor, kind: str) -> Tensor:
    """Return activations [..., width] rounded to 8 bits (`int` or `float`: E4M3) with a scale a row.

    In place where it can be: a prompt's activations are megabytes, and fresh memory costs more than numbers.
    """
    values = inputs.to(torch.float32, copy=True)
    size = torch.maximum(values.amax(dim=-1, keepdim=True), -values.amin(dim=-1, keepdim=True))
    scale = (size / (448 if kind == "float" else 127.5)).clamp(min=torch.finfo(torch.float32).tiny)
    values.div_(scale)
    if kind == "float":
        values = _from_e4m3(values.to(torch.float8_e4m3fn))
    else:
        values.round_().clamp_(-128, 127)
    return values.mul_(scale).to(inputs.dtype)


def _from_e4m3(values: Tensor) -> Tensor:
    """Return E4M3 numbers as float32; looked up, which is four times as fast as torch's conversion."""
    known = torch.arange(256, dtype=torch.uint8, device=values.device).view(torch.float8_e4m3fn).float()
    return known.index_select(0, values.view(torch.uint8).flatten().int()).view(values.shape)
