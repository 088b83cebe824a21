"""What a run's scores come to is read a second time, by code that shares nothing with Arena."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from envs.pddl.env import PDDLEnv

HERE = Path(__file__).parent
CONTESTANTS = ("bundled", "bundled+rtn-w2g32")
READINGS = ("episodes", "progress", "success", "valid_call_rate")


@pytest.fixture(scope="module")
def reading() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reading", HERE / "reading.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def arena(*arguments: object) -> str:
    command = [sys.executable, "-m", "arena", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout


def test_an_independent_reading_of_the_export_gives_the_same_scores_to_the_last_digit(
    reading: ModuleType, tmp_path: Path
):
    run, export = tmp_path / "run", tmp_path / "run.jsonl"
    agents = [argument for name in CONTESTANTS for argument in ("-a", name)]
    arena("batch", "small", "--limit", 4, *agents, "--out", run, "--json")
    arena("export", run, "--format", "jsonl", "--out", export)
    report = json.loads(arena("report", run, "--json"))

    tools = {}
    for line in export.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "task" in row:
            env = PDDLEnv("bundled")
            env.reset(options={"task": row["task"]["id"]})
            functions = [tool["function"] for tool in env.tools()]
            tools[row["task"]["id"]] = {each["name"]: each["parameters"] for each in functions}
    with export.open(encoding="utf-8") as lines:
        read = reading.read(lines, tools)

    assert read.keys() == set(CONTESTANTS)
    for name in CONTESTANTS:
        told = report["contestants"][name]["pddl"]
        assert read[name] == {key: told[key] for key in READINGS}
    assert 0 < read[CONTESTANTS[1]]["valid_call_rate"] < 1, "nothing has failed: the comparison says little"


def test_the_second_reader_takes_nothing_but_one_whole_call(reading: ModuleType):
    tools = {"go": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}}
    assert reading.is_valid_call('{"name": "go", "arguments": {"to": "hall"}}', tools)
    for reply in (
        '{"name": "go", "arguments": {}}',
        '{"name": "run", "arguments": {"to": "hall"}}',
        '{"name": "go", "arguments": {"to": "hall", "to": "study"}}',
        'go: {"name": "go", "arguments": {"to": "hall"}}',
        '["go"]',
    ):
        assert not reading.is_valid_call(reply, tools)
