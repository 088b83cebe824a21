"""Bundled LongGenBench questions: word problems and choices, drawn from templates of our own."""

import random
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_TIMES = "*"


@cache
def wording() -> Mapping[str, Any]:
    """Return the templates and the requests' words (`questions.toml`)."""
    return tomllib.loads(files("envs.longgen").joinpath("questions.toml").read_text(encoding="utf-8"))


def problem(draw: random.Random) -> tuple[str, str]:
    """Return a word problem and its result."""
    form = draw.choice(wording()["problems"])
    numbers = {letter: draw.randint(*form[letter]) for letter in "abc"}
    result = numbers["a"]
    for step in form["steps"]:
        result = _apply(step, result, numbers)
    return form["text"].format(name=draw.choice(wording()["names"]), **numbers), str(result)


def _apply(step: str, result: int, numbers: Mapping[str, int]) -> int:
    operand = 1
    for factor in step[1:].split(_TIMES):
        operand *= numbers[factor] if factor in numbers else int(factor)
    return {"+": result + operand, "-": result - operand, "*": result * operand}[step[0]]


def choice(draw: random.Random) -> tuple[str, str]:
    """Return a question with four choices, lettered, and the letter of the right one."""
    table = draw.choice(list(wording()["tables"].values()))
    key, right = draw.choice(list(table["rows"].items()))
    choices = [right, *draw.sample([value for value in table["rows"].values() if value != right], 3)]
    draw.shuffle(choices)
    return lettered(table["text"].format(key=key), choices), "ABCD"[choices.index(right)]


def lettered(question: str, choices: list[str]) -> str:
    """Return a question with its choices under it."""
    return "\n".join([question, *(f"{letter}. {text}" for letter, text in zip("ABCD", choices, strict=True))])
