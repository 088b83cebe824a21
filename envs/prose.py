"""Texts of any length, of our own making: sentences that say nothing that a question will ask for."""

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Literal

Language = Literal["en", "zh"]


@cache
def _words(language: Language) -> Mapping[str, Sequence[str]]:
    return tomllib.loads(files("envs").joinpath("prose.toml").read_text(encoding="utf-8"))[language]


@cache
def _patterns(language: Language) -> Sequence[tuple[str, Sequence[Sequence[str]]]]:
    """Return each pattern with bare places, and the words that may fill each."""
    words = _words(language)
    found = []
    for pattern in words["patterns"]:
        pieces = list(Formatter().parse(pattern))
        bare = "".join(literal + ("{}" if name else "") for literal, name, _, _ in pieces)
        found.append((bare, [words[name] for _, name, _, _ in pieces if name]))
    return found


def sentences(seed: str, language: Language = "en") -> Iterator[str]:
    """Yield sentences without end: the same ones for the same seed."""
    draw = random.Random(f"prose-{language}-{seed}")
    pick, patterns = draw.random, _patterns(language)
    while True:
        pattern, places = patterns[int(pick() * len(patterns))]
        yield pattern.format(*(words[int(pick() * len(words))] for words in places))


def passage(seed: str, size: int, language: Language = "en") -> list[str]:
    """Return sentences that make up at least `size` words (characters, in Chinese) together."""
    chosen: list[str] = []
    length = 0
    for sentence in sentences(seed, language):
        if length >= size:
            return chosen
        chosen.append(sentence)
        length += len(sentence) if language == "zh" else sentence.count(" ") + 1
    return chosen
