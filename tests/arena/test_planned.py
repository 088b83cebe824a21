"""Everybody can write `run.toml`: what is not as Arena writes it is one error that says where."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from arena.errors import StoreError
from arena.plan import read_plan
from arena.planned import what_is_wrong

DOCUMENT: dict[str, Any] = {
    "schema": 1,
    "arena": "0.1.0",
    "created": "2026-01-01T00:00:00+00:00",
    "plan": {
        "suite": "made",
        "repeats": 2,
        "contestants": [["base", "b0"], ["small", "s0"]],
        "tasks": [["toy/a/0", "t0"]],
        "settings": {"seed": 3},
    },
    "suite": {"tasks": [{"benchmark": "toy"}]},
    "contestants": [
        {
            "name": "base",
            "spec": "hf:base",
            "hash": "b0",
            "options": {},
            "size_bytes": 5,
            "identity": {"engine": {"kind": "hf"}, "settings": {"protocol": "json"}},
        }
    ],
    "packages": {"torch": "2"},
    "machine": {"system": "Linux"},
}


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from paths(item, (*path, key))


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document = deepcopy(DOCUMENT)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


# what nothing reads, and what an engine says of itself, may be of any kind
FREE = {("schema",), ("suite", "tasks", 0, "benchmark"), ("contestants", 0, "identity", "engine", "kind")}


@pytest.mark.parametrize("path", [path for path in paths(DOCUMENT) if path not in FREE], ids=str)
def test_a_value_of_another_kind_is_refused_where_it_stands(path: tuple[Any, ...], tmp_path: Path):
    assert what_is_wrong(DOCUMENT) == ""
    (tmp_path / "run.toml").write_text(tomli_w.dumps(changed(path, 1.5)))
    with pytest.raises(StoreError) as refused:
        read_plan(tmp_path)
    assert f"'{'.'.join(map(str, path))}" in refused.value.message
    assert str(tmp_path / "run.toml") in refused.value.message


@pytest.mark.parametrize("path", [("plan",), ("contestants",), ("plan", "tasks"), ("contestants", 0, "name")])
def test_what_is_missing_is_named(path: tuple[Any, ...]):
    document = deepcopy(DOCUMENT)
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    assert what_is_wrong(document).startswith(f"'{'.'.join(map(str, path))}'")


def test_what_nobody_reads_may_stand_there():
    assert what_is_wrong({**DOCUMENT, "remark": [1]}) == ""
