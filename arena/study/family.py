"""Which contestants of a run descend from which base model, and by which recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arena.compressed import split_recipe
from arena.plan import read_plan
from arena.study.lineup import model_of, recipe_name
from compress.recipe import is_recipe, name_in_file


@dataclass(frozen=True)
class Family:
    """A base model's contestants: the base itself, and recipe -> the name of the compressed one."""

    base: str
    size_bytes: int
    compressed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Descent:
    """A contestant's base model (as typed, with its engine), and the recipe that made it; None for a base."""

    model: str
    recipe: str | None


def descents(contestants: Sequence[Mapping[str, Any]]) -> dict[str, Descent]:
    """Return what each contestant of a plan was made of, by name.

    `MODEL+RECIPE` says it by itself. What was made elsewhere (a server's model, a folder of its own) is known
    by its name: `BASE-RECIPE`, where BASE is the name of another contestant.
    """
    found: dict[str, Descent] = {}
    for each in contestants:
        model, recipe = split_recipe(each["spec"])
        found[each["name"]] = Descent(model, recipe_name(recipe) if recipe else None)
    bases = {name: known.model for name, known in found.items() if known.recipe is None}
    for name in bases:
        for base, model in bases.items():
            recipe = name_in_file(name.removeprefix(f"{base}-"))
            if name.startswith(f"{base}-") and is_recipe(recipe):
                found[name] = Descent(model, recipe)
    return found


def families(run: Path) -> list[Family]:
    """Return the families of a run, the smallest base model first.

    Of a family are the contestants that descend from one model in the same engine, so that numerics are no
    part of what compression cost. Of two with the same model and recipe the first counts; compressed ones
    without their base are left out.
    """
    planned = read_plan(run)["contestants"]
    sizes = {each["name"]: each.get("size_bytes") or 0 for each in planned}
    bases: dict[str, str] = {}
    compressed: dict[str, dict[str, str]] = {}
    for name, descent in descents(planned).items():
        if descent.recipe is None:
            bases.setdefault(descent.model, name)
        else:
            compressed.setdefault(descent.model, {}).setdefault(descent.recipe, name)
    found = [
        Family(name, sizes[name], compressed[model]) for model, name in bases.items() if model in compressed
    ]
    return sorted(found, key=lambda family: family.size_bytes)


def by_model(run: Path) -> list[list[str]]:
    """Return the contestants that play with each base model or what was made of it, in any engine.

    Of each model its base comes first. A run without two such models is one group, in its own order.
    """
    bases: dict[str, list[str]] = {}
    compressed: dict[str, list[str]] = {}
    found = descents(read_plan(run)["contestants"])
    for name, descent in found.items():
        (compressed if descent.recipe else bases).setdefault(model_of(descent.model), []).append(name)
    groups = [[*names, *compressed[model]] for model, names in bases.items() if model in compressed]
    return groups if len(groups) > 1 else [[*found]]
