"""Who plays in the study: each model, its twin, its native tool template, and all that recipes make of it."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

import tomli_w

from arena.compressed import compress_errors
from arena.errors import UsageError
from compress.recipe import Fp8, file_name, name_in_file, read_recipe

RECIPES = (
    "gptq-w4g128",
    "magnitude-50",
    "smoothquant-w8a8",
    "magnitude-2:4",
    "awq-w4g128",
    "wanda-50",
    "rtn-w4g128",
    "sparsegpt-50",
    "wanda-2:4",
    "rtn-w3g128",
    "magnitude-30",
    "sparsegpt-2:4",
    "fp8",
    "gptq-w8",
)
"""In this order they are played: a study that is ended early has quantized and pruned ones to compare."""
EngineKind = Literal["hf", "vllm"]


def study_contestants(
    models: Sequence[str],
    recipes: Sequence[str],
    engine: EngineKind = "hf",
    in_hf: Collection[str] = (),
) -> list[str]:
    """Return the study's contestants as they are typed after `-a`; the first model is the baseline.

    Of each model: the base; the base once more, which must tie (A/A); the base with tools in its chat
    template; each recipe (names, or files as `calibrated_recipes` writes). With `vllm`, last of all and slow:
    the base in transformers, which shows what numerics do, and the recipes `in_hf` beside it. Raises
    `UsageError` as `model_names` does.
    """
    lines: list[str] = []
    slow: list[str] = []
    for name, model in model_names(models).items():
        hf = f"hf:{model_of(model)}"
        spec = model if model == "bundled" and engine == "hf" else f"{engine}:{model_of(model)}"
        lines += [f"{name}={spec}", f"{name}-again={spec}"]
        if model != "bundled":  # its chat template takes no tools
            lines.append(f"{name}-tools={spec},tools=template")
        if engine == "vllm":
            slow.append(f"{name}-in-hf={hf}")
        for recipe in recipes:
            known_as = recipe_name(recipe)
            late = engine == "vllm" and known_as in in_hf
            typed = f"{name}-{file_name(known_as)}={hf if late else spec}+{recipe}"
            (slow if late else lines).append(typed)
    return lines + slow


def model_names(models: Sequence[str]) -> dict[str, str]:
    """Return models by the names that they play under.

    Raises `UsageError` for models that can't be compressed here, and for two that are called the same.
    """
    found: dict[str, str] = {}
    for model in models:
        if re.match(r"(openai|expert|random|script|replay)(:|$)", model):
            raise UsageError(
                f"the study compresses its models, and {model!r} is none that it can read",
                "give folders, hub ids or `bundled`; `arena batch study -a …` plays what servers serve",
            )
        name = plain_name(Path(model).name)
        if name in found:
            raise UsageError(f"two models are called {name!r}", "rename one of the folders")
        found[name] = model
    return found


def plain_name(name: str) -> str:
    """Return a name as it may be part of a file's: no separator leads out of the folder."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)


def calibrated_recipes(
    recipes: Sequence[str], samples: int | None, tokens: int | None, folder: Path
) -> list[str]:
    """Return the recipes, those that need calibration as files in `folder` that ask for so much of it.

    `samples` texts of `tokens` tokens; None leaves the recipe's own number (128 of 512).
    """
    changes = {key: value for key, value in (("samples", samples), ("tokens", tokens)) if value}
    return [_write(recipe, changes, folder) if changes else recipe for recipe in recipes]


def not_on_a_cpu(recipes: Sequence[str]) -> list[str]:
    """Return the names of the recipes whose checkpoints vLLM serves slowly on a CPU, or not at all.

    Those are weights of other widths than 4 bits, unless inputs are rounded too, and fp8. Raises `UsageError`
    for unknown recipes.
    """
    with compress_errors():
        read = [(recipe_name(recipe), read_recipe(recipe)) for recipe in recipes]
    return [name for name, recipe in read if isinstance(recipe, Fp8) or getattr(recipe, "bits", 4) != 4]


def recipe_name(recipe: str) -> str:
    """Return the name by which the study knows a recipe that is a name or a file: `wanda-2:4`."""
    return name_in_file(Path(recipe).stem) if recipe.endswith(".toml") else recipe


def _write(recipe: str, changes: Mapping[str, int], folder: Path) -> str:
    with compress_errors():
        if recipe.endswith(".toml") or not read_recipe(recipe).needs_calibration:
            return recipe
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file_name(recipe)}.toml"
    path.write_text(tomli_w.dumps({"base": recipe, **changes}), encoding="utf-8")
    return str(path)


def model_of(model: str) -> str:
    """Return a model without its engine's name: `vllm:qwen` is `qwen`."""
    return model.partition(":")[2] if model.startswith(("hf:", "vllm:")) else model
