"""Suites: named lists of tasks with every setting that changes a score, in TOML."""

import difflib
import re
import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from arena.engines.options import nearest
from arena.errors import UsageError
from envs import embedding, registry
from envs.base import Source, Task


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SuiteSettings(_Strict):
    """How all contestants of a suite are asked, unless a contestant's own options say otherwise."""

    protocol: Literal["text", "json"] = "text"
    style: Literal["auto", "flat", "chat", "terse"] = "auto"
    max_tokens: int = Field(100, ge=1)
    temperature: float = Field(0.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    stop: tuple[str, ...] = ()
    history_items: int = Field(100, ge=1)
    example: bool = True
    context_tokens: int | None = Field(None, ge=16)
    seed: int = 0
    repeats: int = Field(1, ge=1)
    scoring: Literal["auto", "faithful", "strict"] = "auto"
    encoder: str = "auto"

    @field_validator("encoder")
    @classmethod
    def _known_encoder(cls, name: str) -> str:
        if name != "auto" and name not in embedding.NAMES:
            raise ValueError(f"no encoder is called {name!r}; encoders: {', '.join(embedding.NAMES)}")
        return name


class TaskGroup(_Strict):
    """Some tasks of one benchmark: `ids`, or the first `count` (default all) of a subset or of everything."""

    benchmark: str
    subset: str | None = None
    source: Source = "bundled"
    count: int | None = Field(None, ge=1)
    ids: tuple[str, ...] = ()
    max_steps: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> "TaskGroup":
        if self.ids and (self.subset or self.count):
            raise ValueError("ids stand for themselves: leave out subset and count")
        return self


class Suite(_Strict):
    """A suite file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    description: str = ""
    settings: SuiteSettings = SuiteSettings()
    tasks: tuple[TaskGroup, ...] = Field(min_length=1)


def suite_names() -> list[str]:
    """Return the names of the suites that ship with Arena."""
    return sorted(path.name.removesuffix(".toml") for path in files("arena").joinpath("suites").iterdir())


def load_suite(name: str) -> Suite:
    """Read a suite by name, or by path where one is given.

    Raises `UsageError` for an unknown name (nearest names suggested) or a broken file (line and key named).
    """
    if name in suite_names():
        return parse_suite(
            files("arena").joinpath(f"suites/{name}.toml").read_text(encoding="utf-8"), f"{name}.toml"
        )
    path = Path(name)
    if not path.is_file():
        near = difflib.get_close_matches(name, suite_names(), n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"suites: {', '.join(suite_names())}"
        raise UsageError(f"there is no suite or file {name!r}", hint)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}") from None
    return parse_suite(text, str(path))


def parse_suite(text: str, where: str) -> Suite:
    """Read a suite from TOML; `where` names the file in errors. Raises `UsageError` with line and key."""
    try:
        return Suite.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not valid TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        location = first["loc"]
        key = ".".join(str(part) for part in location) or "(top level)"
        line = _line_of(text, location)
        hint = _nearest_field(location) if first["type"] == "extra_forbidden" else ""
        message = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        raise UsageError(f"{where}, line {line}, key {key}: {message}", hint) from None


def expand(suite: Suite, limit: int | None = None) -> list[Task]:
    """Return a suite's tasks, `limit` at most of each group, no task twice.

    Raises `UsageError` for an empty selection, `envs.errors.EnvsError` for unknown names or missing data.
    """
    chosen: dict[str, Task] = {}
    for group in suite.tasks:
        selected = _select(group)[:limit]
        if not selected:
            raise UsageError(
                f"suite {suite.name}: {group.benchmark} has no subset {group.subset!r}",
                "`arena tasks` lists them",
            )
        for task in selected:
            grading = {**task.grading, **_grading(group.benchmark, suite.settings)}
            task = replace(task, max_steps=group.max_steps or task.max_steps, grading=grading)
            chosen.setdefault(task.hash, task)
    return list(chosen.values())


def _grading(benchmark: str, settings: SuiteSettings) -> dict[str, str]:
    """Return how a benchmark's tasks are scored; an encoder always by name: `auto` is what is installed."""
    card = registry.benchmark(benchmark)
    grading: dict[str, str] = {}
    if card.grades and settings.scoring != "auto":
        grading["scoring"] = settings.scoring
    if card.encodes:
        name = settings.encoder
        grading["encoder"] = embedding.default_name() if name == "auto" else name
    return grading


def _select(group: TaskGroup) -> list[Task]:
    if group.ids:
        return [registry.find_task(task_id, group.source) for task_id in group.ids]
    tasks = registry.tasks(group.benchmark, group.source)
    return [task for task in tasks if group.subset in (None, task.subset)][: group.count]


def _line_of(text: str, location: tuple[int | str, ...]) -> int:
    """Return the line (from 1) of the key that a location names, or of the nearest table around it."""
    lines = text.splitlines()
    start, found = 0, 1
    for part, following in zip(location, [*location[1:], None], strict=True):
        if isinstance(part, int):
            continue
        name = re.escape(part)
        nth = following if isinstance(following, int) else 0
        pattern = re.compile(rf"^\s*(\[+\s*(?:[\w-]+\.)*{name}\s*\]+|{name}\s*=)")
        matches = [number for number in range(start, len(lines)) if pattern.match(lines[number])]
        if nth >= len(matches):
            break
        start = matches[nth]
        found = start + 1
    return found


def _nearest_field(location: tuple[int | str, ...]) -> str:
    tables: dict[str, type[BaseModel]] = {"settings": SuiteSettings, "tasks": TaskGroup}
    table = tables[str(location[0])] if len(location) > 1 else Suite
    return nearest(str(location[-1]), table.model_fields, "keys here")
