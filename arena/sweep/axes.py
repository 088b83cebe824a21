"""What can be swept, and which contestants play at a value of it."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import platformdirs

from arena.engines.options import nearest
from arena.engines.registry import parse_contestant
from arena.errors import UsageError
from arena.lineup import spelled_out

MOST_POINTS = 1000

_NUMBER = r"\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER})(?:\.\.({_NUMBER}))?")
_GRID_NAME = re.compile(r"(?P<stem>[a-z]+)-w(?P<bits>\d+)(?P<group>g\d+)?")
_SPARSE_NAME = re.compile(r"(?P<stem>[a-z]+)-\d+(?:\.\d+)?")
_TYPED = re.compile(r"(?P<head>(?:[^\\,]|\\.)*)(?P<options>.*)", re.DOTALL)


@dataclass(frozen=True)
class Axis:
    """One axis. `recipe` is the one whose number it changes, `setting` the contestants' setting it sets.

    At the value `unset` (where there is one, beside those from `least` to `most`) the contestants are as they
    are typed. `suite` is played unless another one is asked for.
    """

    name: str
    about: str
    unit: str
    harder: Literal["more", "fewer"]
    least: float
    most: float
    whole: bool = True
    recipe: str = ""
    setting: str = ""
    unset: float | None = None
    suite: str = "small"

    def label(self, value: float) -> str:
        """Return a value with its unit: `4 bits`, `1,000 tokens of text`, `whole rows a scale`."""
        if self.name == "group-size" and value == 0:
            return "whole rows a scale"
        number = f"{value:,.0f}" if value == int(value) else f"{value:g}"
        unit = self.unit.removesuffix("s") if value == 1 and self.unit.count(" ") == 0 else self.unit
        return f"{number} {unit}" if unit[0] != "%" else f"{number}{unit}"

    def hardness(self, value: float) -> float:
        """Return a number that is larger the harder the value is."""
        if self.name == "group-size" and value == 0:
            return float("inf")
        return value if self.harder == "more" else -value


@dataclass(frozen=True)
class Point:
    """One value: the contestants as they are typed after `-a`, and their names in the point's run.

    The value is None for the model that nothing was done to.
    """

    value: float | None
    typed: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Sweep:
    """All points of a sweep, the easiest first, and what each is compared with.

    That is `reference` where there is one. Otherwise, where several contestants play at each point, the first
    of them at the same value (`crossing`); where one plays, the same at the easiest value.
    """

    axis: Axis
    models: tuple[str, ...]
    points: tuple[Point, ...]
    reference: Point | None
    crossing: bool


@cache
def axes() -> Mapping[str, Axis]:
    """Return all axes by name."""
    tables = tomllib.loads(files("arena.sweep").joinpath("axes.toml").read_text(encoding="utf-8"))
    return {name: Axis(name, **table) for name, table in tables.items()}


def axis_called(name: str) -> Axis:
    """Return an axis by name. Raises `UsageError` with the nearest names."""
    if name not in axes():
        raise UsageError(
            f"no axis is called {name!r}", nearest(name, [*axes(), "turns"], "axes") or "see `arena sweep -h`"
        )
    return axes()[name]


def read_values(axis: Axis, texts: Sequence[str]) -> list[float]:
    """Return the values as typed (`8 4 3 2`, also `2..8` for all whole ones), the easiest first.

    Raises `UsageError` for what is no number, or can't be a value of this axis.
    """
    found: dict[float, None] = {}
    for text in texts:
        match = _RANGE.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text!r} is no value of {axis.name}", "write numbers: 8 4 3 2, or 2..8 for all"
            )
        first, last = float(match[1]), float(match[2] or match[1])
        if abs(last - first) > MOST_POINTS:
            raise UsageError(f"{text} are too many values", f"at most {MOST_POINTS}")
        if match[2] and last < first:
            first, last = last, first
        value = first
        while value <= last:
            _check(axis, value)
            found[value] = None
            value += 1
    if len(found) < 2 and not (axis.recipe and found):
        raise UsageError(f"a sweep of {axis.name} needs values", f"{axis.about}: write 2 or more of them")
    return sorted(found, key=axis.hardness)


def line_up_sweep(axis: Axis, values: Sequence[float], agents: Sequence[str], recipe: str | None) -> Sweep:
    """Return the sweep of contestants as typed. Raises `UsageError` where they don't fit the axis."""
    if not agents:
        raise UsageError("a sweep needs a contestant", "add -a SPEC; `arena agents` lists the forms")
    if not axis.recipe and recipe:
        raise UsageError(f"{axis.name} is no number of a recipe", "leave out --recipe")
    agents = [spelled_out(agent) for agent in agents]
    names = [parse_contestant(agent).name for agent in agents]
    if axis.setting:
        points = tuple(_burdened(axis, value, agents, names) for value in values)
        return Sweep(axis, tuple(names), points, None, crossing=len(agents) > 1)
    if len(agents) > 1:
        raise UsageError(
            f"{axis.name} is swept for one model at a time", "give one -a; it is compressed at each value"
        )
    base = Point(None, tuple(agents), tuple(names))
    recipes = {value: recipe_at(axis, value, recipe or axis.recipe) for value in values}
    compressed = tuple(_compressed(value, agents[0], made) for value, made in recipes.items())
    return Sweep(axis, tuple(names), compressed, base, crossing=False)


def recipe_at(axis: Axis, value: float, recipe: str) -> str:
    """Return the recipe that is `recipe` with another number: a name of the same form, or a file.

    Raises `UsageError` where its name has no such number.
    """
    if axis.name == "calibration":
        return _recipe_file(recipe, int(value))
    sparse, grid = _SPARSE_NAME.fullmatch(recipe), _GRID_NAME.fullmatch(recipe)
    if axis.name == "sparsity" and sparse:
        return f"{sparse['stem']}-{value:g}"
    if axis.name == "bits" and grid:
        return f"{grid['stem']}-w{value:.0f}{grid['group'] or ''}"
    if axis.name == "group-size" and grid:
        return f"{grid['stem']}-w{grid['bits']}" + (f"g{value:.0f}" if value else "")
    raise UsageError(f"the recipe {recipe!r} has no {axis.name} in its name", f"give one like {axis.recipe}")


def _recipe_file(recipe: str, samples: int) -> str:
    """Return the file of a recipe with so many calibration texts; names can't say their number."""
    from arena.compressed import compress_errors
    from compress.recipe import read_recipe

    with compress_errors():
        calibrated = read_recipe(recipe).needs_calibration
    if not calibrated or recipe.endswith(".toml"):
        raise UsageError(f"the recipe {recipe!r} looks at no texts", "give one like wanda-50 or gptq-w4g128")
    folder = platformdirs.user_cache_path("arena") / "recipes"
    file = folder / f"{recipe.replace(':', 'of')}-samples-{samples}.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(f'base = "{recipe}"\nsamples = {samples}\n', encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} can't be written: {error.strerror or error}") from error
    return str(file)


def _compressed(value: float, agent: str, recipe: str) -> Point:
    head, options = _parts(agent)
    own_name, equals, spec = head.partition("=") if _has_name(agent, head) else ("", "", head)
    if equals or recipe.endswith(".toml"):  # a path is no name
        called = (
            f"{_name(own_name or spec)}-{_name(Path(recipe).stem if recipe.endswith('.toml') else recipe)}"
        )
        head = f"{called}={spec}"
    typed = f"{head}+{recipe}{options}"
    return Point(value, (typed,), (parse_contestant(typed).name,))


def _burdened(axis: Axis, value: float, agents: Sequence[str], names: Sequence[str]) -> Point:
    called = [f"{_name(name)}-{axis.name}-{value:.0f}" for name in names]
    setting = "" if value == axis.unset else f",{axis.setting}={value:.0f}"
    typed = []
    for agent, name in zip(agents, called, strict=True):
        head, options = _parts(agent)
        spec = head.partition("=")[2] if _has_name(agent, head) else head
        typed.append(f"{name}={spec}{options}{setting}")
        parse_contestant(typed[-1])  # an engine that lacks the option says so before anything is played
    return Point(value, tuple(typed), tuple(called))


def _parts(agent: str) -> tuple[str, str]:
    """Return what stands before a contestant's first option, and its options with their comma."""
    match = _TYPED.fullmatch(agent.strip())
    assert match is not None
    return match["head"], match["options"]


def _has_name(agent: str, head: str) -> bool:
    """Tell whether a contestant was typed with a name of its own."""
    return head.startswith(f"{parse_contestant(agent).name}=")


def _name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)


def _check(axis: Axis, value: float) -> None:
    if value == axis.unset:
        return
    if not axis.least <= value <= axis.most or (axis.whole and value != int(value)):
        kind = "whole numbers " if axis.whole else ""
        beside = "" if axis.unset is None else f", and {axis.unset:g}"
        raise UsageError(
            f"{value:g} is no value of {axis.name}", f"{kind}from {axis.least:g} to {axis.most:g}{beside} are"
        )
