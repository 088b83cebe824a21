"""Verifying: a file is as it was imported, or it is said what is the matter."""

import json
from pathlib import Path
from typing import Any

import pytest

from envs.errors import BadData, MissingData
from envs.official import manifest
from envs.official.catalogue import data_sets
from envs.official.importing import import_data
from envs.official.verifying import verify

DOCS = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path / "data"))
    for tool in ("todo", "sheet"):
        info = {"answer": [], "init_config": {"current_date": "2015-05-31"}, "tool": tool}
        record: dict[str, Any] = {
            "goal": "Go.",
            "subgoals": [1],
            "difficulty": "easy",
            "additional_info": info,
        }
        (tmp_path / f"{tool}.jsonl").write_text(json.dumps(record))
        import_data("tool-operation", tmp_path / f"{tool}.jsonl")
    return tmp_path / "data" / "tool-operation"


def statuses() -> dict[str, str]:
    return {verdict.file: verdict.status for verdict in verify("tool-operation")}


def test_what_is_as_it_was_imported_is_ok(folder: Path) -> None:
    assert statuses() == {"sheet.jsonl": "ok", "todo.jsonl": "ok"}


def test_a_changed_byte_and_a_lost_file_are_seen(folder: Path) -> None:
    path = folder / "todo.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Go.", b"No."))
    (folder / "sheet.jsonl").unlink()
    assert statuses() == {"sheet.jsonl": "missing", "todo.jsonl": "changed"}


def test_a_file_that_was_not_imported_is_unknown_if_arena_reads_it(folder: Path) -> None:
    (folder / "projects.json").write_text("[]")
    (folder / "README").write_text("mine")
    assert statuses() == {"projects.json": "unknown", "sheet.jsonl": "ok", "todo.jsonl": "ok"}


def test_a_needed_file_that_never_came_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    (tmp_path / "scienceworld").mkdir()
    assert [(verdict.file, verdict.status) for verdict in verify("scienceworld")] == [
        ("test.jsonl", "missing")
    ]


def test_no_data_at_all_is_an_error_with_a_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    with pytest.raises(MissingData) as caught:
        verify("pddl")
    assert "arena data import pddl PATH" in caught.value.next_step


@pytest.mark.parametrize(
    "torn", ["", "{", "[]", '{"files": 3}', '{"files": {"a": {}}}', '{"files": {"a": 1}}']
)
def test_a_torn_manifest_is_one_error(folder: Path, torn: str) -> None:
    (folder / manifest.NAME).write_text(torn)
    with pytest.raises(BadData, match="no manifest"):
        verify("tool-operation")


def test_the_documentation_names_every_data_set_and_file() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name, known in data_sets().items():
        assert f"arena data import {name} " in text, name
        for file in known.files:
            stem = file.name.partition(".")[0].removesuffix("_subset")
            assert stem in text, f"{name}: {file.name}"


def test_hashes_belong_to_files_of_the_catalogue() -> None:
    for known in data_sets().values():
        assert all(known.file_of(name) for name in known.hashes)
    assert len(data_sets()["pddl"].hashes) == 60
