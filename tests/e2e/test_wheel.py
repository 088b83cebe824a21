"""The wheel builds, installs into an empty environment and runs there."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with the wheel in it; its dependencies are lent by this one."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    install = [str(python), "-m", "pip", "install", "-q", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    # several GB of dependencies need not be installed twice: lend them, without this checkout's own .pth
    lent = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    (site,) = (folder / "venv/lib").glob("python*/site-packages")
    names = [each for each in lent.iterdir() if "arena" not in each.name and each.suffix != ".pth"]
    for each in names:
        if not (site / each.name).exists():
            (site / each.name).symlink_to(each)
    return python


def run(python: Path, *arguments: str, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_package_is_not_this_checkout(installed: Path, tmp_path: Path):
    where = run(installed, "-c", "import arena, envs; print(arena.__file__, envs.__file__)", cwd=tmp_path)
    assert str(ROOT / "arena") not in where
    assert str(installed.parents[1]) in where


def test_the_installed_command_plays_a_batch(installed: Path, tmp_path: Path):
    suite = tmp_path / "s.toml"
    suite.write_text('name = "s"\n[[tasks]]\nbenchmark = "pddl"\nsubset = "gripper"\ncount = 1\n')
    command = installed.parent / "arena"
    assert "batch" in run(command, "--help", cwd=tmp_path)
    scores = json.loads(
        run(command, "batch", str(suite), "-a", "expert", "-a", "random", "--json", cwd=tmp_path)
    )
    assert scores["contestants"]["expert"]["pddl"]["success"] == 1.0
    assert "quick" in run(
        installed, "-c", "from arena.suite import suite_names; print(suite_names())", cwd=tmp_path
    )


def test_gymnasium_finds_the_environments_without_importing_arena(installed: Path, tmp_path: Path):
    program = (
        "import gymnasium; env = gymnasium.make('arena/PDDL-v0'); "
        "obs, info = env.reset(options={'task': 'pddl/gripper/0'}); print(info['task'], info['progress'])"
    )
    assert run(installed, "-c", program, cwd=tmp_path).split() == ["pddl/gripper/0", "0.0"]
