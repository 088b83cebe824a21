"""A run's plan, frozen in `run.toml`: who plays what, with which seeds, on which machine and packages."""

import hashlib
import json
import os
import platform
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tomli_w

from arena import __version__
from arena.contestant import Contestant
from arena.errors import StoreError
from arena.planned import what_is_wrong
from arena.records import EpisodeKey
from arena.store.files import DATABASE, PLAN, SCHEMA_VERSION, check_replaceable, create_database, written
from arena.suite import Suite
from envs import registry
from envs.base import Task
from envs.errors import MissingPackage

DIGEST = "plan_digest"
"""Key of a plan's digest in `run.toml`: the plan of a run of 100,000 tasks takes seconds to read."""
_HEAD_CHARS = 2000
PACKAGES = ("gymnasium", "torch", "transformers", "openai", "scienceworld")


@dataclass(frozen=True)
class Plan:
    """Contestants, tasks and repeats: each with each. The first contestant is the baseline."""

    suite: Suite
    contestants: Sequence[Contestant]
    tasks: Sequence[Task]
    repeats: int

    def episodes(self) -> list[EpisodeKey]:
        """Return every episode of the plan, match by match."""
        return [
            EpisodeKey(contestant.name, task.id, task.hash, self.suite.settings.seed + repeat, repeat)
            for repeat in range(self.repeats)
            for task in self.tasks
            for contestant in self.contestants
        ]

    def content(self) -> dict[str, Any]:
        """Return what must be equal for two plans to be the same run; what only schedules is not in it."""
        resolved = {"sources": self._sources()} if self._sources() else {}
        return resolved | {
            "suite": self.suite.name,
            "settings": self.suite.settings.model_dump(mode="json", exclude_none=True),
            "repeats": self.repeats,
            "contestants": [[contestant.name, contestant.hash] for contestant in self.contestants],
            "tasks": [[task.id, task.hash] for task in self.tasks],
        }

    def _sources(self) -> dict[str, list[str]]:
        """Return what the source `best` has come to, for the benchmarks that a suite takes from there."""
        best = {group.benchmark for group in self.suite.tasks if group.source == "best"}
        found: dict[str, set[str]] = {}
        for task in self.tasks:
            if task.benchmark in best:
                found.setdefault(task.benchmark, set()).add(task.source)
        return {benchmark: sorted(sources) for benchmark, sources in found.items()}

    @property
    def id(self) -> str:
        """Return the run's name: the same plan has the same name, so the same command finds its run."""
        return f"{self.suite.name}-{digest_of(self.content())[:8]}"


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of a plan's content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def begin_run(plan: Plan, run: Path) -> None:
    """Make sure that a run directory holds this plan: begun now, or earlier with the same.

    Whoever calls holds the `writer_lock`. Raises `StoreError` where it was begun with another plan, where it
    has episodes whose plan is gone, or can't be written.
    """
    if exists(run):
        check_same_plan(plan, run)
    else:
        create_run(plan, run)


def create_run(plan: Plan, run: Path) -> None:
    """Make a run directory with the frozen plan and an empty database.

    Whoever calls holds the `writer_lock`. Raises `StoreError` where it can't be written, or has episodes.
    """
    check_replaceable(run)
    with written(run, "make room, or choose another --out"):
        run.mkdir(parents=True, exist_ok=True)
        create_database(run)
        part = run / f"{PLAN}.part"
        part.write_text(tomli_w.dumps(_document(plan, run.name)), encoding="utf-8")
        part.replace(run / PLAN)


def check_same_plan(plan: Plan, run: Path) -> None:
    """Raise `StoreError` where `run` was begun with another plan; the message says what differs."""
    now = plan.content()
    if _recorded_digest(run) == digest_of(now):
        return
    before = read_plan(run)["plan"]
    for part, value in now.items():
        if before.get(part) != value:
            raise StoreError(
                f"{run} was begun with other {part}: {_difference(before.get(part), value)}",
                "give another --out, or repeat the command that began it",
            )


def read_plan(run: Path) -> dict[str, Any]:
    """Return `run.toml` as written. Raises `StoreError` where it is missing or broken."""
    path = run / PLAN
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise ValueError("it is not a plain file")
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path} can't be read: {error}", "a run directory needs its run.toml") from None
    if wrong := what_is_wrong(document):
        raise StoreError(f"{path} is not as Arena writes it: {wrong}", "a run directory needs its run.toml")
    return document


def contestant_names(run: Path) -> list[str]:
    """Return the names of a run's contestants, the baseline first."""
    return [contestant["name"] for contestant in read_plan(run)["contestants"]]


def check_playable(plan: Plan) -> None:
    """Raise `MissingPackage` where a benchmark of the plan needs a package that is not installed."""
    for name in dict.fromkeys(task.benchmark for task in plan.tasks):
        card = registry.benchmark(name)
        lacks = [package for package in card.packages if find_spec(package) is None]
        if lacks:
            raise MissingPackage(
                f"{name}, of suite {plan.suite.name}, needs the package {', '.join(lacks)}", card.mend
            )


def exists(run: Path) -> bool:
    """Tell whether a run was begun in this directory."""
    return (run / DATABASE).exists() and (run / PLAN).exists()


def _recorded_digest(run: Path) -> str | None:
    """Return the digest of a run's plan, which stands at the top of its file, without reading all of it."""
    try:
        with (run / PLAN).open(encoding="utf-8") as file:
            head = file.read(_HEAD_CHARS)
    except (OSError, ValueError):
        return None
    match = re.search(rf'^{DIGEST} = "([0-9a-f]{{64}})"$', head, re.MULTILINE)
    return match[1] if match else None


def _document(plan: Plan, run_id: str) -> dict[str, Any]:
    document = {
        "schema": SCHEMA_VERSION,
        "run": run_id,
        DIGEST: digest_of(plan.content()),
        "arena": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "plan": plan.content(),
        "suite": plan.suite.model_dump(mode="json"),
        "contestants": [_contestant(each) for each in plan.contestants],
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "processor": platform.machine(),
            "cores": os.cpu_count() or 1,
        },
    }
    return without_none(document)


def _contestant(contestant: Contestant) -> dict[str, Any]:
    return {
        "name": contestant.name,
        "spec": contestant.spec,
        "options": dict(contestant.engine_options),
        "own": dict(contestant.own),
        "hash": contestant.hash,
        "size_bytes": contestant.size_bytes,
        "identity": dict(contestant.identity),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def without_none(value: Any) -> Any:
    """Return the value without the Nones that TOML can't write."""
    if isinstance(value, Mapping):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [without_none(item) for item in value if item is not None]
    return value


def _difference(before: Any, now: Any) -> str:
    if isinstance(before, list) and isinstance(now, list):
        gone = [item for item in before if item not in now]
        new = [item for item in now if item not in before]
        return f"{_brief(gone)} then, {_brief(new)} now"
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        return ", ".join(f"{key} was {before.get(key)!r}, is {now.get(key)!r}" for key in keys)
    return f"{before!r} then, {now!r} now"


def _brief(items: list[Any]) -> str:
    names = [str(item[0]) if isinstance(item, list) else str(item) for item in items[:3]]
    return ", ".join(names) + (f" and {len(items) - 3} more" if len(items) > 3 else "") if items else "none"
