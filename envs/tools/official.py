"""Official tasks, from the user's copy of AgentBoard's data.

Files, in the folder that `envs.datasets.official_folder` names:

- `tool-query/{weather,movie,academia}.jsonl`: the records. They ask about Open-Meteo, The Movie Database and
  a part of DBLP as these were in 2023; their expected results hold for those worlds only, not for ours. So
  they are read (and broken ones reported), but there is nothing to play them in: `MissingData` says so.
- `tool-operation/todo.jsonl` with `projects.json` (agentboard/utils/todo/projects.json), the list that all
  tasks start from. A final state is compared wherever the record's answer holds one.
- `tool-operation/sheet.jsonl` with `sheets.xlsx` (agentboard/utils/sheet/Test Sheet-For Copy.xlsx), the
  sheets that tasks start from. Formulas keep the value that they had when entered (see `sheet`).

A record has goal, subgoals, difficulty and additional_info (answer, init_config, tool), a line each.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envs.base import Task
from envs.datafile import json_value
from envs.datasets import how_to_import, leave_out, official_folder
from envs.errors import BadData, EnvsError, MissingData
from envs.tools import workbook
from envs.tools.generate.draw import MAX_STEPS, SUBSETS

MAX_FILE_BYTES = 50_000_000
_HOW = how_to_import("tool-operation")
_SAME = "editions of the data differ: take both files from the same one"


class _OtherEdition(BadData):
    """The records are not of the edition that the file has which they start from."""


def query_tasks() -> list[Task]:
    """Check the records of Tool-Query. Always raises `MissingData` (or `BadData`): see the module."""
    folder = official_folder("tool-query")
    count = sum(1 for subset in SUBSETS["tool-query"] for _ in records(folder / f"{subset}.jsonl"))
    raise MissingData(
        f"the {count} official tool-query records in {folder} ask about live services (Open-Meteo, TMDB) and "
        "a DBLP extract as they were in 2023, and can't be played without them",
        "play the bundled tasks, which have the same tools and rules",
    )


def operation_tasks() -> list[Task]:
    """Return the tasks of Tool-Operation of which the user has all files, of one edition.

    Raises `MissingData` or `BadData` where there are none, and `BadData` for a broken file.
    """
    folder = official_folder("tool-operation")
    makers = {"todo": ("projects.json", _todo_tasks), "sheet": ("sheets.xlsx", _sheet_tasks)}
    tasks: list[Task] = []
    lacks: list[EnvsError] = []  # either pair can be played without the other
    for subset, (start, make) in makers.items():
        if not (folder / f"{subset}.jsonl").is_file():
            continue
        if not (folder / start).is_file():
            lacks.append(
                MissingData(f"{folder / start} is missing: what the {subset} tasks start from", _HOW)
            )
            continue
        try:
            tasks += list(make(folder / f"{subset}.jsonl", folder / start))
        except _OtherEdition as problem:
            lacks.append(problem)
    if not tasks:
        raise next(iter(lacks), MissingData(f"{folder} holds neither todo.jsonl nor sheet.jsonl", _HOW))
    for lack in lacks:
        leave_out(lack)
    return tasks


def records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the records of a file with their line numbers; none where there is no file.

    Raises `BadData` naming file and line.
    """
    if not path.is_file():
        return
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BadData(f"{path} is larger than {MAX_FILE_BYTES} bytes")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise BadData(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _record(line, f"{path}:{number}")


def _record(line: str, place: str) -> dict[str, Any]:
    try:
        record = json_value(line)
    except (ValueError, RecursionError) as error:
        raise BadData(f"{place} is not JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("additional_info"), dict):
        raise BadData(f"{place} is not a record with additional_info")
    if not isinstance(record.get("goal"), str) or record.get("difficulty") not in ("easy", "hard"):
        raise BadData(f"{place} lacks a goal, or a difficulty that is easy or hard")
    if "answer" not in record["additional_info"] or "subgoals" not in record:
        raise BadData(f"{place} lacks subgoals or an answer")
    return record


def _todo_tasks(path: Path, start: Path) -> Iterator[Task]:
    projects = _projects(start)
    for index, (number, record) in enumerate(records(path)):
        info = record["additional_info"]
        config, answer = info.get("init_config"), info["answer"]
        if not (isinstance(config, dict) and isinstance(config.get("current_date"), str)):
            raise BadData(f"{path}:{number} has no init_config with a current_date")
        if not isinstance(record["subgoals"], list) or not record["subgoals"]:
            raise BadData(f"{path}:{number}: subgoals are not a list of expected results")
        init = {
            "projects": projects,
            "current_date": config["current_date"],
            "current_location": str(config.get("current_location", "")),
            "seed": index,
        }
        has_state = isinstance(answer, dict) and set(answer) == {"projects", "tasks"}
        if has_state and not _names(answer["projects"]) <= _names(projects):
            raise _OtherEdition(f"{path}:{number} speaks of projects that {start.name} does not have", _SAME)
        data = {"init": init, "subgoals": record["subgoals"], "final": answer if has_state else None}
        yield _task("todo", index, record, data)


def _names(projects: Any) -> set[str]:
    listed = projects if isinstance(projects, list) else []
    return {str(project.get("name")) for project in listed if isinstance(project, dict)}


def _projects(path: Path) -> list[dict[str, Any]]:
    fields = ("content", "description", "due_date", "duration", "duration_unit", "priority")
    try:
        projects = json_value(path.read_text(encoding="utf-8"))
        # as the original fills an account: favourites are not carried over
        return [
            {
                "name": str(project["name"]),
                "tasks": [{field: task[field] for field in fields} for task in project["tasks"]],
            }
            for project in projects
        ]
    except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
        raise BadData(f"{path} is not a list of projects with tasks: {error}") from error


def _sheet_tasks(path: Path, start: Path) -> Iterator[Task]:
    sheets = workbook.read(start)
    for index, (number, record) in enumerate(records(path)):
        named = re.search(r'"(Sheet[0-9]{1,2})"', record["goal"])
        if named is None:
            raise BadData(f"{path}:{number} names no sheet")
        if named[1] not in sheets:
            raise _OtherEdition(f"{path}:{number} names no sheet of {start.name}", _SAME)
        init = {"sheets": [{"name": named[1], **sheets[named[1]]}], "opened": named[1]}
        target = _target(record["additional_info"]["answer"], f"{path}:{number}")
        yield _task("sheet", index, record, {"init": init, "target": target})


def _target(answer: Any, place: str) -> list[list[str]]:
    try:
        target = json_value(answer) if isinstance(answer, str) else answer
    except (ValueError, RecursionError) as error:
        raise BadData(f"{place}: the answer is not a table: {error}") from error
    if not (isinstance(target, list) and target and all(isinstance(row, list) and row for row in target)):
        raise BadData(f"{place}: the answer is not a table")
    return [[str(value) for value in row] for row in target]


def _task(subset: str, index: int, record: Mapping[str, Any], data: Mapping[str, Any]) -> Task:
    return Task(
        id=f"tool-operation/{subset}/{index}",
        benchmark="tool-operation",
        subset=subset,
        source="official",
        seed=0,
        max_steps=MAX_STEPS,
        difficulty=record["difficulty"],
        data={"tool": subset, "solution": [], **data},
        goal=record["goal"],
    )
