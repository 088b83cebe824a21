"""Quantized checkpoints in transformers: weights unpacked while they are loaded, then as fast as dense ones.

transformers' own way leaves them packed until they are used, reads layers of different group sizes as if they
had the same, and needs a second to import. Here a model gets the weights that the stored numbers stand for;
where its recipe rounds activations too, its layers round their inputs as a server's kernels do.
"""

from pathlib import Path
from typing import Any

import torch

from arena.engines.hf_linear import RoundedInputLinear
from compress.checkpoint import Checkpoint
from compress.tensor_reader import TensorReader

_GENERATION = "generation_config.json"


def load_unpacked(
    checkpoint: Checkpoint, dtype: Any, device: Any, *, trust_remote_code: bool = False
) -> tuple[Any, Any, Any] | None:
    """Return model, tokenizer, and transformers' report on weights, of a checkpoint that can be unpacked.

    None for a model that transformers has no class of its own for. Raises `compress.errors.CheckpointError`
    for broken files, and what transformers raises.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoTokenizer, GenerationConfig

    folder = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    config = AutoConfig.from_pretrained(checkpoint.path, **folder)
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        return None
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.path, **folder)
    if hasattr(config, "quantization_config"):  # AutoGPTQ may have it in a file of its own
        del config.quantization_config
    with TensorReader(checkpoint) as reader:
        model, report = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)].from_pretrained(
            None,
            config=config,
            state_dict=dict(reader.items()),
            dtype=dtype,
            output_loading_info=True,
        )
        for name, module in list(model.named_modules()):
            scheme = reader.scheme(name) if isinstance(module, torch.nn.Linear) else None
            if scheme and scheme.activations:
                model.set_submodule(name, RoundedInputLinear(module, scheme.activations))
    if (Path(checkpoint.path) / _GENERATION).is_file():
        # which tokens end a reply: some models say it there and nowhere else
        model.generation_config = GenerationConfig.from_pretrained(checkpoint.path, local_files_only=True)
    return model.to(device), tokenizer, report
