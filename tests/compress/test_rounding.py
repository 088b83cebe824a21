"""Rounding to a grid and packing, against float64 arithmetic and against compressed-tensors."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compress.packing import pack, packed_width, unpack
from compress.rounding import dense, fit_grid, from_float8, round_to, to_float8


def weights(rows: int = 8, width: int = 64, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


@given(bits=st.integers(1, 8), rows=st.integers(1, 5), width=st.integers(1, 70), seed=st.integers(0, 99))
def test_what_is_packed_is_unpacked(bits: int, rows: int, width: int, seed: int) -> None:
    low = -(1 << (bits - 1))
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randint(low, -low, (rows, width), generator=generator, dtype=torch.int8)
    words = pack(numbers, bits)
    assert words.shape == (rows, packed_width(width, bits))
    assert torch.equal(unpack(words, bits, width), numbers)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 8])
def test_packed_words_are_those_of_compressed_tensors(bits: int) -> None:
    helpers = pytest.importorskip("compressed_tensors.compressors.pack_quantized.helpers")
    numbers = torch.randint(-(1 << (bits - 1)), 1 << (bits - 1), (6, 100), dtype=torch.int8)
    assert torch.equal(pack(numbers, bits), helpers.pack_to_int32(numbers, bits))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("group_size", [16, 64])
def test_symmetric_rounding_is_that_of_float64(bits: int, group_size: int) -> None:
    weight = weights()
    grid = fit_grid(weight, bits, group_size, symmetric=True)
    groups = weight.double().reshape(8, -1, group_size)
    scale = groups.abs().amax(2, keepdim=True) / ((2**bits - 1) / 2)
    torch.testing.assert_close(grid.scale.double(), scale[:, :, 0], rtol=1e-6, atol=0)
    # the largest weight of a group lies in the middle between two numbers, so what counts is how near one is
    numbers = torch.arange(-(2 ** (bits - 1)), 2 ** (bits - 1), dtype=torch.float64)
    nearest = (groups[..., None] - numbers * scale[..., None]).abs().amin(3)
    miss = (dense(grid, round_to(grid, weight)).double().reshape(groups.shape) - groups).abs()
    torch.testing.assert_close(miss, nearest, rtol=0, atol=1e-6)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_grid_with_zero_points_is_off_by_at_most_half_a_step(bits: int) -> None:
    weight = weights() + 0.7
    grid = fit_grid(weight, bits, 16, symmetric=False)
    miss = (dense(grid, round_to(grid, weight)) - weight).abs().reshape(8, 4, 16)
    # a rounded zero point may shift the whole grid by half a step
    assert bool((miss <= grid.scale[:, :, None] * 1.001).all())
    assert fit_grid(weight.abs(), bits, 16, symmetric=False).zero.unique().tolist() == [-(2 ** (bits - 1))]


def test_weights_on_the_grid_stay_as_they_are() -> None:
    grid = fit_grid(weights().bfloat16(), 4, 16, symmetric=True)
    once = dense(grid, round_to(grid, weights().bfloat16()))
    assert once.dtype == torch.bfloat16
    assert torch.equal(dense(grid, round_to(grid, once)), once)


def test_a_group_of_zeros_stays_zero() -> None:
    weight = torch.zeros(2, 32)
    for symmetric in (True, False):
        grid = fit_grid(weight, 4, 16, symmetric=symmetric)
        assert torch.equal(dense(grid, round_to(grid, weight)), weight)
    assert torch.equal(from_float8(*to_float8(weight)), weight)


def test_float8_is_off_by_at_most_a_sixteenth() -> None:
    weight = weights()
    numbers, scale = to_float8(weight)
    assert (numbers.dtype, scale.shape) == (torch.float8_e4m3fn, (8, 1))
    back = from_float8(numbers, scale)
    # three bits of mantissa; the smallest numbers have a fixed step of 2^-9
    assert bool(((back - weight).abs() <= weight.abs() / 16 + scale * 2**-10).all())
