"""The tasks of both tool benchmarks: bundled ones from `data/`, official ones from the user's copy."""

import json
from collections.abc import Sequence
from importlib.resources import files

from envs.base import Source, Task
from envs.tools import official


def query_tasks(source: Source) -> Sequence[Task]:
    """Return the tasks of Tool-Query. Raises `MissingData` for official ones: their worlds can't be had."""
    return official.query_tasks() if source == "official" else bundled("tool-query")


def operation_tasks(source: Source) -> Sequence[Task]:
    """Return the tasks of Tool-Operation. Raises `MissingData` or `BadData` for official ones."""
    return official.operation_tasks() if source == "official" else bundled("tool-operation")


def bundled(benchmark: str) -> list[Task]:
    """Return the tasks that `envs.tools.build_worlds` drew."""
    text = files("envs.tools").joinpath(f"data/{benchmark}.jsonl").read_text(encoding="utf-8")
    return [Task(**json.loads(line)) for line in text.splitlines()]
