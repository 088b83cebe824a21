"""A checkpoint on disk: which files it is made of, how large it is, and the hash of what it holds.

A checkpoint is a folder as `save_pretrained` writes it (config.json, safetensors, tokenizer files) or one
GGUF file. Hashes name content: they don't change when the checkpoint is moved, renamed or downloaded again.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import platformdirs

from compress.errors import CheckpointError
from compress.gguf_header import GgufHeader, read_gguf_header

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "*.tiktoken",
)
_TOKENIZERS = {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"}
_SAVERS_NOTES = ("_name_or_path", "transformers_version")
"""Entries of JSON files that say who saved a model where: they may differ between equal models."""
_AUTOGPTQ_FILE = "quantize_config.json"
_RACY_S = 2.0
"""A file younger than this may be written to again without its time stamp telling; its hash is not kept."""


@dataclass(frozen=True)
class Checkpoint:
    """The files of a model, found and checked but not loaded.

    `path` is the folder or the GGUF file; `weights` are the weight files, `tokenizer` the files that make
    the tokenizer (empty for GGUF, or where there is none), `config` is config.json (empty for GGUF), `gguf`
    the header of a GGUF file.
    """

    path: Path
    weights: tuple[Path, ...]
    tokenizer: tuple[Path, ...]
    config: Mapping[str, Any]
    gguf: GgufHeader | None = None

    @cached_property
    def size_bytes(self) -> int:
        """Size of the weight files on disk."""
        return sum(file.stat().st_size for file in self.weights)

    @cached_property
    def weights_hash(self) -> str:
        """SHA-256 (hex) of the weights, of the configuration and of code that comes with the model."""
        if self.gguf:
            return file_hash(self.path)
        code = sorted(self.path.glob("*.py"))
        generation = _read_json(self.path / "generation_config.json")
        return _hash_of(
            {file.name: file_hash(file) for file in (*self.weights, *code)},
            _without_notes(self.config),
            _without_notes(generation),
            *([alone] if (alone := _read_json(self.path / _AUTOGPTQ_FILE)) else []),
        )

    @cached_property
    def tokenizer_hash(self) -> str:
        """SHA-256 (hex) of the tokenizer: its files, or its entries in a GGUF header; not the template."""
        if self.gguf:
            entries = {**self.gguf.values, **self.gguf.array_hashes}
            return _hash_of({k: v for k, v in entries.items() if k.startswith("tokenizer.ggml.")})
        parts: dict[str, Any] = {}
        for file in self.tokenizer:
            if file.name == "tokenizer_config.json":
                settings = _without_notes(_read_json(file))
                parts[file.name] = {k: v for k, v in settings.items() if k != "chat_template"}
            else:
                parts[file.name] = file_hash(file)
        return _hash_of(parts)

    @cached_property
    def chat_template(self) -> str | None:
        """Source of the chat template (of several: canonical JSON), or None where there is none."""
        if self.gguf:
            template = self.gguf.values.get("tokenizer.chat_template")
            return str(template) if template is not None else None
        named = {f.stem: _read_text(f) for f in sorted(self.path.glob("additional_chat_templates/*.jinja"))}
        main = self.path / "chat_template.jinja"
        if main.is_file():
            default: Any = _read_text(main)
        else:
            default = _read_json(self.path / "chat_template.json").get("chat_template") or _read_json(
                self.path / "tokenizer_config.json"
            ).get("chat_template")
        if not named and (default is None or isinstance(default, str)):
            return default
        return _canonical({"default": default, **named})

    @cached_property
    def dtype(self) -> str:
        """Name of the type that the weights are meant to be computed in; GGUF is unpacked to float32."""
        text = self.config.get("text_config")
        for config in (self.config, text if isinstance(text, dict) else {}):
            name = config.get("dtype") or config.get("torch_dtype")
            if isinstance(name, str):
                return name.removeprefix("torch.")
        return "float32"

    @cached_property
    def quantization(self) -> Mapping[str, Any] | None:
        """How the weights are quantized (`quantization_config` of config.json), None where they are not.

        Older checkpoints of AutoGPTQ say so in a file of its own.
        """
        if self.gguf:
            return {"quant_method": "gguf", "file_type": self.gguf.values.get("general.file_type")}
        settings = self.config.get("quantization_config")
        if settings is None and (alone := _read_json(self.path / _AUTOGPTQ_FILE)):
            settings = {"quant_method": "gptq", **alone}
        return settings if isinstance(settings, dict) else None

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) of all that shapes the model's output: weights, tokenizer and chat template."""
        return _hash_of(self.weights_hash, self.tokenizer_hash, self.chat_template)


def read_checkpoint(path: Path) -> Checkpoint:
    """Return the checkpoint at `path`, a model folder or a GGUF file.

    Raises `CheckpointError` where there is none, where weights are missing, or where they are pickles only
    (loading a pickle runs code that came with it).
    """
    if path.is_file():
        return Checkpoint(path, (path,), (), {}, read_gguf_header(path))
    if not path.is_dir():
        raise CheckpointError(f"There is no model at {path}.", "Give a model folder or a GGUF file.")
    config_file = path / "config.json"
    if not config_file.is_file():
        raise CheckpointError(
            f"{path} is not a model folder: it has no config.json.",
            "Give the folder that save_pretrained (or a download from the hub) wrote, or a GGUF file.",
        )
    return Checkpoint(path, _weight_files(path), _tokenizer_files(path), _read_json(config_file))


def size_bytes(path: Path) -> int:
    """Return the size in bytes of a model's weight files. Raises `CheckpointError`."""
    return read_checkpoint(path).size_bytes


def file_hash(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes.

    It is kept in the user's cache folder by path, size and times of change, so that the gigabytes of a model
    are read once. Raises `CheckpointError` where the file can't be read.
    """
    try:
        status = path.stat()
        # cp -p, rsync and tar set the first time to what they like, but not the second
        state = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
        note = _cache_folder() / hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]
        known = _kept_hash(note, state)
        if known:
            return known
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror or error}.") from error
    if time.time() - status.st_mtime > _RACY_S:
        _keep_hash(note, f"{state} {digest}")
    return digest


def _cache_folder() -> Path:
    return platformdirs.user_cache_path("arena") / "checkpoint-hashes"


def _kept_hash(note: Path, state: str) -> str | None:
    try:
        kept, _, digest = note.read_text("ascii").rpartition(" ")
    except (OSError, ValueError):
        return None
    return digest if kept == state and len(digest) == 64 else None


def _keep_hash(note: Path, text: str) -> None:
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=note.parent)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        Path(name).replace(note)
    except OSError:
        return  # no room or no right to write: the file is hashed again next time


def _weight_files(folder: Path) -> tuple[Path, ...]:
    index, single = folder / "model.safetensors.index.json", folder / "model.safetensors"
    if index.is_file():
        shards = _read_json(index).get("weight_map")
        names = sorted({str(name) for name in shards.values()}) if isinstance(shards, dict) else []
        files = [folder / name for name in names]
        if not names or any(Path(name).name != name for name in names):
            raise CheckpointError(f"{index} does not list the weight files of its folder.")
        if single.is_file() and single not in files:
            raise CheckpointError(
                f"{folder} holds two models: {single.name}, which transformers would play, and the files of "
                f"{index.name}, which vLLM would.",
                "Remove one of them.",
            )
        absent = [file.name for file in files if not file.is_file()]
        if absent:
            raise CheckpointError(
                f"{folder} lacks {len(absent)} of {len(files)} weight files, {absent[0]} among them.",
                "Download the missing files.",
            )
        return tuple(files)
    found = [single] if single.is_file() else sorted(folder.glob("*.safetensors"))
    if found:
        return tuple(found)
    if any(next(folder.glob(pattern), None) for pattern in _PICKLES):
        raise CheckpointError(
            f"{folder} holds its weights as pickles, which can run any code when they are loaded.",
            "Use a version of the model with safetensors files, or convert it where you trust its source.",
        )
    raise CheckpointError(f"{folder} has no weights: no *.safetensors file.", "Download the whole model.")


def _tokenizer_files(folder: Path) -> tuple[Path, ...]:
    files = sorted({file for pattern in _TOKENIZER_FILES for file in folder.glob(pattern)})
    has_tokenizer = any(file.name in _TOKENIZERS or file.suffix == ".tiktoken" for file in files)
    return tuple(files) if has_tokenizer else ()


def _read_text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{file} can't be read: {error}.") from error


def _read_json(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an absent file is an empty object."""
    if not file.is_file():
        return {}
    try:
        value = json.loads(_read_text(file))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file} is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{file} does not hold a JSON object.")
    return value


def _without_notes(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in _SAVERS_NOTES}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _hash_of(*parts: Any) -> str:
    return hashlib.sha256(_canonical(parts).encode("utf-8", "surrogatepass")).hexdigest()
