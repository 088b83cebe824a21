"""The tasks of Jericho: our own stories in all variants, and AgentBoard's games from the user's copy."""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from envs.base import Source, Task
from envs.errors import BadData

MAX_STEPS = 30
"""AgentBoard's step limit, and ours."""


def tasks(source: Source) -> Sequence[Task]:
    """Return all tasks of a source: ours, or those of AgentBoard's labels whose games the user has.

    A task's data are `story` (its name), `md5` (of the story file), `subgoals` (texts; see `scoring`) and, on
    ours, `walkthrough`; its seed is the interpreter's. Raises `MissingPackage`, `MissingData` or `BadData`.
    """
    if source == "official":
        from envs.jericho.official import official_tasks

        return official_tasks()
    return [task for story in _stories() for task in _story_tasks(story)]


def bundled_file(story: str) -> Path:
    """Return the file of one of our stories."""
    return Path(str(files("envs.jericho").joinpath(f"stories/{story}.z5")))


def things(story: str) -> Sequence[str]:
    """Return what is worth naming in one of our stories; nothing for stories that are not ours."""
    return _stories().get(story, {}).get("things", ())


def md5(path: Path) -> str:
    """Return a story file's MD5 hash (jericho knows games by it). Raises `BadData` naming the file."""
    try:
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError as error:
        raise BadData(f"{path} can't be read: {error.strerror}") from None


def _story_tasks(name: str) -> Iterator[Task]:
    story, story_md5, index = _stories()[name], md5(bundled_file(name)), 0
    for goal in story["goals"]:
        for variant, seed in enumerate(_seeds()):
            chosen = {each: values[variant] for each, values in story["variants"].items()}
            yield Task(
                id=f"jericho/{name}/{index}",
                benchmark="jericho",
                subset=name,
                source="bundled",
                seed=seed,
                max_steps=MAX_STEPS,
                difficulty=goal["difficulty"],
                data={
                    "story": name,
                    "md5": story_md5,
                    "subgoals": goal["subgoals"],
                    "walkthrough": [command.format(**chosen) for command in goal["walkthrough"]],
                },
                goal=goal["goal"],
            )
            index += 1


def _stories() -> Mapping[str, Any]:
    return {name: story for name, story in _table().items() if name != "seeds"}


def _seeds() -> Sequence[int]:
    return _table()["seeds"]


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(files("envs.jericho").joinpath("stories.toml").read_text(encoding="utf-8"))
