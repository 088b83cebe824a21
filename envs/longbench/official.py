"""Official LongBench tasks, from the user's copy of its data.

Files, in the folder that `envs.datasets.official_folder("longbench")` names: `DATASET.jsonl` for each dataset
there is (input, context, answers, all_classes a line), and `dataset2prompt.json` from the repository's config
for the official words; without it the requests are worded as ours are. Texts stay in the files until they are
asked for: a task holds the hash of its record, and where the same record stood in the file before, which copy
of it this is.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from envs.base import Task
from envs.datafile import MAX_FILE_BYTES, json_value, object_items
from envs.datasets import how_to_import, official_folder
from envs.errors import BadData, MissingData
from envs.longbench.datasets import DATASETS, PROMPTS

_Place = tuple[Path, int, int, int]  # file, line, offset and size in bytes
_Key = tuple[str, int]  # hash of a record, how many equal ones stand before it


def official_tasks() -> list[Task]:
    """Return the tasks of all datasets of which there is a file. Raises `MissingData` or `BadData`."""
    folder = official_folder("longbench")
    prompts_hash = _sha(json.dumps(prompts(folder), sort_keys=True).encode())
    tasks: list[Task] = []
    for dataset in DATASETS:
        path = folder / f"{dataset}.jsonl"
        if path.is_file():
            for index, (sha, copy) in enumerate(_index_of(path, dataset)):
                data = {"dataset": dataset, "record": sha, "prompts": prompts_hash}
                tasks.append(_task(dataset, index, data | ({"copy": copy} if copy else {})))
    if not tasks:
        raise MissingData(f"{folder} holds no DATASET.jsonl of LongBench", how_to_import("longbench"))
    return tasks


def _task(dataset: str, index: int, data: Mapping[str, Any]) -> Task:
    return Task(
        id=f"longbench/{dataset}/{index}",
        benchmark="longbench",
        subset=dataset,
        source="official",
        seed=0,
        max_steps=1,
        difficulty="hard",
        data=data,
        reply_tokens=DATASETS[dataset].reply_tokens,
    )


def record(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record that a task's data name. Raises `MissingData` or `BadData`."""
    folder = official_folder("longbench")
    path = folder / f"{data['dataset']}.jsonl"
    place = _index_of(path, data["dataset"]).get((data["record"], data.get("copy", 0)))
    if place is None:
        raise BadData(f"{path} no longer holds the record {data['record']}")
    _, line, offset, size = place
    with path.open("rb") as file:
        file.seek(offset)
        return _checked(file.read(size), data["dataset"], f"{path}:{line}")


def prompts(folder: Path | None = None) -> Mapping[str, str]:
    """Return how each dataset is asked for: in the user's copy of the official words, else in ours."""
    path = (folder or official_folder("longbench")) / "dataset2prompt.json"
    if not path.is_file():
        return PROMPTS
    found = dict(PROMPTS)
    for line, name, text in object_items(path):
        if not isinstance(text, str):
            raise BadData(f"{path}:{line}: the prompt of {name} is no text")
        found[name] = text
    return found


def _index_of(path: Path, dataset: str) -> Mapping[_Key, _Place]:
    try:
        stat = path.stat()
    except OSError as error:
        raise MissingData(f"{path} can't be read: {error.strerror}") from None
    if stat.st_size > MAX_FILE_BYTES:
        raise BadData(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
    return _index(path, dataset, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _index(path: Path, dataset: str, mtime_ns: int, size: int) -> Mapping[_Key, _Place]:
    found: dict[_Key, _Place] = {}
    copies: Counter[str] = Counter()
    offset = 0
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            if raw.strip():
                _checked(raw, dataset, f"{path}:{line}")
                sha = _sha(raw)
                found[sha, copies[sha]] = (path, line, offset, len(raw))
                copies[sha] += 1
            offset += len(raw)
    return found


def _sha(raw: bytes) -> str:
    return hashlib.sha256(raw.strip()).hexdigest()


def _checked(raw: bytes, dataset: str, place: str) -> dict[str, Any]:
    try:
        value = json_value(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadData(f"{place} is not JSON: {error}"[:300]) from None
    if not isinstance(value, dict):
        raise BadData(f"{place} is not a record")
    for field in ("input", "context"):
        if not isinstance(value.get(field), str):
            raise BadData(f"{place}: {field} must be a text")
    for field in ("answers", "all_classes"):
        given = value.get(field) if field == "answers" else value.get(field) or []
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            raise BadData(f"{place}: {field} must be a list of texts")
    if DATASETS[dataset].metric == "classification_score" and not value.get("all_classes"):
        raise BadData(f"{place}: all_classes is missing")
    return value
