"""Linear layers on the CPU with weights laid out once, as oneDNN likes to read them.

torch's own linear layer lays the weights out anew in every call, or reads them in an order that is slow for
a few rows: decoding 8 replies of SmolLM2 in float32 takes 95 ms a step with it, and 65 ms like this.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from compress.measure import rounded_activations

_DTYPES = (torch.float32, torch.bfloat16)
_USUAL_ROWS = 8
"""For how many tokens at a time the layout is chosen; it is as good for any number from 2 to hundreds."""

Swap = tuple[torch.nn.Module, str, torch.nn.Linear]


class LaidOutLinear(torch.nn.Module):
    """A linear layer for inference; `weight` is in a layout of oneDNN's own."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _USUAL_ROWS)
        self.bias = linear.bias

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `inputs` [..., in] times the weights, plus bias: [..., out]."""
        return torch.ops.mkldnn._linear_pointwise(inputs, self.weight, self.bias, "none", [], "")


class RoundedInputLinear(torch.nn.Module):
    """A linear layer that rounds each token's inputs to 8 bits; `kind` is `int` or `float` (E4M3)."""

    def __init__(self, linear: torch.nn.Linear, kind: str) -> None:
        super().__init__()
        self.linear, self.kind, self.rounds = linear, kind, True

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `inputs` [..., in], rounded, times the weights, plus bias: [..., out]."""
        outputs: Tensor = self.linear(rounded_activations(inputs, self.kind) if self.rounds else inputs)
        return outputs


@contextmanager
def unrounded_inputs(model: Any) -> Iterator[None]:
    """Let a model's layers take inputs as they are for a while.

    A step of rounding makes much of a last bit, so that two ways to compute a model could not be compared.
    """
    layers = [module for module in model.modules() if isinstance(module, RoundedInputLinear)]
    for layer in layers:
        layer.rounds = False
    try:
        yield
    finally:
        for layer in layers:
            layer.rounds = True


def lay_out(model: Any) -> list[Swap]:
    """Replace the linear layers of a model on the CPU; returns what `put_back` needs to undo it.

    Nothing is replaced where this torch has no such kernels.
    """
    if model.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return []
    linears = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is torch.nn.Linear and child.weight.dtype in _DTYPES and "forward" not in vars(child)
    ]
    try:
        for parent, name, child in linears:
            setattr(parent, name, LaidOutLinear(child))
    except (RuntimeError, AttributeError):  # the kernels are torch's own business: they may be gone one day
        put_back(linears)
        return []
    return linears


def put_back(swaps: list[Swap]) -> None:
    """Undo `lay_out`."""
    for parent, name, child in swaps:
        setattr(parent, name, child)
