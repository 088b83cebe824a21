"""Activations rounded to 8 bits: the numbers that a server's kernels multiply."""

import pytest
import torch

from compress.measure import rounded_activations


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_activations_are_rounded_to_the_nearest_of_their_rows_grid(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(3, 5, 64).to(dtype) * torch.tensor([[1e-3], [1.0], [300.0]])[:, :, None].to(dtype)
    before = inputs.clone()
    size = inputs.float().abs().amax(dim=-1, keepdim=True)

    whole = torch.round(inputs.float() / (size / 127.5)).clamp(-128, 127) * (size / 127.5)
    torch.testing.assert_close(rounded_activations(inputs, "int"), whole.to(dtype))

    floats = (inputs.float() / (size / 448)).to(torch.float8_e4m3fn).float() * (size / 448)
    torch.testing.assert_close(rounded_activations(inputs, "float"), floats.to(dtype))
    assert torch.equal(inputs, before)


@pytest.mark.parametrize("kind", ["int", "float"])
def test_zeros_stay_and_what_is_no_number_is_not_hidden(kind: str) -> None:
    assert torch.equal(rounded_activations(torch.zeros(2, 4), kind), torch.zeros(2, 4))
    broken = rounded_activations(torch.tensor([[1.0, float("nan")], [1.0, 2.0]]), kind)
    assert broken[0].isnan().all()
    assert torch.isfinite(broken[1]).all()


def test_every_e4m3_number_is_its_own_nearest() -> None:
    every = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
    finite = every[torch.isfinite(every)][None]  # its largest is 448, so that the scale is 1
    assert torch.equal(rounded_activations(finite, "float"), finite)
