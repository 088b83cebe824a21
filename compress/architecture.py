"""What a model is made of, told from its configuration, and whether it can be compressed."""

import warnings
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from compress.checkpoint import Checkpoint
from compress.errors import CheckpointError, first_line
from compress.tensor_file import STORED_TYPES, Slot


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

    Raises `CheckpointError` where the model is no causal language model, is compressed already, brings code
    of its own, or is stored in another layout than transformers computes with.
    """
    _check_can_be_compressed(checkpoint)
    check_causal_lm(checkpoint)
    skeleton = _skeleton(checkpoint)
    stored = stored_tensors(checkpoint)
    import torch

    known = {name: tuple(tensor.shape) for name, tensor in skeleton.state_dict().items()}
    foreign = [name for name, slot in stored.items() if len(slot.shape) > 1 and name not in known]
    if foreign:
        raise CheckpointError(
            f"{checkpoint.path} stores {foreign[0]}, which the model in transformers has not: mixtures of "
            "experts and old layouts can't be compressed.",
            "Load it with transformers and save it again, if it is no mixture of experts.",
        )
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


def check_causal_lm(checkpoint: Checkpoint) -> None:
    """Raise `CheckpointError` where transformers knows no causal language model of this kind."""
    from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    config, path = checkpoint.config, checkpoint.path
    kind = config.get("model_type")
    if config.get("auto_map"):
        raise CheckpointError(
            f"{path} brings its own code (trust_remote_code), which compressing would have to run.",
            "Use a model that transformers knows by itself.",
        )
    if kind not in CONFIG_MAPPING:
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
            config = AutoConfig.from_pretrained(checkpoint.path, local_files_only=True)
            with init_empty_weights(include_buffers=False):
                return AutoModelForCausalLM.from_config(config)
        except Exception as error:  # transformers fails in any way on a broken configuration
            raise CheckpointError(
                f"The configuration of {checkpoint.path} makes no model: {first_line(error)}.",
                "Download it again.",
            ) from error
