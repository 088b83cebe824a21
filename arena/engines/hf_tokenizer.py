"""A model's tokenizer by itself, for engines that leave the model to somebody else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.engines.hf_load import check_kind, gguf_folder, prepare_libraries, stop_ids
from arena.errors import EngineError
from compress.checkpoint import Checkpoint
from compress.errors import first_line


@dataclass(frozen=True)
class LoadedTokenizer:
    """What writing prompts and reading replies takes, without the model.

    `folder` is the model's folder: where the checkpoint is a GGUF file, one with its weights unpacked.
    """

    folder: Path
    tokenizer: Any
    stop_ids: frozenset[int]


def load_tokenizer(checkpoint: Checkpoint, *, name: str, trust_remote_code: bool) -> LoadedTokenizer:
    """Load the tokenizer only, for engines that load the model by themselves.

    Raises `EngineError` where it can't be loaded, or the checkpoint is no causal language model.
    """
    prepare_libraries()
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    try:
        if checkpoint.gguf:
            folder = gguf_folder(checkpoint, name)
        else:
            folder = checkpoint.path
            check_kind(checkpoint, name, trust_remote_code)
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trust_remote_code
        )
        config = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trust_remote_code
        )
        has_own = (folder / "generation_config.json").is_file()
        generation = GenerationConfig.from_pretrained(folder) if has_own else None
    except EngineError:
        raise
    except Exception as error:
        raise EngineError(
            f"{name} has no tokenizer that can be loaded: {type(error).__name__}: {first_line(error)}.",
            "Check that the download is complete and that this version of transformers knows the model.",
        ) from error
    return LoadedTokenizer(folder, tokenizer, stop_ids(config, generation, tokenizer, checkpoint))
