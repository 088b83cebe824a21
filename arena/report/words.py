"""The page's own words (`page/words.toml`) and style (`page/style.css`)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def words() -> Mapping[str, Any]:
    """Return titles, explanations, and the signs of verdicts."""
    return tomllib.loads(_page("words.toml"))


@cache
def style() -> str:
    """Return the style sheet."""
    return _page("style.css")


def _page(name: str) -> str:
    return files("arena.report").joinpath("page", name).read_text(encoding="utf-8")
