"""`arena import` and `arena export` in a subprocess, as their user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

DATA = Path(__file__).parents[1] / "outside/data"


def arena(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "arena", *map(str, arguments)]
    return subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=120)


def test_two_logs_are_imported_reported_exported_and_brought_back(tmp_path: Path):
    run, back = tmp_path / "run", tmp_path / "back"
    logs = [f"{name}={DATA / name}.eval" for name in ("base", "worse")]
    imported = arena("import", *logs, "--out", run, "--json")
    assert imported.returncode == 0
    assert json.loads(imported.stdout)["paired"] == 4
    assert "4 tasks pair" in imported.stderr
    report = json.loads(arena("report", run, "--json").stdout)
    assert report["contestants"]["worse"]["sums"]["delta"] == -0.5
    assert report["contestants"]["worse"]["sums"]["verdict"]
    exported = arena("export", run, "--format", "csv")
    assert exported.stdout.strip() == str(tmp_path / "run.csv")
    assert arena("import", tmp_path / "run.csv", "--out", back).returncode == 0
    assert json.loads(arena("report", back, "--json").stdout) == report | {"run": "back"}


def test_a_log_that_cant_be_read_is_one_line_and_exit_code_1(tmp_path: Path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"id": 1, "messages": []}\n{"id": 2, "messages": 7}\n')
    done = arena("import", log, "--out", tmp_path / "run")
    assert done.returncode == 1
    assert done.stderr == f"arena: {log}:2: messages is no list\n"
    assert not (tmp_path / "run").exists()
