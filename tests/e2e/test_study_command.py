"""`arena study` in a subprocess: a model, what recipes make of it, and the page."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arena.store.files import connect
from tests.servers.fake_openai import serving

STUDY = ("study", "bundled", "--suite", "small", "--limit", "2", "--quiet")
RECIPES = ("--recipe", "rtn-w2g32", "--recipe", "magnitude-50")


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "arena", *STUDY, *arguments, "--out", "out"]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def study(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=280)
    return process.returncode, out, err


def finished(run: Path) -> int:
    if not (run / "run.sqlite").is_file():
        return 0
    db = connect(run)
    try:
        return int(db.execute("SELECT COUNT(*) FROM episode WHERE status = 'done'").fetchone()[0])
    finally:
        db.close()


def without_noise(page: str) -> list[str]:
    """A page's lines but the one that says how far two readings of the same models are apart."""
    return [line for line in page.splitlines() if "noise: log-prob" not in line]


@pytest.mark.timeout(600)
def test_a_study_that_was_ended_goes_on_and_ends_with_its_page(tmp_path: Path):
    out = tmp_path / "out"
    code, _, err = study(tmp_path, *RECIPES, "--make-only")
    assert code == 0, err
    assert not out.exists()
    made = {path.name for path in (tmp_path / "cache/arena/compressed").iterdir() if path.is_dir()}
    assert {name.partition("-")[0] for name in made} == {"rtn", "magnitude"}

    process = start(tmp_path, *RECIPES)
    for _ in range(1000):
        if finished(out / "run") >= 2:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert "the same command goes on from here" in err
    assert not (out / "study.md").exists()
    played = finished(out / "run")
    assert 2 <= played < 16

    code, text, err = study(tmp_path, *RECIPES)
    assert code == 0, err
    assert "the paper's finding" in text
    assert finished(out / "run") == 16
    page = (out / "study.md").read_text()
    for shown in ("# Study of bundled", "## Which to ship", "## One turn, token by token", "## Noise floor"):
        assert shown in page
    document = json.loads((out / "study.json").read_text())
    assert [pair["tie"] for pair in document["noise"]] == [True]
    assert {"bundled", "bundled-rtn-w2g32"} <= document["telling"]["of"]["episodes"].keys()
    assert set(document["analyses"][0]["models"]) == {"bundled-magnitude-50", "bundled-rtn-w2g32"}
    assert "<table" in (out / "report.html").read_text()

    kept = {name: (out / name).stat().st_mtime_ns for name in ("analysis-bundled.json", "telling.json")}
    code, text, err = study(tmp_path, *RECIPES, "--json")
    assert code == 0, err
    assert json.loads(text)["claims"] == document["claims"]
    assert {name: (out / name).stat().st_mtime_ns for name in kept} == kept

    (out / "study.md").unlink()
    for name in kept:  # as another run's, written into this folder, would be
        text = (out / name).read_text().replace(document["created"], "2020-01-01T00:00:00+00:00")
        (out / name).write_text(text.replace("bundled-rtn-w2g32", "of another run"))
    command = [sys.executable, "-m", "arena", "study", "--run", str(out / "run"), "--out", "out"]
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert again.returncode == 0, again.stderr
    assert without_noise((out / "study.md").read_text()) == without_noise(page)
    code, _, err = study(tmp_path, *RECIPES, "--run", str(out / "run"))
    assert code == 2
    assert "--run plays nothing" in err


SERVED = "openai:http://localhost:1#m"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ((SERVED,), "--made awq-w4g128=openai:URL#MODEL"),
        ((SERVED, "--made", "awq-w4g128=bundled", "--recipe", "fp8"), "leave out --recipe"),
        (("bundled", "smollm2", "--made", "fp8=bundled+fp8"), "one by one"),
        (("bundled", "--made", "fp9=bundled"), "fp8"),
        (("bundled", "--made", "fp8"), "is not RECIPE=SPEC"),
        (("expert",), "no weights to compress"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_studied_is_said_before_anything_is_done(
    tmp_path: Path, typed: tuple[str, ...], says: str
):
    command = [sys.executable, "-m", "arena", "study", *typed]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "study").exists()


def test_a_servers_model_is_studied_with_what_was_made_of_it_elsewhere(tmp_path: Path):
    with serving(models="qwen") as base, serving([{"text": "no call"}], models="qwen-pruned") as pruned:
        typed = [base.spec, "--made", f"magnitude-50={pruned.spec}", "--made", f"awq-w4g128={base.spec}"]
        command = [sys.executable, "-m", "arena", "study", *typed, "--suite", "small", "--limit", "2"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "study/study.json").read_text())
    assert [*document["reports"][0]["overall"]] == [
        "qwen",
        "qwen-again",
        "qwen-tools",
        "qwen-magnitude-50",
        "qwen-awq-w4g128",
    ]
    assert "# Study of qwen" in (tmp_path / "study/study.md").read_text()


def test_a_run_without_recipes_or_a_folder_that_is_none_is_one_sentence(tmp_path: Path):
    logs = Path(__file__).parents[1] / "outside" / "data"
    run = tmp_path / "imported"
    (tmp_path / "taken").write_text("a file")

    def arena(*typed: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "arena", *typed]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    arena("import", f"base={logs / 'base.eval'}", f"worse={logs / 'worse.eval'}", "--out", str(run))
    done = arena("study", "--run", str(run))
    assert done.returncode == 1
    assert "was imported" in done.stderr
    assert "arena report" in done.stderr
    done = arena("study", "--run", str(run), "--out", "taken")
    assert done.returncode == 2
    assert "taken can't be written" in done.stderr
