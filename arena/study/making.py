"""The study's checkpoints, made before anything is played: by this Python or another."""

from collections.abc import Sequence

from arena.compressed import Listener, compress_errors, is_kept, kept_checkpoint
from arena.presets import meant
from arena.study.lineup import model_of, recipe_name
from compress.compressor import OWN_METHODS
from compress.recipe import read_recipe


def made_here(models: Sequence[str], recipes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the recipes that can be played without llm-compressor, and the names of the others.

    Those are the ones that Arena makes by itself, and those that are kept of every model. Raises as
    `arena.compressed.resolve` does.
    """
    playable = [recipe for recipe in recipes if _is_ours(recipe) or _are_kept(models, recipe)]
    return playable, [recipe_name(recipe) for recipe in recipes if recipe not in playable]


def make(models: Sequence[str], recipes: Sequence[str], on_progress: Listener) -> None:
    """Make and keep all checkpoints; minutes to hours. Raises as `arena.compressed.resolve` does."""
    for model in models:
        for recipe in recipes:
            kept_checkpoint(_weights(model), recipe, on_progress)


def _is_ours(recipe: str) -> bool:
    with compress_errors():
        return isinstance(read_recipe(recipe), OWN_METHODS)


def _are_kept(models: Sequence[str], recipe: str) -> bool:
    return all(is_kept(_weights(model), recipe) for model in models)


def _weights(model: str) -> str:
    """Return the folder or hub id of a model; a preset's hub id."""
    found = meant(model)
    return model_of(found.spec if found else model)
