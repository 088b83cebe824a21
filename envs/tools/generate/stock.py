"""What to-do lists and sheets are filled with (`stock.toml`)."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def stock() -> dict[str, Any]:
    """Return all word lists."""
    return tomllib.loads(files("envs.tools.generate").joinpath("stock.toml").read_text(encoding="utf-8"))
