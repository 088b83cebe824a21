"""Checkpoints as AutoGPTQ and AutoAWQ write them, from a plain model folder by rounding to the nearest.

    python tests/toys/old_formats.py gptq|awq FOLDER OUT [GROUP_SIZE]

Both packages are gone; their files are not. Layouts, for a linear layer of `inputs` x `outputs`, 8 numbers of
4 bits to an int32: AutoGPTQ packs along the inputs and stores the zero point less one; AutoAWQ packs along
the outputs, in the order 0 2 4 6 1 3 5 7.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file, save_file

BITS = 4
PER_INT = 32 // BITS
AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]
Format = Literal["gptq", "awq"]


def save_in_old_format(kind: Format, source: Path, out: Path, group_size: int = 64) -> Path:
    """Write the model in `source` to `out`, all its linear layers but the head in 4 bits; returns `out`."""
    shutil.copytree(source, out, ignore=shutil.ignore_patterns("*.safetensors"))
    tensors = {}
    for name, weight in load_file(source / "model.safetensors").items():
        if "_proj.weight" in name:
            packed = pack(kind, weight.float(), group_size)
            tensors |= {name.replace("weight", part): tensor for part, tensor in packed.items()}
        else:
            tensors[name] = weight.half()
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text())
    config |= {"dtype": "float16", "quantization_config": settings(kind, group_size)}
    (out / "config.json").write_text(json.dumps(config, indent=2))
    return out


def settings(kind: Format, group_size: int) -> dict[str, object]:
    """Return the entry `quantization_config` of config.json."""
    if kind == "gptq":
        return {
            "quant_method": "gptq",
            "bits": BITS,
            "group_size": group_size,
            "desc_act": False,
            "sym": True,
            "checkpoint_format": "gptq",
        }
    return {
        "quant_method": "awq",
        "bits": BITS,
        "group_size": group_size,
        "zero_point": True,
        "version": "gemm",
        "modules_to_not_convert": None,
    }


def pack(kind: Format, weight: torch.Tensor, group_size: int) -> dict[str, torch.Tensor]:
    """Return the stored tensors of a weight [outputs, inputs], rounded symmetrically in groups of inputs."""
    outputs, inputs = weight.shape
    groups = weight.reshape(outputs, inputs // group_size, group_size)
    scales = (groups.abs().amax(dim=-1) / (2 ** (BITS - 1) - 1)).clamp(min=1e-6).half()
    levels = torch.round(groups / scales.float()[..., None]) + 2 ** (BITS - 1)
    levels = levels.clamp(0, 2**BITS - 1).reshape(outputs, inputs).T.long()  # [inputs, outputs]
    zeros = torch.full((inputs // group_size, outputs), 2 ** (BITS - 1))
    stored = {"scales": scales.T.contiguous()}
    if kind == "awq":
        return {
            **stored,
            "qweight": _packed(levels.reshape(inputs, -1, PER_INT)[..., AWQ_ORDER]),
            "qzeros": _packed(zeros.reshape(len(zeros), -1, PER_INT)[..., AWQ_ORDER]),
        }
    return {
        **stored,
        "qweight": _packed(levels.reshape(-1, PER_INT, outputs).transpose(1, 2)),
        "qzeros": _packed((zeros - 1).reshape(len(zeros), -1, PER_INT)),
        "g_idx": (torch.arange(inputs) // group_size).int(),
    }


def _packed(numbers: torch.Tensor) -> torch.Tensor:
    """Pack the last dimension, 8 numbers of 4 bits, the first of them lowest, into one int32."""
    wide = (numbers << (BITS * torch.arange(PER_INT))).sum(dim=-1)
    return torch.where(wide >= 2**31, wide - 2**32, wide).int().contiguous()


if __name__ == "__main__":
    kind, source, out, *size = sys.argv[1:]
    save_in_old_format(kind, Path(source), Path(out), *map(int, size))  # type: ignore[arg-type]
