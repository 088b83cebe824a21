"""Recipes: how to compress, as data. A TOML file each, a name each, and names for what lies between.

A name with other numbers in it means the recipe of that form with those numbers: `rtn-w3g32` is `rtn-w4g128`
with `bits = 3` and `group_size = 32`, and `magnitude-37` is `magnitude-50` with `sparsity = 0.37`.
"""

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from compress.errors import RecipeError

_FORMS = (
    re.compile(r"(?P<stem>[a-z]+)-w(?P<bits>\d+)(g(?P<group_size>\d+))?"),
    re.compile(r"(?P<stem>[a-z]+)-(?P<keep>\d+):(?P<of>\d+)"),
    re.compile(r"(?P<stem>[a-z]+)-(?P<percent>\d+(\.\d+)?)"),
)
_SAME_SPARSITY = 0.005
"""A pattern's sparsity may be written with two decimals."""


class _Recipe(BaseModel):
    """What all recipes have.

    `ignore` names layers that stay as they are: a whole name, its last part, or `re:` and a regular
    expression that matches from the beginning of the name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    about: str = ""
    ignore: tuple[str, ...] = ("lm_head",)

    @field_validator("ignore")
    @classmethod
    def _patterns_are_regular(cls, ignore: tuple[str, ...]) -> tuple[str, ...]:
        for each in ignore:
            if each.startswith("re:"):
                try:
                    re.compile(each[3:])
                except (re.error, RecursionError, OverflowError) as error:
                    raise ValueError(f"{each} is no regular expression ({error})") from None
        return ignore

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of what the recipe does; its name and description are no part of that."""
        settings = self.model_dump(mode="json", exclude={"name", "about"})
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    @property
    def needs_calibration(self) -> bool:
        """Whether the method looks at how texts run through the model."""
        return isinstance(self, Calibrated)


class Calibrated(_Recipe):
    """What recipes have that look at texts: how many, and how long (in tokens)."""

    samples: int = Field(128, ge=1)
    tokens: int = Field(512, ge=8)


class _Grid(_Recipe):
    """Weights as whole numbers: `group_size` neighbours of a row share a scale; 0 means the whole row."""

    bits: int = Field(4, ge=2, le=8)
    group_size: int = Field(128, ge=0)
    symmetric: bool = True


class _Zeros(_Recipe):
    """Weights set to 0: a share of each layer, or all but N of every M neighbours of a row (`pattern`)."""

    sparsity: float = Field(0.5, gt=0, lt=1)
    pattern: str | None = Field(None, pattern=r"^[1-9]\d*:[1-9]\d*$")

    @property
    def keep_of(self) -> tuple[int, int] | None:
        """(N, M): N weights of every M neighbours are kept; None without a pattern."""
        if self.pattern is None:
            return None
        keep, _, of = self.pattern.partition(":")
        return int(keep), int(of)

    @model_validator(mode="before")
    @classmethod
    def _sparsity_of_pattern(cls, settings: Any) -> Any:
        # a pattern says the sparsity by itself
        if isinstance(settings, dict) and re.fullmatch(r"\d+:\d+", str(settings.get("pattern") or "")):
            keep, of = map(int, settings["pattern"].split(":"))
            if not 0 < keep < of:
                raise ValueError(f"pattern {keep}:{of} keeps {keep} of every {of} weights")
            return {"sparsity": 1 - keep / of, **settings}
        return settings

    @model_validator(mode="after")
    def _agree(self) -> "_Zeros":
        if self.keep_of:
            keep, of = self.keep_of
            if abs(self.sparsity - (1 - keep / of)) > _SAME_SPARSITY:
                raise ValueError(
                    f"pattern {self.pattern} is a sparsity of {1 - keep / of:.3g}, not {self.sparsity:.3g}"
                )
        return self


class Rtn(_Grid):
    """Round to nearest."""

    method: Literal["rtn"]


class Fp8(_Recipe):
    """float8 E4M3 weights with a scale for each output channel, activations with a scale for each token."""

    method: Literal["fp8"]


class Magnitude(_Zeros):
    """The smallest weights of each layer become 0 (Han et al. 2015)."""

    method: Literal["magnitude"]


class Wanda(_Zeros, Calibrated):
    """|weight| x norm of the input decides, row by row (Sun et al. 2023, eq. 1)."""

    method: Literal["wanda"]


class SparseGpt(_Zeros, Calibrated):
    """The weights that are left make up for those set to 0 (Frantar and Alistarh 2023)."""

    method: Literal["sparsegpt"]
    dampening: float = Field(0.01, gt=0, lt=1)
    block_size: int = Field(128, ge=1)


class Gptq(_Grid, Calibrated):
    """Each column makes up for the rounding of those before it (Frantar et al. 2022)."""

    method: Literal["gptq"]
    dampening: float = Field(0.01, gt=0, lt=1)
    block_size: int = Field(128, ge=1)


class Awq(_Grid, Calibrated):
    """Channels with large inputs are scaled up before rounding (Lin et al. 2023)."""

    method: Literal["awq"]
    symmetric: bool = False


class SmoothQuant(Calibrated):
    """Large activations are moved into the weights, then both are rounded to 8 bits (Xiao et al. 2022)."""

    method: Literal["smoothquant"]
    strength: float = Field(0.8, ge=0, le=1)


Recipe = Rtn | Fp8 | Magnitude | Wanda | SparseGpt | Gptq | Awq | SmoothQuant
_READER: TypeAdapter[Recipe] = TypeAdapter(Annotated[Recipe, Field(discriminator="method")])


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    found = [file.name for file in (files("compress") / "recipes").iterdir()]
    return sorted(name_in_file(name[:-5]) for name in found if name.endswith(".toml"))


def file_name(name: str) -> str:
    """Return a recipe's name as files have it, without the colon that not every file system can have."""
    return name.replace(":", "of")


def name_in_file(stem: str) -> str:
    """Return the recipe's name that `file_name` was made of: `wanda-2:4`."""
    return re.sub(r"(\d)of(\d)", r"\1:\2", stem)


def read_recipe(name: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Return the recipe of a name or of a TOML file (a path that ends in `.toml`).

    `changes` are settings that hold instead of the recipe's own; their values may be text. Raises
    `RecipeError` for unknown names and settings (the nearest ones suggested) and for unfit values.
    """
    settings = _from_file(name) if name.endswith(".toml") else _from_name(name)
    changed = _changed(settings, changes or {})
    if isinstance(changed.get("ignore"), str):
        changed["ignore"] = [part for part in changed["ignore"].split(";") if part]
    if changes:
        changed["name"] = (
            f"{settings['name']}[{','.join(f'{key}={changes[key]}' for key in sorted(changes))}]"
        )
    try:
        return _READER.validate_python(changed)
    except ValidationError as error:
        raise _explained(name, error, changed.get("method")) from None


def is_recipe(name: str) -> bool:
    """Whether `name` is a recipe's name, one of that form, or a path that ends in `.toml`."""
    return name.endswith(".toml") or _known(name) is not None


def _known(name: str) -> tuple[str, dict[str, Any]] | None:
    """Return the shipped recipe that a name is built on, and the settings that the name changes."""
    names = recipe_names()
    if name in names:
        return name, {}
    for form in _FORMS:
        wanted = form.fullmatch(name)
        if not wanted:
            continue
        for other in names:
            if form.fullmatch(other) and other.startswith(f"{wanted['stem']}-"):
                return other, _numbers(wanted.groupdict())
    return None


def _numbers(found: Mapping[str, str | None]) -> dict[str, Any]:
    if "percent" in found:
        return {"sparsity": float(found["percent"] or 0) / 100}
    if "keep" in found:
        return {"pattern": f"{found['keep']}:{found['of']}"}
    return {"bits": int(found["bits"] or 0), "group_size": int(found["group_size"] or 0)}


def _from_name(name: str) -> dict[str, Any]:
    known = _known(name)
    if known is None:
        near = difflib.get_close_matches(name, recipe_names(), n=3, cutoff=0.5)
        raise RecipeError(
            f"There is no recipe {name!r}.",
            f"Did you mean {', '.join(near)}?" if near else "Say `arena recipes` for their names.",
        )
    base, numbers = known
    text = (files("compress") / "recipes" / f"{file_name(base)}.toml").read_text("utf-8")
    return _changed(tomllib.loads(text), numbers) | {"name": name}


def _from_file(name: str) -> dict[str, Any]:
    try:
        path = Path(name).expanduser()
        settings = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: nested too deep, no home folder
        raise RecipeError(f"The recipe {name} can't be read: {str(error).rstrip('.')}.") from None
    base = settings.pop("base", None)
    if base is not None:
        settings = _changed(_from_name(str(base)), settings)
    return settings | {"name": path.stem}


def _changed(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's settings with others instead of some; a pattern and a sparsity undo each other."""
    undone = {"pattern"} if "sparsity" in changes else {"sparsity"} if "pattern" in changes else set()
    if changes:
        undone.add("about")  # it describes the recipe's own numbers
    return {key: value for key, value in settings.items() if key not in undone} | dict(changes)


def _explained(name: str, error: ValidationError, method: Any) -> RecipeError:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part != method]
    setting = place[0] if place else ""
    if first["type"] == "extra_forbidden":
        known = sorted(set(_SETTINGS.get(str(method), ())) - {"name", "about", "method"})
        return RecipeError(
            f"The recipe {name} has no setting {setting!r} (its method is {method}).",
            f"Its settings: {', '.join(known)}.",
        )
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return RecipeError(
            f"The recipe {name} names no known method.", f"Methods: {', '.join(sorted(_SETTINGS))}."
        )
    why = first["msg"].removeprefix("Value error, ")
    if not setting:
        return RecipeError(f"The recipe {name} contradicts itself: {why}.")
    return RecipeError(f"The recipe {name} can't have {setting} = {first['input']!s:.60}: {why}.")


_SETTINGS: Mapping[str, tuple[str, ...]] = {
    get_args(kind.model_fields["method"].annotation)[0]: tuple(kind.model_fields)
    for kind in (Rtn, Fp8, Magnitude, Wanda, SparseGpt, Gptq, Awq, SmoothQuant)
}
