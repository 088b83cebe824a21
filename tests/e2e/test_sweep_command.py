"""`arena sweep` in a subprocess, as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def arena(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "arena", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=240
    )


def test_the_bundled_model_is_swept_over_bits_and_the_table_ends_in_a_sentence(tmp_path: Path) -> None:
    command = "sweep", "bits", 4, "-a", "bundled", "--limit", 3, "-q"
    done = arena(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines if "█" in line] == ["uncompressed", "4 bits"]
    assert "against the uncompressed model" in lines[-1]

    document = json.loads(arena(tmp_path, *command, "--json").stdout)
    base, (four,) = document["lines"][0]["references"][0], document["lines"][0]["values"]
    assert base["levels"]["valid_call_rate"] > 0.9
    assert base["costs"]["size_bytes"] > 2 * four["costs"]["size_bytes"]
    assert four["contestant"] == "bundled+rtn-w4g128"
    assert four["pairs"] == 6

    turns = arena(tmp_path, "sweep", "turns", "--run", base["run"], "--json")
    assert turns.returncode == 0, turns.stderr
    assert json.loads(turns.stdout)["lines"][0]["references"][0]["label"] == "turn 1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bits", 9, "-a", "bundled"), "from 2 to 8"),
        (("bitz", 4, "-a", "bundled"), "did you mean bits"),
        (("kv-cache", 8, 4, "-a", "expert"), "no option 'kv_bits'"),
        (("bits", 4), "needs a contestant"),
        (("bits", 4, "-a", "bundled", "--measure", "luck"), "'luck' is not measured"),
        (("turns",), "--run RUN"),
        (("tools", 8, 32, "-a", "bundled", "--suite", "small"), "shows no tools"),
        (("tools", 8, 32, "-a", "expert"), "begin with"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_a_sentence(
    tmp_path: Path, arguments: tuple[object, ...], said: str
) -> None:
    done = arena(tmp_path, "sweep", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("runs/*"))


def test_prompts_that_fit_nowhere_end_the_sweep_with_exit_code_1(tmp_path: Path) -> None:
    done = arena(tmp_path, "sweep", "context", 4000, 5000, "-a", "bundled", "--limit", 1, "-q")
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not fit" in done.stderr
    assert "nothing could be played" in done.stderr
    assert "5,000 tokens of text: run" not in done.stderr
