"""Compressing: a model folder and a recipe in, a checkpoint with its card out; all of it or nothing."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.calibration import Calibration, Samples, bundled_calibration, tokenize
from compress.card import Card, pattern_of, versions, write_card
from compress.checkpoint import Checkpoint, read_checkpoint
from compress.errors import CalibrationError, CheckpointError, CompressError, NotInBlocksError
from compress.new_folder import new_folder
from compress.plan import CompressionPlan, make_plan
from compress.recipe import Fp8, Magnitude, Recipe, Rtn, Wanda, read_recipe
from compress.tensor_file import TensorFile, torch_type
from compress.tensor_reader import TensorReader
from compress.with_llmcompressor import check_installed as check_llmcompressor

if TYPE_CHECKING:
    from torch import Tensor

    from compress.architecture import Architecture
    from compress.measure import LayerReport

OWN_METHODS = (Rtn, Fp8, Magnitude, Wanda)
"""What is computed here; llm-compressor computes the others."""
WEIGHTS = "model.safetensors"
_SIDE_FILES = ("generation_config.json", "chat_template.jinja", "chat_template.json", "LICENSE*")
_NOT_COPIED = ("_name_or_path", "auto_map")
"""Settings that hold for the base's folder only: code that it brings (`auto_map`) is not copied."""


@dataclass(frozen=True)
class Progress:
    """How far compressing is: `stage` says what is done to `layer`, `done` of `total` steps are over."""

    stage: str
    layer: str
    done: int
    total: int


Listener = Callable[[Progress], None]


@dataclass(frozen=True)
class Job:
    """What is to be compressed and how; nothing is done yet."""

    checkpoint: Checkpoint
    architecture: "Architecture"
    recipe: Recipe
    plan: CompressionPlan

    def weight_bits(self, layer: str) -> int:
        """Return how many bits a weight of a layer has in the base model."""
        return {"F32": 32}.get(self.architecture.stored[f"{layer}.weight"].dtype, 16)


def prepare(model: Path, recipe: Recipe | str) -> Job:
    """Return what a recipe will do to the model in a folder; reads headers only.

    Raises `RecipeError` for recipes that are unknown or do not fit, `CheckpointError` for models that can't
    be compressed.
    """
    from compress.architecture import read_architecture

    chosen = read_recipe(recipe) if isinstance(recipe, str) else recipe
    checkpoint = read_checkpoint(model)
    architecture = read_architecture(checkpoint)
    return Job(checkpoint, architecture, chosen, make_plan(architecture, chosen))


def compress(
    model: Path,
    recipe: Recipe | str,
    out: Path,
    *,
    calibration: Calibration | None = None,
    base_name: str | None = None,
    measured: bool = True,
    on_progress: Listener = lambda _: None,
) -> Card:
    """Compress the model in a folder into a new folder `out`, and return its card.

    `calibration` None means the text that comes with the package; methods that need no calibration take only
    the text from it on which errors are measured. `base_name` is what the card calls the model (the folder's
    name). `measured` False leaves out the errors, which take as long as running the model on that text.
    `out` appears when it is complete; what goes wrong leaves nothing behind. Raises `CompressError`: see its
    kinds in `compress.errors`.
    """
    started = time.monotonic()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CompressError(f"{out} exists already.", "Give another folder with --out, or remove it.")
    job = prepare(model, recipe)
    if not isinstance(job.recipe, OWN_METHODS):
        check_llmcompressor()
    texts = calibration or bundled_calibration()
    samples = _samples(job, texts) if measured or job.recipe.needs_calibration else None
    with new_folder(out, job.plan.size_bytes) as unfinished:
        notes = [*job.plan.notes, *_make(job, samples, unfinished, on_progress)]
        layers, unmeasured = _measure(job, samples if measured else None, unfinished, on_progress)
        notes += [unmeasured] if unmeasured else []
        name = base_name or job.checkpoint.path.resolve().name
        card = _card(job, name, texts, samples, unfinished, layers, notes, time.monotonic() - started)
        write_card(unfinished, card)
    return card


def _samples(job: Job, texts: Calibration) -> Samples | None:
    """Return the tokens that the recipe needs; None where it needs none and the model has no tokenizer."""
    recipe: Any = job.recipe
    if not recipe.needs_calibration:
        return tokenize(job.checkpoint, texts, 0, 1) if job.checkpoint.tokenizer else None
    longest = getattr(job.architecture.skeleton.config, "max_position_embeddings", None)
    if longest and recipe.tokens > longest:
        raise CalibrationError(
            f"Samples of {recipe.tokens} tokens are too long: the model takes {longest}.", "Set tokens lower."
        )
    return tokenize(job.checkpoint, texts, recipe.samples, recipe.tokens)


def _make(job: Job, samples: Samples | None, folder: Path, on_progress: Listener) -> list[str]:
    """Write the checkpoint, and return what its user should know of how it was made."""
    unseen: list[str] = []
    _write_settings(job, folder)
    _copy_side_files(job.checkpoint, folder)
    with TensorReader(job.checkpoint) as base, TensorFile(folder / WEIGHTS, job.plan.slots) as made:
        if isinstance(job.recipe, OWN_METHODS):
            _write_by_layer(job, samples, base, made, on_progress, unseen.append)
        else:
            _write_by_llmcompressor(job, samples, base, made, on_progress)
    if not unseen:
        return []
    return [
        f"{len(unseen)} layers are pruned by magnitude, {unseen[0]} among them: the model takes their "
        "weights without calling them"
    ]


def _write_by_layer(
    job: Job,
    samples: Samples | None,
    base: TensorReader,
    made: TensorFile,
    on_progress: Listener,
    on_unseen: Callable[[str], None],
) -> None:
    chosen = {layer.name for layer in job.plan.layers}
    for name in job.architecture.stored:
        if name.removesuffix(".weight") not in chosen:
            made.write(name, _checked(name, base.read(name)))
    for done, (layer, tensors) in enumerate(_layers(job, base, samples, on_unseen), start=1):
        for name, tensor in tensors.items():
            made.write(name, tensor)
        on_progress(Progress("compressing", layer, done, len(chosen)))


def _layers(
    job: Job, base: TensorReader, samples: Samples | None, on_unseen: Callable[[str], None]
) -> Iterator[tuple[str, dict[str, "Tensor"]]]:
    """Yield each layer's name and the tensors in which it is stored."""
    if isinstance(job.recipe, Wanda):
        from compress.wanda import wanda

        assert samples is not None
        yield from wanda(job.architecture, job.plan, job.recipe, base, samples.calibration, on_unseen)
        return
    from compress.direct import compressed_layer

    for layer in job.plan.layers:
        name = f"{layer.name}.weight"
        yield layer.name, compressed_layer(layer, _checked(name, base.read(name)), job.recipe)


def _write_by_llmcompressor(
    job: Job, samples: Samples | None, base: TensorReader, made: TensorFile, on_progress: Listener
) -> None:
    from compress.blocks import block_names
    from compress.with_llmcompressor import compressed_model

    assert samples is not None
    for name in base.names:
        _checked(name, base.read(name))
    blocks = block_names(job.architecture)
    model = _whole_model(job.checkpoint)
    chosen = {layer.name for layer in job.plan.layers}

    def over(stage: str, done: int) -> None:
        if done <= len(blocks):  # what comes after the blocks counts as one more
            on_progress(Progress(stage, blocks[done - 1], done, len(blocks)))

    for _, tensors in compressed_model(model, job.plan, job.recipe, samples.calibration, over):
        for name, tensor in tensors.items():
            made.write(name, tensor)
    state = model.state_dict()
    for name, slot in job.architecture.stored.items():
        if name.removesuffix(".weight") not in chosen:
            # older Llamas store rotary_emb.inv_freq, which is no part of the model's state
            kept = state[name].to(torch_type(slot.dtype)) if name in state else base.read(name)
            made.write(name, _checked(name, kept))


def _whole_model(checkpoint: Checkpoint) -> Any:
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from compress.blocks import device, fast_type

    logging.disable_progress_bar()  # there is a bar already
    dtype = getattr(torch, checkpoint.dtype)
    if device().type == "cpu":  # a processor without 16-bit products takes six times as long for them
        dtype = fast_type(dtype)
    return AutoModelForCausalLM.from_pretrained(
        checkpoint.path, dtype=dtype, local_files_only=True, use_safetensors=True, trust_remote_code=False
    ).eval()


def _checked(name: str, weight: "Tensor") -> "Tensor":
    if weight.is_floating_point() and not bool(weight.isfinite().all()):
        raise CheckpointError(
            f"{name} is not finite (NaN or infinite): the model is damaged.", "Download or train it again."
        )
    return weight


def _measure(
    job: Job, samples: Samples | None, folder: Path, on_progress: Listener
) -> "tuple[tuple[LayerReport, ...], str | None]":
    """Return what became of the layers, and why no errors were measured, None where they were."""
    from compress.measure import layer_errors, report_layers

    def over(block: str, done: int, total: int) -> None:
        on_progress(Progress("measuring", block, done, total))

    why = None if job.checkpoint.tokenizer else "no errors were measured: the model has no tokenizer"
    errors: dict[str, float] = {}
    with TensorReader(job.checkpoint) as base, TensorReader(read_checkpoint(folder)) as made:
        try:
            if samples:
                errors = layer_errors(job.architecture, base, made, job.recipe, samples.held_out, over)
        except NotInBlocksError as error:  # the checkpoint is whole, and may have taken hours
            why = f"no errors were measured: {error.message.rstrip('.')}"
        found = report_layers(job.architecture, made, job.recipe, errors)
    changed = {layer.name for layer in job.plan.layers}
    why = why or (None if errors else "no errors were measured")
    return tuple(layer for layer in found if layer.name in changed), why


def _card(
    job: Job,
    base_name: str,
    texts: Calibration,
    samples: Samples | None,
    folder: Path,
    layers: "tuple[LayerReport, ...]",
    notes: list[str],
    seconds: float,
) -> Card:
    from compress.architecture import stored_tensors

    made = read_checkpoint(folder)
    weights = {layer.name: layer.rows * layer.width for layer in job.plan.layers}
    errors = [layer.error for layer in layers if layer.error is not None]
    recipe = job.recipe.model_dump(mode="json")
    used: dict[str, Any] = {"name": texts.name, "hash": texts.hash}
    if job.recipe.needs_calibration:
        used |= {"samples": recipe["samples"], "tokens": recipe["tokens"]}
    return Card(
        recipe=recipe,
        recipe_hash=job.recipe.hash,
        base={
            "name": base_name,
            "hash": job.checkpoint.content_hash,
            "size_bytes": job.checkpoint.size_bytes,
        },
        calibration=used if samples else None,
        size_bytes=made.size_bytes,
        memory_bytes=sum(slot.size_bytes for slot in stored_tensors(made).values()),
        unpacked_bytes=sum(slot.size_bytes for slot in job.architecture.stored.values()),
        sparsity=sum(layer.sparsity * weights[layer.name] for layer in layers) / sum(weights.values()),
        pattern=pattern_of(job.recipe, layers),
        error=sum(errors) / len(errors) if errors else None,
        seconds=round(seconds, 3),
        notes=tuple(notes),
        versions=versions(),
        layers=layers,
    )


def _write_settings(job: Job, folder: Path) -> None:
    from compress.scheme import quantization_config

    config = {key: value for key, value in job.checkpoint.config.items() if key not in _NOT_COPIED}
    schemes = {layer.name: layer.scheme for layer in job.plan.layers if layer.scheme}
    if schemes:
        tied = "lm_head" if "lm_head" not in job.architecture.linears else None
        others = {*job.plan.others, *([tied] if tied else [])}
        config["quantization_config"] = quantization_config(schemes, others)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def _copy_side_files(checkpoint: Checkpoint, folder: Path) -> None:
    found = [file for pattern in _SIDE_FILES for file in checkpoint.path.glob(pattern)]
    for file in (*checkpoint.tokenizer, *found):
        if file.is_file():
            shutil.copyfile(file, folder / file.name)
    for template in checkpoint.path.glob("additional_chat_templates/*.jinja"):
        (folder / "additional_chat_templates").mkdir(exist_ok=True)
        shutil.copyfile(template, folder / "additional_chat_templates" / template.name)
