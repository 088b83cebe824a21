"""Weights as AutoGPTQ and AutoAWQ store them, as the dense ones that they stand for.

Both packages are archived; their checkpoints are many. A layer of `in` x `out` is stored as whole numbers of
b bits in `qweight`, and for each group of inputs a scale in `scales` [groups, out] and a zero point in
`qzeros` [groups, out · b/32]. AutoGPTQ packs along the inputs, [in · b/32, out], without gaps; it stores zero
points less one, and in `g_idx` [in] the group of each input (they lie in order unless `desc_act` was set).
AutoAWQ packs along the outputs, [in, out · b/32], eight numbers of 4 bits to a word in an order of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from compress.scheme import Scheme

if TYPE_CHECKING:
    from torch import Tensor

PARTS = (".qweight", ".qzeros", ".scales", ".g_idx")
"""What a layer's parts are called, after its name."""
_AWQ_PLACES = [0, 4, 1, 5, 2, 6, 3, 7]
"""Where in a word AutoAWQ puts each of eight neighbours."""
_GPTQ_BITS = (2, 3, 4, 8)
_MISFIT = "its parts have sizes that do not fit together"


@dataclass(frozen=True)
class OldFormat:
    """A format of one of the two; `zero_less` is by how much zero points are stored too low."""

    kind: Literal["gptq", "awq"]
    scheme: Scheme
    zero_less: int


def old_format(config: Mapping[str, Any]) -> OldFormat | None:
    """Return the format that a `quantization_config` names, None where it is another or a rare variant of it.

    Rare are AutoAWQ's layouts other than `gemm`, AutoGPTQ's that are made for one kernel (marlin), and
    settings of single layers (gptqmodel's `dynamic`).
    """
    kind, bits, group_size = (config.get(key) for key in ("quant_method", "bits", "group_size"))
    if not isinstance(bits, int) or not isinstance(group_size, int):
        return None
    rows = max(group_size, 0)  # -1 means one group
    if kind == "awq" and bits == 4 and str(config.get("version", "gemm")).lower() == "gemm":
        return OldFormat("awq", Scheme(bits, group_size=rows, symmetric=False), zero_less=0)
    layout = config.get("checkpoint_format") or "gptq"
    plain = layout in ("gptq", "gptq_v2") and config.get("pack_dtype", "int32") == "int32"
    if kind == "gptq" and bits in _GPTQ_BITS and plain and not config.get("dynamic"):
        scheme = Scheme(bits, group_size=rows, symmetric=bool(config.get("sym", True)))
        return OldFormat("gptq", scheme, zero_less=int(layout == "gptq"))
    return None


def dense_weight(how: OldFormat, stored: Callable[[str], "Tensor | None"]) -> "Tensor":
    """Return the weights [out, in] of a layer, in the type of its scales.

    `stored` gives a part by its name in `PARTS`, None where the layer has none. Raises `ValueError` for parts
    that do not fit together.
    """
    import torch

    qweight, qzeros, scales, group_of = (stored(part) for part in PARTS)
    if qweight is None or qzeros is None or scales is None:
        raise ValueError("a part is absent")
    groups, outputs = scales.shape
    if how.kind == "awq":
        inputs = len(qweight)
        numbers, zeros = _awq_numbers(qweight, outputs), _awq_numbers(qzeros, outputs)
    else:
        inputs = len(qweight) * 32 // how.scheme.bits
        numbers, zeros = _numbers(qweight.t(), how, inputs).t(), _numbers(qzeros, how, outputs)
    if group_of is None or how.kind == "awq":
        group_of = torch.arange(groups).repeat_interleave(how.scheme.group_size or inputs)
    group_of = group_of.long()
    if group_of.shape != (inputs,) or numbers.shape[1] != outputs or len(zeros) != groups:
        raise ValueError(_MISFIT)
    if int(group_of.min()) < 0 or int(group_of.max()) >= groups:
        raise ValueError("it names groups that it has no scales for")
    steps = numbers.to(torch.int16) - (zeros.to(torch.int16) + how.zero_less)[group_of]
    return (steps.to(scales.dtype) * scales[group_of]).t().contiguous()


def _numbers(words: "Tensor", how: OldFormat, width: int) -> "Tensor":
    """Return numbers [rows, width] less 2^(bits-1), which is the same for weights and zero points."""
    from compress.packing import packed_width, unpack

    if words.shape[1] != packed_width(width, how.scheme.bits):
        raise ValueError(_MISFIT)
    return unpack(words, how.scheme.bits, width)


def _awq_numbers(words: "Tensor", width: int) -> "Tensor":
    from compress.packing import unpack

    if words.shape[1] * 8 != width:
        raise ValueError(_MISFIT)
    in_words = unpack(words, 4, width).reshape(len(words), -1, 8)
    return in_words[:, :, _AWQ_PLACES].reshape(len(words), width)
