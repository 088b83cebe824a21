"""`arena compress`: a recipe and a model to a checkpoint that transformers and vLLM load."""

import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.cli.options import Json

if TYPE_CHECKING:
    from compress.card import Card
    from compress.compressor import Job


def compress(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model folder, a GGUF file, a hub id, a preset, smollm2.")
    ],
    recipe: Annotated[
        str, typer.Option("--recipe", "-r", metavar="NAME|FILE", help="See `arena recipes`, or a TOML file.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The new folder (default: MODEL-RECIPE here).")
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a setting of the recipe.")
    ] = None,
    calibration: Annotated[
        str, typer.Option(metavar="FILE|DIR|bundled|trajectories:RUN", help="The text to calibrate with.")
    ] = "bundled",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done, and the size of the result.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
    as_json: Json = False,
) -> None:
    """Compress a model: quantize or prune it by a recipe, and measure what that did to each layer.

    The result is a model folder with a card, arena.json; it appears when it is complete.
    """
    from arena.calibration import find_calibration
    from arena.cli.compression import CompressionProgress
    from arena.cli.output import print_json
    from arena.compressed import base_folder
    from arena.engines.options import read_options
    from arena.errors import UsageError
    from arena.presets import meant
    from arena.study.lineup import model_of
    from compress.compressor import compress as compress_model
    from compress.compressor import prepare
    from compress.recipe import read_recipe

    chosen = read_recipe(recipe, read_options(changes or [], "--set"))
    texts = find_calibration(calibration)
    # a name without characters that mean something in a SPEC or a shell
    folder = out or Path(re.sub(r"[^\w.-]+", "-", f"{Path(model).name}-{chosen.name}").strip("-"))
    if folder.exists() and not dry_run:
        raise UsageError(f"{folder} exists already", "name another folder with --out, or remove it")
    # asked to end by a scheduler or `kill`: half a checkpoint must go, too
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    preset = meant(model)
    base = base_folder(model_of(preset.spec) if preset else model)
    if dry_run:
        job = prepare(base, chosen)
        document = _planned(job, folder)
        print_json(document) if as_json else _print_plan(document, job)
        return
    with CompressionProgress(quiet=quiet) as progress:
        card = compress_model(
            base,
            chosen,
            folder,
            calibration=texts,
            base_name=model,
            on_progress=lambda step: progress.listen(f"{model}+{chosen.name}", step),
        )
    if as_json:
        print_json(_made(card, folder))
    else:
        _print_made(card, folder)


def _planned(job: "Job", folder: Path) -> dict[str, Any]:
    weights = {layer.name: layer.rows * layer.width for layer in job.plan.layers}
    zeros = sum(layer.sparsity * weights[layer.name] for layer in job.plan.layers)
    return {
        "out": str(folder),
        "recipe": job.recipe.name,
        "dry_run": True,
        "size_bytes": job.plan.size_bytes,
        "base_size_bytes": job.checkpoint.size_bytes,
        "sparsity": zeros / sum(weights.values()),
        "pattern": getattr(job.recipe, "pattern", None),
        "notes": list(job.plan.notes),
        "settings": job.recipe.model_dump(mode="json"),
        "layers": [
            {
                "name": layer.name,
                "bits": layer.scheme.bits if layer.scheme else job.weight_bits(layer.name),
                "group_size": layer.scheme.group_size if layer.scheme else None,
                "sparsity": layer.sparsity,
                "error": None,
            }
            for layer in job.plan.layers
        ],
    }


def _made(card: "Card", folder: Path) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "out": str(folder),
        "recipe": card.recipe["name"],
        "size_bytes": card.size_bytes,
        "base_size_bytes": card.base["size_bytes"],
        "memory_bytes": card.memory_bytes,
        "unpacked_bytes": card.unpacked_bytes,
        "sparsity": card.sparsity,
        "pattern": card.pattern,
        "error": card.error,
        "seconds": card.seconds,
        "notes": list(card.notes),
        "calibration": card.calibration,
        "settings": card.recipe,
        "layers": [
            {key: value for key, value in asdict(layer).items() if key != "has_pattern"}
            for layer in card.layers
        ],
    }


def _print_plan(document: dict[str, Any], job: "Job") -> None:
    from arena.cli.output import print_table, say

    print_table(
        ("layer", ">rows", ">width", ">bits", ">group", ">sparsity"),
        [
            (
                planned["name"],
                layer.rows,
                layer.width,
                planned["bits"],
                planned["group_size"] or "",
                f"{planned['sparsity']:.2f}",
            )
            for planned, layer in zip(document["layers"], job.plan.layers, strict=True)
        ],
    )
    _say_notes(document["notes"])
    say(
        f"{document['recipe']} would write {document['out']}: {_megabytes(document['size_bytes'])}, "
        f"the model has {_megabytes(document['base_size_bytes'])}; nothing was done"
    )


def _print_made(card: "Card", folder: Path) -> None:
    from arena.cli.output import print_table, say

    worst = sorted((layer for layer in card.layers if layer.error is not None), key=lambda x: -(x.error or 0))
    if worst:
        print_table(
            ("layers with the largest error", ">bits", ">sparsity", ">error"),
            [(layer.name, layer.bits, f"{layer.sparsity:.2f}", f"{layer.error:.4f}") for layer in worst[:5]],
        )
    _say_notes(card.notes)
    zeros = f", {card.sparsity:.1%} zeros" if "sparsity" in card.recipe else ""
    pattern = f" in the pattern {card.pattern}" if card.pattern else ""
    error = f", mean error {card.error:.4f}" if card.error is not None else ""
    say(
        f"{folder}: {_megabytes(card.size_bytes)} (the model has {_megabytes(card.base['size_bytes'])})"
        f"{zeros}{pattern}{error}, {card.seconds:.1f} s\nplay it with -a hf:{folder}"
    )


def _say_notes(notes: Any) -> None:
    from arena.cli.output import say

    for note in notes:
        say(f"note: {note}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
