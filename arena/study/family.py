"""Which contestants of a run descend from which base model, and by which recipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from arena.compressed import split_recipe
from arena.plan import read_plan
from arena.study.lineup import model_of, recipe_name


@dataclass(frozen=True)
class Family:
    """A base model's contestants: the base itself, and recipe -> the name of the compressed one."""

    base: str
    size_bytes: int
    compressed: Mapping[str, str] = field(default_factory=dict)


def families(run: Path) -> list[Family]:
    """Return the families of a run, the smallest base model first.

    A family is told by how its contestants are typed: `MODEL` and `MODEL+RECIPE` with the same engine, so
    that numerics are no part of what compression cost. Of two contestants with the same model and recipe the
    first counts; compressed ones without their base are left out.
    """
    bases: dict[str, tuple[str, int]] = {}
    compressed: dict[str, dict[str, str]] = {}
    for contestant in read_plan(run)["contestants"]:
        model, recipe = split_recipe(contestant["spec"])
        if recipe is None:
            bases.setdefault(model, (contestant["name"], contestant.get("size_bytes", 0)))
        else:
            compressed.setdefault(model, {}).setdefault(recipe_name(recipe), contestant["name"])
    found = [
        Family(name, size, compressed.get(model, {}))
        for model, (name, size) in bases.items()
        if model in compressed
    ]
    return sorted(found, key=lambda family: family.size_bytes)


def by_model(run: Path) -> list[list[str]]:
    """Return the contestants that play with each base model or what was made of it, in any engine.

    Of each model its base comes first. A run without two such models is one group, in its own order.
    """
    bases: dict[str, list[str]] = {}
    compressed: dict[str, list[str]] = {}
    planned = read_plan(run)["contestants"]
    for contestant in planned:
        typed, recipe = split_recipe(contestant["spec"])
        (compressed if recipe else bases).setdefault(model_of(typed), []).append(contestant["name"])
    found = [[*names, *compressed[model]] for model, names in bases.items() if model in compressed]
    return found if len(found) > 1 else [[contestant["name"] for contestant in planned]]
