"""Weights rounded to a grid: whole numbers with a scale for each group, or float8 with a scale for each row.

The grids are those of compressed-tensors, so that what is stored here is read there.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_FP8_MAX = 448.0


@dataclass(frozen=True)
class Grid:
    """A grid for weights [out, in]: `groups` = in / group size.

    `scale` [out, groups] has the type of the weights, `zero` [out, groups] int8 is 0 where the grid is
    symmetric. A number q stands for (q - zero) · scale.
    """

    bits: int
    scale: Tensor
    zero: Tensor

    @property
    def lowest(self) -> int:
        """The smallest whole number of the grid."""
        return -(1 << (self.bits - 1))

    @property
    def highest(self) -> int:
        """The largest whole number of the grid."""
        return (1 << (self.bits - 1)) - 1


def fit_grid(weight: Tensor, bits: int, group_size: int, *, symmetric: bool) -> Grid:
    """Return the grid that spans each group from its smallest to its largest weight.

    `weight` is [out, in] and `group_size` divides in. Symmetric: the scale is max|w| / ((2^bits - 1) / 2), as
    in llm-compressor's min-max observer, so that the largest positive weight is cut by half a step.
    """
    groups = weight.float().reshape(weight.shape[0], -1, group_size)
    steps = (1 << bits) - 1
    if symmetric:
        scale = groups.abs().amax(dim=2) / (steps / 2)
        zero = torch.zeros_like(scale, dtype=torch.int8)
        return Grid(bits, _stored(scale, weight.dtype), zero)
    low, high = groups.amin(dim=2).clamp(max=0), groups.amax(dim=2).clamp(min=0)
    scale = _stored((high - low) / steps, weight.dtype)
    lowest = -(1 << (bits - 1))
    zero = torch.clamp(torch.round(lowest - low / scale.float()), lowest, lowest + steps).to(torch.int8)
    return Grid(bits, scale, zero)


def round_to(grid: Grid, weight: Tensor) -> Tensor:
    """Return the whole numbers [out, in] int8 of the grid that are nearest to the weights [out, in]."""
    groups = weight.float().reshape(*grid.scale.shape, -1)
    numbers = torch.round(groups / grid.scale.float()[:, :, None]) + grid.zero[:, :, None]
    return numbers.clamp_(grid.lowest, grid.highest).to(torch.int8).reshape(weight.shape)


def dense(grid: Grid, numbers: Tensor) -> Tensor:
    """Return the weights [out, in] that the whole numbers stand for, in the type of the grid's scale."""
    groups = numbers.reshape(*grid.scale.shape, -1).to(torch.int16) - grid.zero[:, :, None].to(torch.int16)
    return (groups.to(grid.scale.dtype) * grid.scale[:, :, None]).reshape(numbers.shape)


def rounded(values: Tensor, bits: int, group_size: int) -> Tensor:
    """Return values [..., width] on a grid of 2^bits levels a group; `group_size` divides the width."""
    rows = values.reshape(-1, values.shape[-1])
    grid = fit_grid(rows, bits, group_size, symmetric=False)
    return dense(grid, round_to(grid, rows)).reshape(values.shape)


def to_float8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return weights [out, in] as float8 E4M3, and the scale of each row [out, 1] in the weights' type."""
    scale = _stored(weight.float().abs().amax(dim=1, keepdim=True) / _FP8_MAX, weight.dtype)
    return (weight.float() / scale.float()).clamp_(-_FP8_MAX, _FP8_MAX).to(torch.float8_e4m3fn), scale


def from_float8(weight: Tensor, scale: Tensor) -> Tensor:
    """Return what float8 numbers [out, in] with scales [out, 1] stand for, in the scales' type."""
    return weight.to(scale.dtype) * scale


def _stored(scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Return scales in the type that they are stored in; a group of zeros gets a scale of 1."""
    stored = scale.to(dtype)
    return torch.where(stored > 0, stored, torch.ones_like(stored))
