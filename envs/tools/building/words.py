"""The words that invented people, movies and papers are put together from (`words.toml`)."""

import random
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def words() -> dict[str, Any]:
    """Return all word lists."""
    return tomllib.loads(files("envs.tools.building").joinpath("words.toml").read_text(encoding="utf-8"))


def people_names(rng: random.Random, count: int, taken: set[str]) -> list[str]:
    """Return `count` different invented names of people and add them to `taken`."""
    parts = words()["people"]
    names: list[str] = []
    while len(names) < count:
        last = "".join(rng.choice(parts[key]) for key in ("last_start", "last_middle", "last_end"))
        name = f"{rng.choice(parts['first'])} {last}"
        if name not in taken:
            taken.add(name)
            names.append(name)
    return names
