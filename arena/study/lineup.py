"""Who plays in the study: each model, its twin, its native tool template, and all that recipes make of it."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

import tomli_w

from arena.compressed import compress_errors
from arena.errors import UsageError
from arena.suite import Suite
from compress.recipe import Fp8, file_name, name_in_file, read_recipe
from envs.registry import benchmark

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
    made: Mapping[str, str] | None = None,
    *,
    with_tools: bool = True,
    vllm_too: bool = False,
) -> list[str]:
    """Return the study's contestants as they are typed after `-a`; the first model is the baseline.

    Of each model: the base; the base once more, which must tie (A/A); the base with tools in its chat
    template, where tasks have any (`with_tools`); each recipe (names, or files as `calibrated_recipes`
    writes). Last of all, since they are slow: with the engine `vllm`, the base in transformers, which shows
    what numerics do, and the recipes `in_hf` beside it; with `hf` the base in vLLM, if `vllm_too`. `made` has
    the contestants that stand for a recipe of the (only) model, instead of what would be made here. Raises
    `UsageError` as `model_names` does.
    """
    made = made or {}
    other = "hf" if engine == "vllm" else "vllm" if vllm_too else None
    lines: list[str] = []
    slow: list[str] = []
    for name, model in model_names(models, made).items():
        spec = _spec(model, engine)
        lines += [f"{name}={spec}", f"{name}-again={spec}"]
        if with_tools and model != "bundled":  # whose chat template takes none
            lines.append(f"{name}-tools={spec},tools={'server' if is_served(model) else 'template'}")
        if other and not is_served(model):
            slow.append(f"{name}-in-{other}={other}:{model_of(model)}")
        for recipe in to_make(model, recipes, made):
            known_as = recipe_name(recipe)
            late = engine == "vllm" and known_as in in_hf
            base = f"hf:{model_of(model)}" if late else spec
            (slow if late else lines).append(f"{name}-{file_name(known_as)}={base}+{recipe}")
        lines += [f"{name}-{file_name(recipe)}={given}" for recipe, given in made.items()]
    return lines + slow


def offers_tools(suite: Suite) -> bool:
    """Return whether a task of the suite is answered by a call of a tool."""
    return any(
        (group.settings.protocol or suite.settings.protocol) == "json"
        and benchmark(group.benchmark).has_tools()
        for group in suite.tasks
    )


def model_names(models: Sequence[str], made: Collection[str] = ()) -> dict[str, str]:
    """Return models by the names that they play under.

    Raises `UsageError` for models that can't be compressed here (a server's can't: what recipes make of it
    has to be in `made`), for two that are called the same, and where it isn't said of which model `made` is.
    """
    if made and len(models) > 1:
        raise UsageError("--made says what was made of one model", "study the models one by one")
    found: dict[str, str] = {}
    for model in models:
        if re.match(r"(expert|random|script|replay)(:|$)", model):
            raise UsageError(
                f"{model!r} has no weights to compress",
                "give folders, hub ids, presets, `bundled`, or openai:URL#MODEL with --made RECIPE=SPEC",
            )
        if is_served(model) and not made:
            raise UsageError(
                f"what a server keeps can't be compressed here: {model_of(model)}",
                "say where it serves what was made of it: --made awq-w4g128=openai:URL#MODEL",
            )
        name = plain_name(Path(model.rpartition("#")[2] if is_served(model) else model).name)
        if name in found:
            raise UsageError(f"two models are called {name!r}", "rename one of the folders")
        found[name] = model
    return found


def read_made(typed: Sequence[str]) -> dict[str, str]:
    """Read `RECIPE=SPEC[,option=value…]`, as --made takes it. Raises `UsageError`."""
    found: dict[str, str] = {}
    for text in typed:
        recipe, equals, spec = text.partition("=")
        if not equals or not spec:
            raise UsageError(f"--made {text} is not RECIPE=SPEC", "write --made awq-w4g128=openai:URL#MODEL")
        with compress_errors():
            read_recipe(recipe)
        if recipe.endswith(".toml"):
            raise UsageError(f"--made takes a recipe's name, not {recipe}", "`arena recipes` lists them")
        if recipe in found:
            raise UsageError(f"--made says twice what {recipe} made", "leave one out")
        found[recipe] = spec
    return found


def to_make(model: str, recipes: Sequence[str], made: Collection[str]) -> Sequence[str]:
    """Return the recipes whose checkpoints are made here: none of a server's model, nor those in `made`."""
    return [] if is_served(model) else [each for each in recipes if recipe_name(each) not in made]


def is_served(model: str) -> bool:
    """Return whether a server keeps the model's weights."""
    return model.startswith("openai:")


def _spec(model: str, engine: EngineKind) -> str:
    if is_served(model) or (model == "bundled" and engine == "hf"):
        return model
    return f"{engine}:{model_of(model)}"


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
    """Return a model without its engine's name: `vllm:qwen` is `qwen`, `openai:URL#qwen` is `URL#qwen`."""
    return model.partition(":")[2] if model.startswith(("hf:", "vllm:", "openai:")) else model
