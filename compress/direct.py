"""The methods that look at the weights alone: rounding to nearest, float8, magnitude pruning."""

from typing import TYPE_CHECKING

from compress.plan import LayerPlan
from compress.recipe import Magnitude, Recipe

if TYPE_CHECKING:
    from torch import Tensor

    from compress.rounding import Grid


def compressed_layer(layer: LayerPlan, weight: "Tensor", recipe: Recipe) -> dict[str, "Tensor"]:
    """Return the tensors in which a layer with these weights [out, in] is stored, by name."""
    from compress.pruning import lowest_of_layer, lowest_of_neighbours

    if layer.scheme:
        return rounded_layer(layer, weight)
    assert isinstance(recipe, Magnitude)
    size = weight.float().abs()
    pattern = recipe.keep_of
    mask = lowest_of_neighbours(size, *pattern) if pattern else lowest_of_layer(size, recipe.sparsity)
    return {f"{layer.name}.weight": weight.masked_fill(mask, 0)}


def rounded_layer(layer: LayerPlan, weight: "Tensor") -> dict[str, "Tensor"]:
    """Return the tensors of a layer whose weights [out, in] are rounded to the nearest of its scheme."""
    from compress.rounding import fit_grid, to_float8

    scheme = layer.scheme
    assert scheme is not None
    if scheme.number == "float":
        numbers, scale = to_float8(weight)
        return {f"{layer.name}.weight": numbers, f"{layer.name}.weight_scale": scale}
    grid = fit_grid(weight, scheme.bits, scheme.group_size or layer.width, symmetric=scheme.symmetric)
    return layer_on_grid(layer, weight, grid)


def layer_on_grid(layer: LayerPlan, weight: "Tensor", grid: "Grid") -> dict[str, "Tensor"]:
    """Return the tensors of a layer whose weights [out, in] become the nearest numbers of a grid."""
    import torch

    from compress.packing import pack
    from compress.rounding import round_to

    assert layer.scheme is not None
    numbers = round_to(grid, weight)
    if layer.scheme.format != "pack-quantized":
        return {f"{layer.name}.weight": numbers, f"{layer.name}.weight_scale": grid.scale}
    tensors = {
        f"{layer.name}.weight_packed": pack(numbers, grid.bits),
        f"{layer.name}.weight_shape": torch.tensor([layer.rows, layer.width]),
        f"{layer.name}.weight_scale": grid.scale,
    }
    if not layer.scheme.symmetric:
        tensors[f"{layer.name}.weight_zero_point"] = pack(grid.zero.t().contiguous(), grid.bits).t()
    return tensors
