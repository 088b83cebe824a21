"""Suites: named lists of tasks with every setting that changes a score, in TOML."""

import difflib
import fnmatch
import re
import tomllib
from collections import Counter
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from arena.engines.options import nearest
from arena.errors import UsageError
from arena.planned import MOST_REPEATS, MOST_SEED
from envs import embedding, registry
from envs.base import Source, Task
from envs.errors import MissingData


def _known_dialect(name: str | None) -> str | None:
    from arena.protocol.dialects import dialects

    if name not in (None, "auto", *dialects()):
        raise ValueError(f"no dialect is called {name!r}; dialects: auto, {', '.join(dialects())}")
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SuiteSettings(_Strict):
    """How all contestants of a suite are asked, unless a contestant's own options say otherwise."""

    protocol: Literal["text", "json"] = "text"
    style: Literal["auto", "flat", "chat", "terse"] = "auto"
    max_tokens: int = Field(100, ge=1)
    temperature: float = Field(0.0, ge=0, allow_inf_nan=False)
    top_p: float = Field(1.0, gt=0, le=1)
    stop: tuple[str, ...] = ()
    history_items: int = Field(100, ge=1)
    example: bool = True
    context_tokens: int | None = Field(None, ge=16)
    thought_tokens: int = Field(0, ge=0)
    system_role: bool = True
    offered_tools: int | None = Field(None, ge=1)
    filler_tokens: int | None = Field(None, ge=1)
    result_tokens: int | None = Field(None, ge=1)
    dialect: Annotated[str | None, AfterValidator(_known_dialect)] = None
    seed: int = Field(0, ge=0, lt=MOST_SEED)
    repeats: int = Field(1, ge=1, le=MOST_REPEATS)
    scoring: Literal["auto", "faithful", "strict"] = "auto"
    encoder: str = "auto"

    @field_validator("encoder")
    @classmethod
    def _known_encoder(cls, name: str) -> str:
        if name != "auto" and name not in embedding.NAMES:
            raise ValueError(f"no encoder is called {name!r}; encoders: {', '.join(embedding.NAMES)}")
        return name


class GroupSettings(_Strict):
    """How the tasks of one group are asked, where that differs from the suite's `[settings]`."""

    protocol: Literal["text", "json"] | None = None
    style: Literal["flat", "chat", "terse"] | None = None
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1)
    stop: tuple[str, ...] | None = None
    history_items: int | None = Field(None, ge=1)
    example: bool | None = None
    context_tokens: int | None = Field(None, ge=16)


class TaskGroup(_Strict):
    """Some tasks of one benchmark: `ids`, or all of it, or of the subsets that a pattern (`*`, `?`) matches.

    `count` bounds how many in all, `per_subset` how many of each subset. The source `best` is the official
    data where they are imported, else the bundled tasks; a plan holds which of the two it was.
    """

    benchmark: str
    subset: str | None = None
    source: Literal["bundled", "official", "best"] = "bundled"
    count: int | None = Field(None, ge=1)
    per_subset: int | None = Field(None, ge=1)
    ids: tuple[str, ...] = ()
    max_steps: int | None = Field(None, ge=1)
    settings: GroupSettings = GroupSettings()

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> "TaskGroup":
        if self.ids and (self.subset or self.count or self.per_subset):
            raise ValueError("ids stand for themselves: leave out subset, count and per_subset")
        return self


class Suite(_Strict):
    """A suite file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
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
        unknown = first["type"] == "extra_forbidden"
        hint = _nearest_field(location) if unknown else ""
        message = "unknown key" if unknown else first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{where}, line {line}, key {key}: {message}", hint) from None
    except (ValueError, RecursionError) as error:  # a number or a nesting that nobody reads
        raise UsageError(f"{where} can't be read: {error}") from None


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
        grading, asked = _grading(group.benchmark, suite.settings), _asked(group)
        for task in selected:
            if grading or asked or group.max_steps:
                task = replace(
                    task,
                    max_steps=group.max_steps or task.max_steps,
                    grading={**task.grading, **grading},
                    asked=asked,
                )
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


def _asked(group: TaskGroup) -> dict[str, Any]:
    return group.settings.model_dump(mode="json", exclude_none=True)


def _select(group: TaskGroup) -> list[Task]:
    if group.source != "best":
        return _select_from(group, group.source)
    try:
        official = _select_from(group, "official")
    except MissingData:
        official = []
    return official or _select_from(group, "bundled")


def _select_from(group: TaskGroup, source: Source) -> list[Task]:
    if group.ids:
        return [registry.find_task(task_id, source) for task_id in group.ids]
    chosen: list[Task] = []
    of_subset: Counter[str | None] = Counter()
    for task in registry.tasks(group.benchmark, source):
        if group.subset is not None and not fnmatch.fnmatchcase(task.subset or "", group.subset):
            continue
        of_subset[task.subset] += 1
        if group.per_subset is None or of_subset[task.subset] <= group.per_subset:
            chosen.append(task)
    return chosen[: group.count]


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
    if location[0] == "tasks" and "settings" in location[1:-1]:
        table = GroupSettings
    return nearest(str(location[-1]), table.model_fields, "keys here")
