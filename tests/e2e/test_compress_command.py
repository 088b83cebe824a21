"""`arena compress` and `arena recipes` in a subprocess, as a user or a script runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "toys"))
import tiny_models


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_tiny(tmp_path_factory.mktemp("models") / "tiny")


def arena(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "arena", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=240
    )


def test_recipes_are_listed(tmp_path: Path) -> None:
    table = arena(tmp_path, "recipes").stdout
    assert "made by" in table and "llm-compressor" in table
    listed = json.loads(arena(tmp_path, "recipes", "--json").stdout)
    assert {"rtn-w4g128", "gptq-w4g128", "wanda-2:4"} <= {each["name"] for each in listed}
    assert "rtn-w4g128" in arena(tmp_path, "recipes").stdout


def test_a_dry_run_says_the_size_and_does_nothing_then_the_run_has_it(tiny: Path, tmp_path: Path) -> None:
    command = ("compress", tiny, "--recipe", "rtn-w4g128", "--set", "group_size=16", "--json")
    planned = json.loads(arena(tmp_path, *command, "--dry-run").stdout)
    assert planned["dry_run"]
    assert not Path(tmp_path, planned["out"]).exists()
    done = arena(tmp_path, *command, "--out", "made")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["size_bytes"] == planned["size_bytes"] < made["base_size_bytes"] == planned["base_size_bytes"]
    assert {"out", "recipe", "size_bytes", "base_size_bytes", "sparsity", "pattern", "layers"} <= made.keys()
    assert [layer["name"] for layer in made["layers"]] == [layer["name"] for layer in planned["layers"]]
    assert {"name", "bits", "sparsity", "error"} <= made["layers"][0].keys()
    assert json.loads((tmp_path / "made/arena.json").read_text())["error"] == made["error"]
    assert "\x1b" not in done.stderr


def test_the_pattern_is_told_and_a_second_run_refused(tiny: Path, tmp_path: Path) -> None:
    done = arena(tmp_path, "compress", tiny, "-r", "magnitude-2:4")
    assert done.returncode == 0, done.stderr
    assert "50.0% zeros in the pattern 2:4" in done.stderr
    assert (tmp_path / "tiny-magnitude-2-4/arena.json").is_file()
    again = arena(tmp_path, "compress", tiny, "-r", "magnitude-2:4")
    assert (again.returncode, again.stdout) == (2, "")
    assert "exists already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("TINY", "-r", "magic"), 2, "no recipe 'magic'"),
        (("TINY", "-r", "rtn-w4g128", "--set", "bit=3"), 2, "no setting 'bit'"),
        (("TINY", "-r", "rtn-w4g128", "--calibration", "nowhere.txt"), 2, "no such file or folder"),
        (("TINY", "-r", "rtn-w4g128", "--calibration", ""), 2, "no such file or folder"),
        (("TINY", "-r", "rtn-w4g128", "--set", "ignore=re:*q_proj"), 2, "no regular expression"),
        (("TINY", "-r", "wanda-50", "--calibration", "note.txt"), 1, "note.txt is too little"),
        (("./nowhere/model", "-r", "fp8"), 1, "no model at nowhere/model"),
    ],
)
def test_what_can_t_be_done_is_one_sentence(
    arguments: tuple, code: int, says: str, tiny: Path, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("A few words.")
    done = arena(tmp_path, "compress", *(tiny if each == "TINY" else each for each in arguments))
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert {each.name for each in tmp_path.iterdir()} <= {"note.txt", "cache"}


def test_a_run_s_trajectories_calibrate(tiny: Path, tmp_path: Path) -> None:
    task = '[[tasks]]\nbenchmark = "pddl"\nsubset = "gripper"\ncount = 2\n'
    (tmp_path / "two.toml").write_text(f'name = "two"\n{task}')
    played = arena(tmp_path, "batch", "two.toml", "-a", "expert", "-a", "random", "--out", "run")
    assert played.returncode == 0, played.stderr
    settings = ("--set", "samples=4", "--set", "tokens=64", "--json")
    done = arena(
        tmp_path,
        "compress",
        tiny,
        "-r",
        "wanda-50",
        *settings,
        "--calibration",
        "trajectories:run",
        "--out",
        "a",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["calibration"]["name"] == "trajectories:run#expert"
    other = arena(
        tmp_path, "compress", tiny, "-r", "wanda-50", "--calibration", "trajectories:run#nobody", "--out", "b"
    )
    assert other.returncode == 2
    assert "contestants: expert, random" in other.stderr


def test_a_compressed_contestant_plays_beside_its_base(tiny: Path, tmp_path: Path) -> None:
    options = ",max_tokens=4,context_tokens=900,example=false,style=terse"
    task = '[[tasks]]\nbenchmark = "pddl"\nsubset = "gripper-small"\ncount = 1\nmax_steps = 3\n'
    (tmp_path / "one.toml").write_text(f'name = "one"\n{task}')
    done = arena(
        tmp_path,
        *("batch", "one.toml", "--json", "--out", "run"),
        *("-a", f"base=hf:{tiny}{options}", "-a", f"w3={tiny}+rtn-w3g16{options}"),
    )
    assert "compressing" in done.stderr
    assert done.returncode == 0, done.stderr
    contestants = json.loads(done.stdout)["contestants"]
    assert all(scores["pddl"]["episodes"] > 0 for scores in contestants.values())
