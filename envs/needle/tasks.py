"""The grid of needles: lengths by depths, ours and the user's.

Official files, in the folder that `envs.datasets.official_folder("needle")` names: the essays as `*.txt`
(joined in the order of their names) and `needle.json` with the texts `needle` (or a list `needles`) and
`retrieval_question`.
"""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from envs.base import Source, Task
from envs.datafile import json_value, text_of
from envs.datasets import how_to_import, official_folder
from envs.errors import BadData, MissingData

SHORT_LENGTHS = (125, 250, 500)
LENGTHS = tuple(range(1000, 40_001, 1000))
DEPTHS = (0, 11, 22, 33, 44, 56, 67, 78, 89, 100)
"""ACBench's grid, 40 lengths by 10 depths, in tokens and percent; the short lengths are ours."""
SEVERAL_LENGTHS = (500, 1000, 2000, 4000, 8000, 16_000)
SEVERAL = (2, 3, 5)
"""How many needles the tasks of the subsets `several-LENGTH` hide."""
REPLY_TOKENS = 30
GENERATOR = 1


@cache
def wording() -> Mapping[str, Any]:
    """Return the needles and the request's words (`needles.toml`)."""
    return tomllib.loads(files("envs.needle").joinpath("needles.toml").read_text(encoding="utf-8"))


def tasks(source: Source) -> Sequence[Task]:
    """Return all tasks of a source; ids are `needle/LENGTH/DEPTH`. Raises `MissingData` or `BadData`."""
    if source == "official":
        found = _official_needles(official_folder("needle"))
        return [_official(length, depth, found) for length in LENGTHS for depth in DEPTHS]
    grid = [generate(length, depth) for length in (*SHORT_LENGTHS, *LENGTHS) for depth in DEPTHS]
    return grid + [
        generate(length, 0, count, f"needle/several-{length}/{count}")
        for length in SEVERAL_LENGTHS
        for count in SEVERAL
    ]


def generate(tokens: int, depth_percent: float, count: int = 1, task_id: str | None = None) -> Task:
    """Return a bundled task: `count` needles (1 to 5) in a haystack of `tokens` words, the first at a depth.

    The grid's needles take turns, so that a model can't know one from the task before.
    """
    first = (tokens // 125 + round(depth_percent)) % len(wording()["needles"])
    chosen = [(first + i) % len(wording()["needles"]) for i in range(count)]
    subset = f"several-{tokens}" if count > 1 else str(tokens)
    return Task(
        id=task_id or f"needle/{subset}/{depth_percent:g}",
        benchmark="needle",
        subset=subset,
        source="bundled",
        seed=tokens,
        max_steps=1,
        difficulty="easy" if tokens <= 1000 else "hard",
        data={
            "needles": [wording()["needles"][i] for i in chosen],
            "tokens": tokens,
            "depth_percent": depth_percent,
            "generator": GENERATOR,
        },
        reply_tokens=REPLY_TOKENS * count,
    )


def _official(tokens: int, depth_percent: float, found: Mapping[str, Any]) -> Task:
    return Task(
        id=f"needle/{tokens}/{depth_percent:g}",
        benchmark="needle",
        subset=str(tokens),
        source="official",
        seed=0,
        max_steps=1,
        difficulty="hard",
        data={**found, "tokens": tokens, "depth_percent": depth_percent},
        reply_tokens=REPLY_TOKENS * len(found["needles"]),
    )


def official_essays(folder: Path) -> str:
    """Return the user's essays, joined. Raises `MissingData` or `BadData`."""
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise MissingData(f"{folder} holds no essays (*.txt)", how_to_import("needle"))
    return " ".join(" ".join(text_of(path).split()) for path in paths)


def _official_needles(folder: Path) -> Mapping[str, Any]:
    path = folder / "needle.json"
    if not path.is_file():
        raise MissingData(f"{path} is missing: the needle and its question", how_to_import("needle"))
    try:
        value = json_value(text_of(path))
    except (ValueError, RecursionError) as error:
        raise BadData(f"{path}:{getattr(error, 'lineno', 1)} is not JSON: {error}") from None
    question = value.get("retrieval_question") if isinstance(value, dict) else None
    needles = (value.get("needles") or [value.get("needle")]) if isinstance(value, dict) else []
    if not isinstance(question, str) or not needles or not all(isinstance(each, str) for each in needles):
        raise BadData(f"{path}:1: needle (or needles) and retrieval_question must be texts")
    return {
        "needles": [{"text": needle.strip(), "question": question} for needle in needles],
        "essays": hashlib.sha256(official_essays(folder).encode()).hexdigest(),
    }
