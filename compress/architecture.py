"""What a model is made of, told from its configuration, and whether it can be compressed."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from compress.checkpoint import Checkpoint
from compress.errors import CheckpointError, first_line
from compress.tensor_file import STORED_TYPES, Slot

_FLOATS = ("F64", "F32", "F16", "BF16")
_OF_EXPERTS = re.compile(r"expert|moe", re.IGNORECASE)


@dataclass(frozen=True)
class Architecture:
    """A model without its weights.

    `skeleton` is the transformers model with its parameters on the meta device; `linears` its linear layers'
    names in the order of computation, without those whose weights are another layer's (a tied output layer);
    `stored` all tensors of the checkpoint.
    """

    skeleton: Any
    linears: tuple[str, ...]
    stored: dict[str, Slot]


def read_architecture(checkpoint: Checkpoint) -> Architecture:
    """Return what a checkpoint's model is made of; reads headers only.

    Raises `CheckpointError` where the model is no causal language model, is compressed already, needs code of
    its own, is stored in another layout than transformers computes with, or has most of its weights elsewhere
    than in linear layers.
    """
    _check_can_be_compressed(checkpoint)
    check_causal_lm(checkpoint)
    skeleton = _skeleton(checkpoint)
    stored = stored_tensors(checkpoint)
    import torch

    known = {name: tuple(tensor.shape) for name, tensor in skeleton.state_dict().items()}
    _check_layers(checkpoint, skeleton)
    _check_names(checkpoint, stored, known, skeleton.base_model_prefix)
    _check_all_is_linear(checkpoint, stored, skeleton)
    misfit = next((name for name, slot in stored.items() if known.get(name, slot.shape) != slot.shape), None)
    if misfit:
        raise CheckpointError(
            f"{checkpoint.path} stores {misfit} as {list(stored[misfit].shape)}, and by its configuration it "
            f"is {list(known[misfit])}.",
            "Download it again.",
        )
    linears = tuple(
        name
        for name, module in skeleton.named_modules()
        if isinstance(module, torch.nn.Linear) and f"{name}.weight" in stored
    )
    if not linears:
        raise CheckpointError(f"{checkpoint.path} has no linear layers (torch.nn.Linear) to compress.")
    return Architecture(skeleton, linears, stored)


def _check_layers(checkpoint: Checkpoint, skeleton: Any) -> None:
    from transformers.pytorch_utils import Conv1D

    layer = next((name for name, module in skeleton.named_modules() if isinstance(module, Conv1D)), None)
    if layer:
        raise CheckpointError(
            f"{checkpoint.path} has layers of the kind Conv1D, as GPT-2 has them ({layer}): only "
            "torch.nn.Linear can be compressed.",
            "Give a model of another architecture.",
        )


def _check_names(
    checkpoint: Checkpoint, stored: Mapping[str, Slot], known: Mapping[str, Any], prefix: str
) -> None:
    """Refuse weights that are stored under other names than the model in transformers has."""
    foreign = [name for name, slot in stored.items() if len(slot.shape) > 1 and name not in known]
    if not foreign:
        return
    experts = next((name for name in foreign if _OF_EXPERTS.search(name)), None)
    if experts:
        raise _no_mixtures(checkpoint, experts)
    first = foreign[0]
    raise CheckpointError(
        f"{checkpoint.path} stores {first}, which the model in transformers has under another name or not at "
        "all: Arena can't read that.",
        # saved again, a model gets its prefix, but names that transformers changes itself are changed back
        "Load it with transformers and save it again."
        if f"{prefix}.{first}" in known
        else f"Play it uncompressed, as -a hf:{checkpoint.path}.",
    )


def _check_all_is_linear(checkpoint: Checkpoint, stored: Mapping[str, Slot], skeleton: Any) -> None:
    """Refuse weights of three and more dimensions, which hold the layers of many experts in one.

    The rest of the model alone would be compressed: a twentieth of it.
    """
    from torch.nn.modules.conv import _ConvNd

    for name, slot in stored.items():
        module, _, leaf = name.rpartition(".")
        many = sum(size > 1 for size in slot.shape) > 2 and slot.dtype in _FLOATS
        if not many or (leaf == "weight" and isinstance(skeleton.get_submodule(module), _ConvNd)):
            continue
        experts = next((each for each in stored if _OF_EXPERTS.search(each)), None)
        if experts:
            raise _no_mixtures(checkpoint, experts)
        raise CheckpointError(
            f"{checkpoint.path} holds {name}, weights of {len(slot.shape)} dimensions: only layers of the "
            "kind torch.nn.Linear can be compressed.",
            f"Play it uncompressed, as -a hf:{checkpoint.path}.",
        )


def _no_mixtures(checkpoint: Checkpoint, name: str) -> CheckpointError:
    return CheckpointError(
        f"{checkpoint.path} is a mixture of experts (it stores {name}): those can't be compressed.",
        f"Play it uncompressed, as -a hf:{checkpoint.path}.",
    )


def check_causal_lm(checkpoint: Checkpoint) -> None:
    """Raise `CheckpointError` where transformers knows no causal language model of this kind."""
    from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    config, path = checkpoint.config, checkpoint.path
    kind = config.get("model_type")
    if kind not in CONFIG_MAPPING:
        if config.get("auto_map"):
            raise CheckpointError(
                f"{path} brings its own code (trust_remote_code), which compressing would have to run.",
                "Use a model that transformers knows by itself.",
            )
        raise CheckpointError(
            f"This version of transformers ({version('transformers')}) knows no model of type {kind!r}.",
            "Install a newer transformers.",
        )
    architectures = config.get("architectures") or []
    known = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    if CONFIG_MAPPING[kind] not in MODEL_FOR_CAUSAL_LM_MAPPING or (
        architectures and not known & set(architectures)
    ):
        what = architectures[0] if architectures else kind
        raise CheckpointError(
            f"{path} is no causal language model ({what}).", "Give a model made for text generation."
        )


def stored_tensors(checkpoint: Checkpoint) -> dict[str, Slot]:
    """Return what tensors a checkpoint's files hold. Raises `CheckpointError` for broken files."""
    from safetensors import SafetensorError, safe_open

    found = {}
    for file in checkpoint.weights:
        try:
            with safe_open(file, framework="pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118 - no mapping
                    part = tensors.get_slice(name)
                    found[name] = Slot(_known_type(file, name, part), tuple(part.get_shape()))
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"{file} is no readable safetensors file: {first_line(error)}.", "Download it again."
            ) from error
    return found


def _known_type(file: Any, name: str, part: Any) -> str:
    dtype = str(part.get_dtype())
    if dtype not in STORED_TYPES:
        raise CheckpointError(f"{file} stores {name} as {dtype}, a type that can't be compressed.")
    return dtype


def _check_can_be_compressed(checkpoint: Checkpoint) -> None:
    if checkpoint.gguf:
        raise CheckpointError(
            f"{checkpoint.path} is a GGUF file: its weights have to be unpacked into a model folder first.",
            "Say `arena compress`, which does that by itself.",
        )
    if checkpoint.quantization:
        how = checkpoint.quantization.get("quant_method") or "quantized"
        raise CheckpointError(
            f"{checkpoint.path} is compressed already ({how}).", "Give the model that it was made from."
        )


def _skeleton(checkpoint: Checkpoint) -> Any:
    from accelerate import init_empty_weights
    from transformers import AutoConfig, AutoModelForCausalLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # without a word on code, transformers asks the user whether to run that of the folder
            config = AutoConfig.from_pretrained(
                checkpoint.path, local_files_only=True, trust_remote_code=False
            )
            with init_empty_weights(include_buffers=False):
                return AutoModelForCausalLM.from_config(config, trust_remote_code=False)
        except Exception as error:  # transformers fails in any way on a broken configuration
            raise CheckpointError(
                f"The configuration of {checkpoint.path} makes no model: {first_line(error)}.",
                "Download it again.",
            ) from error
