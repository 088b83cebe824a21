"""Every record is looked at before it is let in; what is wrong names file and line."""

import json
from pathlib import Path
from typing import Any

import pytest

from envs.errors import BadData
from envs.official import checks
from envs.official.catalogue import DataFile, data_set
from envs.official.importing import import_data


def label(**changes: Any) -> dict[str, Any]:
    return {
        "goal": "Boil water.",
        "subgoals": ["water"],
        "difficulty": "easy",
        "additional_info": {"env_name": "boil", "var": 0},
    } | changes


GOOD = json.dumps(label()).encode() + b"\n"


def imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, benchmark: str, name: str, content: bytes
) -> Any:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path / "data"))
    path = tmp_path / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return import_data(benchmark, path)


def without(name: str) -> bytes:
    record = label()
    del record[name]
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (GOOD + GOOD[:40], 2, "not JSON"),
        (GOOD + b'{"goal": "\xff"}\n', 2, "not UTF-8"),
        (GOOD.decode().encode("utf-16"), 1, "not UTF-8"),
        (GOOD + b"[1]\n", 2, "not a record"),
        (GOOD + b"null\n", 2, "not a record"),
        (GOOD + without("goal"), 2, "has no goal"),
        (GOOD + without("additional_info"), 2, r"has no additional_info\.env_name"),
        (json.dumps(label(goal=3)).encode(), 1, "goal must be text, not int"),
        (json.dumps(label(subgoals="water")).encode(), 1, "subgoals must be list, not str"),
        (json.dumps(label(additional_info={"env_name": "boil", "var": True})).encode(), 1, "var must be int"),
        (json.dumps(label(goal="\ud800")).encode(), 1, "half a character"),
        (b"[" * 100_000, 1, "not JSON"),
        (b"9" * 5000, 1, "not JSON"),
        # behind the checks, the benchmark's own reader
        (GOOD + json.dumps(label(difficulty="odd")).encode(), 2, "difficulty"),
        (
            GOOD + json.dumps(label(additional_info={"env_name": "fly", "var": 0})).encode(),
            2,
            "no task 'fly'",
        ),
        (GOOD + json.dumps(label(subgoals=["(a+)+$("])).encode(), 2, "subgoal"),
    ],
)
def test_a_bad_record_is_one_error_that_names_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, line: int, words: str
) -> None:
    with pytest.raises(BadData, match=words) as caught:
        imported(tmp_path, monkeypatch, "scienceworld", "test.jsonl", content)
    message = caught.value.message
    assert str(tmp_path / "in" / "test.jsonl") in message
    assert f"test.jsonl:{line}" in message or f"line {line}" in message
    assert len(message) < 500
    assert not (tmp_path / "data" / "scienceworld").exists()


def test_a_huge_line_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MAX_RECORD_BYTES", 10_000)
    content = GOOD + json.dumps(label(goal="x" * 20_000)).encode()
    with pytest.raises(BadData, match=r"test\.jsonl:2 is longer than 10,000 bytes"):
        imported(tmp_path, monkeypatch, "scienceworld", "test.jsonl", content)


def test_a_huge_record_in_an_array_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MAX_RECORD_BYTES", 10_000)
    content = json.dumps([{"conversations": ["x" * 20_000]}]).encode()
    with pytest.raises(BadData, match=r"os\.json:1 is longer"):
        imported(tmp_path, monkeypatch, "worfbench", "os.json", content)


@pytest.mark.parametrize(
    ("benchmark", "name", "content", "words"),
    [
        ("worfbench", "os.json", b'{"a": 1}', "array of records"),
        (
            "worfbench",
            "os.json",
            b'[\n{"conversations": []},\n{"conversation": []}]',
            r"os\.json:3 has no conv",
        ),
        ("worfbench", "os.json", b'[{"conversations": []}', "comma"),
        ("worfbench", "os.json", b"[]", "no records"),
        ("teval", "instruct_v2.json", b'{"0": {"origin_prompt": []}}', "no ground_truth"),
        ("teval", "instruct_v2.json", b"[]", "object of records"),
        ("pddl", "gripper/p01.pddl", b"(define (domain d))", "no PDDL problem"),
        ("pddl", "gripper/p01.pddl", b"\xff\xfe", "not UTF-8"),
        ("pddl", "gripper/p01.pddl", b"a\nb\0(define (problem p))", r"p01\.pddl:2 holds a zero byte"),
        ("pddl", "gripper/p01.pddl", b"(define (problem p) (:domain barman))", "gripper"),
        ("jericho", "zork1.z5", b"PK\x03\x04" + bytes(100), "no Z-machine story"),
        ("tool-operation", "sheets.xlsx", b"PK\x03\x04", "no .xlsx workbook"),
        ("tool-operation", "projects.json", b'[{"name": 1, "tasks": []}]', "name must be text"),
        ("longbench", "trec.jsonl", b'{"input": ""}', "trec.jsonl:1 has no context"),
    ],
)
def test_each_form_of_file_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, benchmark: str, name: str, content: bytes, words: str
) -> None:
    with pytest.raises(BadData, match=words) as caught:
        imported(tmp_path, monkeypatch, benchmark, name, content)
    assert str(tmp_path / "in" / name) in caught.value.message


def test_a_byte_order_mark_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "test.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD)
    assert checks.check(path, data_set("scienceworld").files[0]) == 1


def test_a_table_has_six_columns(tmp_path: Path) -> None:
    path = tmp_path / "anatomy_test.csv"
    file = DataFile("*.csv", ("*.csv",), "table")
    path.write_text('"What, then?",a,b,c,d,A\n"two\nlines",a,b,c,d,B\n')
    assert checks.check(path, file) == 2
    path.write_text("Q,a,b,c,d,A\nQ,a,b\n")
    with pytest.raises(BadData, match=r"anatomy_test\.csv:2 has 3 columns"):
        checks.check(path, file)
