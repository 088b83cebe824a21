"""The tasks of T-Eval: ours, and the official ones from the user's copy.

Official files, in the folder that `envs.datasets.official_folder("teval")` names, under the names of version
2, whole or as the fifth that the authors publish too (the whole goes first): `instruct_v2.json`,
`plan_json_v2_subset.json`, and so on. Each is an object of records by id; one that stands
there twice is two tasks, as the original counts it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from envs.base import Source, Task, copies_apart
from envs.datafile import object_items
from envs.datasets import how_to_import, official_folder
from envs.errors import BadData, MissingData
from envs.teval.bundled import COUNTS, record
from envs.teval.scoring import record_of

REPLY_TOKENS = 512
"""T-Eval's limit (test.py, max_new_tokens)."""
MAX_CHARS = 500_000

# file stem -> subset; instruct's one file holds both forms
_FILES = {
    "instruct": "instruct",
    "plan_json": "plan-json",
    "plan_str": "plan-str",
    "reason_str": "reason-str",
    "retrieve_str": "retrieve-str",
    "understand_str": "understand-str",
    "reason_retrieve_understand_json": "rru-json",
    "review_str": "review-str",
}


def tasks(source: Source) -> Sequence[Task]:
    """Return all tasks of a source. Raises `MissingData` or `BadData`."""
    if source == "official":
        return _official(official_folder("teval"))
    return [
        _task(subset, index, record(subset, index), source)
        for subset, count in COUNTS.items()
        for index in range(count)
    ]


def _task(subset: str, index: int, data: Mapping[str, Any], source: Source) -> Task:
    return Task(
        id=f"teval/{subset}/{index}",
        benchmark="teval",
        subset=subset,
        source=source,
        seed=index if source == "bundled" else 0,
        max_steps=1,
        difficulty="hard" if subset.startswith(("plan", "rru")) else "easy",
        data=data,
        reply_tokens=REPLY_TOKENS,
    )


def _official(folder: Path) -> list[Task]:
    found: list[Task] = []
    for stem, subset in _FILES.items():
        names = (f"{stem}_v2.json", f"{stem}_v2_subset.json", f"{stem}.json")
        path = next((folder / name for name in names if (folder / name).is_file()), None)
        if path:
            found += _tasks(path, subset)
    if not found:
        raise MissingData(
            f"{folder} holds no T-Eval records (such as plan_json_v2.json)", how_to_import("teval")
        )
    return list(copies_apart(found))


def _tasks(path: Path, subset: str) -> Iterator[Task]:
    counts: dict[str, int] = {}
    for line, _, value in object_items(path):
        data, where = _record(value, subset, f"{path}:{line}")
        index = counts.get(where, 0)
        counts[where] = index + 1
        yield _task(where, index, data, "official")


def _asked(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message as it is sent: what a function said is told by the user (meta_template.py, qwen)."""
    return {**message, "role": "user"} if message["role"] == "function" else message


def _record(value: Any, subset: str, place: str) -> tuple[dict[str, Any], str]:
    if not isinstance(value, dict):
        raise BadData(f"{place} is not a record")
    prompt = value.get("origin_prompt")
    if isinstance(prompt, str):
        prompt = [{"role": "user", "content": prompt}]
    if not isinstance(prompt, list) or not prompt:
        raise BadData(f"{place} has no origin_prompt")
    for message in prompt:
        well = isinstance(message, dict) and isinstance(message.get("content"), str)
        if not well or message.get("role") not in ("system", "user", "assistant", "function"):
            raise BadData(f"{place}: a message of origin_prompt lacks a role or a content that is text")
        if len(message["content"]) > MAX_CHARS:
            raise BadData(f"{place}: a message is longer than {MAX_CHARS:,} characters")
    ability, _, form = subset.partition("-")
    if not form:
        meta = value.get("meta_data")
        form = "json" if isinstance(meta, dict) and meta.get("response_format") == "json" else "str"
    data = {
        "ability": "reason_retrieve_understand" if ability == "rru" else ability,
        "form": form,
        **{key: value[key] for key in ("ground_truth", "meta", "meta_data", "template") if key in value},
        "origin_prompt": [_asked(message) for message in prompt],
    }
    try:
        record_of(data)
    except ValueError as error:
        raise BadData(f"{place}: {error}") from None
    return data, f"{ability}-{form}"
