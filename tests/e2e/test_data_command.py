"""`arena data` in a subprocess, as a user or a script runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


def data(root: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "arena", "data", *map(str, arguments)]
    environment = os.environ | {"ARENA_DATA": str(root)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    info = {"env_name": "boil", "var": 0}
    record = {"goal": "Boil.", "subgoals": ["water"], "difficulty": "easy", "additional_info": info}
    path = tmp_path / "scienceworld" / "test.jsonl"
    path.parent.mkdir()
    path.write_text(json.dumps(record) + "\n")
    return path


def listed(root: Path) -> dict[str, dict]:
    done = data(root, "list", "--json")
    assert done.returncode == 0, done.stderr
    return {row["benchmark"]: row for row in json.loads(done.stdout)}


def test_data_are_listed_imported_verified_and_missed_when_gone(root: Path, labels: Path) -> None:
    before = listed(root)["scienceworld"]
    assert before["official"]["state"] == "needs-data"
    assert "arena data import scienceworld PATH" in before["official"]["mend"]
    assert before["folder"] == str(root / "scienceworld")

    done = data(root, "import", "scienceworld", labels, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["benchmark"], report["tasks"], report["absent"]) == ("scienceworld", 1, [])
    (file,) = report["files"]
    assert (file["file"], file["records"], file["source"]) == ("test.jsonl", 1, str(labels))
    assert listed(root)["scienceworld"]["official"]["state"] == "playable"

    verified = data(root, "verify", "--json")
    assert verified.returncode == 0, verified.stderr
    (verdict,) = json.loads(verified.stdout)
    assert (verdict["benchmark"], verdict["file"], verdict["status"]) == ("scienceworld", "test.jsonl", "ok")

    (root / "scienceworld" / "test.jsonl").write_text("")
    changed = data(root, "verify", "scienceworld", "--json")
    assert changed.returncode == 1
    assert json.loads(changed.stdout)[0]["status"] == "changed"


def test_the_tables_say_the_same_for_people(root: Path, labels: Path) -> None:
    done = data(root, "import", "scienceworld", labels.parent)
    assert "test.jsonl" in done.stdout
    assert "1 official scienceworld tasks can be played" in done.stderr
    assert "the official set has 90" in done.stderr
    for command in ("list", "verify"):
        printed = data(root, command)
        assert printed.returncode == 0
        assert "scienceworld" in printed.stdout
        assert "\x1b" not in printed.stdout


def test_bad_data_are_one_sentence_and_exit_code_1(root: Path, labels: Path) -> None:
    labels.write_text("{torn")
    done = data(root, "import", "scienceworld", labels)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "test.jsonl:1 is not JSON" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (root / "scienceworld").exists()


def test_an_unknown_name_is_a_usage_error(root: Path, labels: Path) -> None:
    for arguments in (("import", "sciencworld", labels), ("verify", "sciencworld")):
        done = data(root, *arguments)
        assert done.returncode == 2
        assert "did you mean scienceworld" in done.stderr


def test_broken_data_of_one_benchmark_do_not_hide_the_others(root: Path) -> None:
    (root / "scienceworld").mkdir(parents=True)
    (root / "scienceworld" / "test.jsonl").write_bytes(b"\xff")
    rows = listed(root)
    assert "test.jsonl" in rows["scienceworld"]["official"]["problem"]
    assert rows["pddl"]["bundled"]["state"] == "playable"


def test_nothing_to_verify_is_not_a_failure(root: Path) -> None:
    done = data(root, "verify", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    assert data(root, "verify", "pddl").returncode == 1
