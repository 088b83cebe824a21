"""What an episode is expected to take in turns and tokens, by a table of measured means (`expected.toml`)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from envs.base import Task

REREAD_SHARE = 1.5
"""Prompts grow evenly over an episode, so the last is this much longer than the mean: with a kept key/value
cache, that is all that is read anew."""


@dataclass(frozen=True)
class Expected:
    """One episode: its turns, the tokens of all its prompts, those not in a cache, and those written."""

    turns: float
    prompt_tokens: float
    read_tokens: float
    reply_tokens: float

    @property
    def tokens(self) -> float:
        """Tokens of prompts and replies together."""
        return self.prompt_tokens + self.reply_tokens


@cache
def table() -> Mapping[str, Any]:
    """Return `expected.toml`."""
    return tomllib.loads(files("arena").joinpath("expected.toml").read_text(encoding="utf-8"))


def expected(task: Task, thought_tokens: int = 0) -> Expected:
    """Return what an episode of a task takes; `thought_tokens` come on top of each reply."""
    rows = table()["benchmarks"]
    row = rows.get(task.benchmark, rows["unknown"])
    if task.source == "official":
        row = row | row.get("official", {})
    turns = min(row["turns"], task.max_steps)
    prompt = row["prompt_tokens"]
    if "prompt_per_length" in row and task.subset and task.subset.isdigit():
        prompt = int(task.subset) * row["prompt_per_length"]
    reply = row["reply_tokens"]
    if task.reply_tokens:
        reply = min(reply, task.reply_tokens)
    return Expected(
        turns=turns,
        prompt_tokens=turns * prompt,
        read_tokens=prompt * (REREAD_SHARE if turns > 1 else 1),
        reply_tokens=turns * (reply + thought_tokens),
    )
