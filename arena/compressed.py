"""`MODEL+RECIPE`: a model compressed on the fly, and kept under the hash of all that shaped it.

The kept checkpoints lie in the user's cache folder. A folder appears there when it is complete (renamed, not
written in place), and one process at a time makes it; another one that wants it waits and then has it.
"""

import fcntl
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from arena.errors import ArenaError, EngineError, UsageError
from arena.paths import typed_path
from compress.errors import CompressError

if TYPE_CHECKING:
    from compress.calibration import Calibration
    from compress.checkpoint import Checkpoint
    from compress.compressor import Progress
    from compress.recipe import Recipe

METHODS_VERSION = 3
"""Counts up when a method gives other weights for the same recipe: what was kept before is not used then."""

Listener = Callable[[str, "Progress"], None]
"""Is told `MODEL+RECIPE` and how far compressing it is."""


def split_recipe(spec: str) -> tuple[str, str | None]:
    """Return a spec without its recipe, and the recipe: what stands after the last `+`, None where none does.

    A `+` in the name of a file or folder that exists is no such one.
    """
    model, plus, recipe = spec.rpartition("+")
    _, _, argument = spec.partition(":")
    exists = any(path and typed_path(path).exists() for path in (spec, argument))
    if not plus or not model or not recipe or exists:
        return spec, None
    return model, recipe


def check_recipe(recipe: str) -> None:
    """Raise `UsageError` where a recipe is unknown or broken."""
    from compress.recipe import read_recipe

    with compress_errors():
        read_recipe(recipe)


def base_folder(model: str) -> Path:
    """Return the folder of a model as users name it: a folder, a GGUF file (unpacked), a hub id, `smollm2`.

    Raises `EngineError` where there is no such model.
    """
    return _unpacked(_found(model), model)


def _found(model: str) -> "Checkpoint":
    from arena.engines.hf_load import find_checkpoint, prepare_libraries

    prepare_libraries()  # before compressing imports torch
    return find_checkpoint(model, trust_remote_code=False)


def _unpacked(checkpoint: "Checkpoint", model: str) -> Path:
    from arena.engines.hf_load import gguf_folder

    return gguf_folder(checkpoint, model) if checkpoint.gguf else checkpoint.path


def is_kept(model: str, recipe: str) -> bool:
    """Whether the checkpoint of `MODEL+RECIPE` is there already. Raises as `resolve` does."""
    from compress.calibration import bundled_calibration
    from compress.recipe import read_recipe

    found = _found(model)
    with compress_errors():
        return _is_complete(_folder(found, read_recipe(recipe), bundled_calibration()))


def is_any_kept(recipe: str) -> bool:
    """Whether anything is there that a recipe of this name made: told at once, and `is_kept` says of what."""
    return any(each.is_dir() for each in _cache().glob(f"{_file_name(recipe)}-*"))


def resolve(argument: str, on_progress: Listener | None = None) -> str:
    """Return the folder of the checkpoint that `MODEL+RECIPE` means; other arguments as they are.

    Makes the checkpoint where it isn't kept yet: seconds to minutes. Raises `UsageError` for unknown recipes,
    `EngineError` for models that can't be read or compressed.
    """
    model, recipe = split_recipe(argument)
    if recipe is None:
        return argument
    return str(kept_checkpoint(model, recipe, on_progress))


def kept_checkpoint(model: str, recipe: str, on_progress: Listener | None = None) -> Path:
    """Return the folder of a model compressed by a recipe, made now or before; see `resolve`."""
    from compress.calibration import bundled_calibration
    from compress.compressor import compress
    from compress.recipe import read_recipe

    found = _found(model)
    with compress_errors():
        chosen, texts = read_recipe(recipe), bundled_calibration()
        folder = _folder(found, chosen, texts)
        if _is_complete(folder):
            return folder
        with _one_at_a_time(folder):
            if _is_complete(folder):
                return folder
            _clear(folder)
            compress(
                _unpacked(found, model),
                chosen,
                folder,
                calibration=texts,
                base_name=model,
                measured=False,
                on_progress=lambda progress: (
                    on_progress(f"{model}+{recipe}", progress) if on_progress else None
                ),
            )
    return folder


@contextmanager
def compress_errors() -> Iterator[None]:
    """Raise what goes wrong in `compress` as an error of the contest: `UsageError` or `EngineError`."""
    try:
        yield
    except CompressError as error:
        kind: type[ArenaError] = UsageError if error.exit_code == UsageError.exit_code else EngineError
        raise kind(error.message, error.next_step) from error


def _cache() -> Path:
    return platformdirs.user_cache_path("arena") / "compressed"


def _file_name(recipe: str) -> str:
    return re.sub(r"[^\w.-]+", "_", recipe)[:40]


def _folder(base: "Checkpoint", recipe: "Recipe", texts: "Calibration") -> Path:
    """Return where a checkpoint is kept, or will be.

    A GGUF file counts as it is, not as unpacked: versions of transformers write other tokenizer settings.
    What llm-compressor makes is kept apart by its version. A Python without it (vLLM's pins exclude it) takes
    the newest that another Python has made.
    """
    from compress.card import versions
    from compress.compressor import OWN_METHODS

    shaped_by = {
        "methods": METHODS_VERSION,
        "base": base.content_hash,
        "recipe": recipe.hash,
        "calibration": texts.hash if recipe.needs_calibration else None,
    }
    kept = _cache()
    folder = kept / f"{_file_name(recipe.name)}-{_short_hash(shaped_by)}"
    if isinstance(recipe, OWN_METHODS):
        return folder
    packages = {name: versions().get(name) for name in ("llmcompressor", "compressed-tensors")}
    if packages["llmcompressor"] is None:
        made = [each for each in kept.glob(f"{folder.name}-????????") if _is_complete(each)]
        if made:
            return max(made, key=lambda each: each.stat().st_mtime)
    return kept / f"{folder.name}-{_short_hash(packages)[:8]}"


def _short_hash(of: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:24]


def _is_complete(folder: Path) -> bool:
    from compress.card import read_card
    from compress.checkpoint import size_bytes

    if not folder.is_dir():
        return False
    try:
        return bool(read_card(folder)["size_bytes"] == size_bytes(folder))
    except (CompressError, KeyError):
        return False


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = (folder.parent / f"{folder.name}.lock").open("w")
    except OSError as error:
        raise EngineError(
            f"{folder.parent} can't be written: {error.strerror or error}.",
            "Compressed models are kept there; set XDG_CACHE_HOME to another folder.",
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the system lets go of it when the process ends, however it ends
        yield


def _clear(folder: Path) -> None:
    """Remove what an interrupted process left."""
    for left in (folder, *folder.parent.glob(f".{folder.name}.*.unfinished")):
        shutil.rmtree(left, ignore_errors=True)
