"""A run that is exported and brought back says the same, turn by turn."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from arena.errors import ArenaError
from arena.outside.exporting import FORMATS, export_run
from arena.outside.importing import import_logs
from arena.outside.lines import BadLog
from arena.outside.own import head_record, read_run, task_of, task_record, turn_record
from arena.plan import read_plan
from arena.protocol.base import Failure, FailureKind
from arena.records import EpisodeEnded, EpisodeKey, Turn
from arena.report.document import report_document
from arena.store.files import create_database
from arena.store.writer import RunWriter
from envs.base import Task
from tests.arena.report.made_runs import make_run

DATA = Path(__file__).parent / "data"
TEXTS = ("plain", "", 'quotes " and, commas', "lines\r\nof\nall\rkinds", "=1+1", "\x00\x1b[31m", "🎲 ü", " ")
CALL = '{"name":"go","arguments":{"to":"here"}}'


def turn(index: int, text: str, **changes: object) -> Turn:
    values: dict = {
        "index": index,
        "observation": "",
        "reply": text,
        "thought": text,
        "action": text,
        "failure": None,
        "outcome": text,
        "valid": True,
        "progress": 0.1 + 0.2,
        "success": False,
        "latency_s": 1 / 3,
        "subgoals": {text: True},
        "scores": {"scores": {"f": 0.5}},
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "finish_reason": "length",
        "prompt_hash": "h",
        "dropped_items": 1,
    }
    return Turn(**(values | changes))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with all that a record may hold: odd names and texts, failures, an error, no turns at all."""
    folder = tmp_path / "run"
    folder.mkdir()
    create_database(folder)
    tasks = [
        Task(
            *(f"toy/a/{n}", "toy", "a", "bundled", 0, 5, "easy", {"n": n}),
            goal=text,
            grading={"scoring": "strict", "encoder": "hashing"} if n % 2 else {},
        )
        for n, text in enumerate(TEXTS)
    ]
    names = ("base", "small|er, one")
    document = {
        "schema": 1,
        "run": "run",
        "created": "2026-01-01T00:00:00+00:00",
        "plan": {
            "suite": "toy",
            "settings": {"seed": 4},
            "repeats": 2,
            "contestants": [[name, "0" * 16] for name in names],
            "tasks": [[task.id, task.hash] for task in tasks],
        },
        "contestants": [{"name": name, "spec": "x"} for name in names],
    }
    import tomli_w

    (folder / "run.toml").write_text(tomli_w.dumps(document))
    writer = RunWriter(folder)
    writer.add_tasks(tasks)
    failure = Failure(FailureKind.WRONG_TYPE, (3, 9), "an integer", '"x"', "$.arguments.n", '{"name":"go"}')
    for name in names:
        for repeat in range(2):
            for number, (task, text) in enumerate(zip(tasks, TEXTS, strict=True)):
                key = EpisodeKey(name, task.id, task.hash, 4 + repeat, repeat)
                episode, _ = writer.begin(key, {"grading_version": 1, "parser": text})
                episode.begin(text, text)
                if number == 3:
                    episode.fail(key, "server\ndown")
                    continue
                turns = [
                    turn(0, text),
                    turn(1, text, action=None, failure=failure),
                    turn(2, text, action=CALL),
                ]
                for each in turns if number != 4 else []:
                    episode.append(each)
                done = (0.25 * number / 2, number == 5 and name == "base")
                episode.end(EpisodeEnded(key, "done", *done, len(turns)))
    writer.close()
    return folder


def records(run: Path) -> list:
    _, episodes = read_run(run)
    return [(head_record(each), [turn_record(turn) for turn in each.turns], each.task) for each in episodes]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_run_comes_back_as_it_was(kind: str, run: Path, tmp_path: Path):
    out, back = export_run(run, kind), tmp_path / "back"
    import_logs([str(out)], back)
    assert sorted(records(back), key=str) == sorted(records(run), key=str)
    assert read_plan(back) == read_plan(run) | {"run": "back"}
    assert report_document(back) == report_document(run) | {"run": "back"}
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("kind", FORMATS)
def test_an_imported_run_survives_it_too(kind: str, tmp_path: Path):
    run, back = tmp_path / "run", tmp_path / "back"
    import_logs([f"base={DATA / 'base.eval'}", f"worse={DATA / 'worse.eval'}"], run)
    import_logs([str(export_run(run, kind))], back)
    assert report_document(back) == report_document(run) | {"run": "back"}


def test_an_export_overwrites_nothing_and_leaves_no_half(run: Path, tmp_path: Path):
    taken = tmp_path / "mine.csv"
    taken.write_text("mine")
    with pytest.raises(ArenaError, match="is there already"):
        export_run(run, "csv", taken)
    with pytest.raises(ArenaError, match="no export format 'parket'"):
        export_run(run, "parket")
    with pytest.raises(ArenaError, match="can't be written"):
        export_run(run, "csv", taken / "below" / "out.csv")
    assert taken.read_text() == "mine"
    assert {each.name for each in tmp_path.iterdir()} == {"run", "mine.csv"}


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_name_without_the_formats_suffix_gets_it_so_that_an_import_knows_it(
    kind: str, run: Path, tmp_path: Path
):
    out = export_run(run, kind, tmp_path / "of.monday")
    assert out == tmp_path / f"of.monday.{kind}"
    import_logs([str(out)], tmp_path / "back")
    assert export_run(run, kind, tmp_path / f"other.{kind}").name == f"other.{kind}"
    with pytest.raises(ArenaError, match="is there already"):
        export_run(run, kind, tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"progress": "NaN"}, "progress"),
        ({"status": "won"}, "status"),
        ({"task_hash": "f" * 16}, "task is not in the file"),
        ({"contestant": "nobody"}, "not among the plan's contestants"),
        ({"seed": 2**80}, "seed is too large"),
        ({"progress": 5.0}, "progress is not from 0 to 1"),
        ({"provenance": {"note": float("nan")}}, "provenance is missing or of the wrong type"),
        ({"provenance": {"absent": 5}}, "provenance.absent"),
        ({"provenance": {"grading_version": "new"}}, "provenance.grading_version"),
    ],
)
def test_an_export_that_was_tampered_with_is_refused(change: dict, said: str, run: Path, tmp_path: Path):
    out = export_run(run, "jsonl")
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    place = next(number for number, line in enumerate(lines) if "episode" in line)
    lines[place]["episode"] |= change
    out.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(BadLog, match=said):
        import_logs([str(out)], tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ((), {"packages": 5}, "packages"),
        ((), {"machine": []}, "machine"),
        ((), {"created": float("nan")}, "numbers that are none"),
        ((), {"imported": {"logs": 5}}, "imported.logs"),
        (("plan",), {"repeats": 10**15}, "plan.repeats"),
        (("plan", "settings"), {"seed": "x"}, "plan.settings.seed"),
        (("contestants", 0), {"options": 5}, "contestants.0.options"),
        (("contestants", 0), {"identity": {"engine": 5}}, "contestants.0.identity.engine"),
    ],
)
def test_a_plan_that_no_report_could_be_made_of_is_refused(
    part: tuple[str | int, ...], change: dict, said: str, run: Path, tmp_path: Path
):
    out = export_run(run, "jsonl")
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    place = lines[0]["plan"]
    for name in part:
        place = place[name]
    place |= change
    out.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(BadLog, match=said):
        import_logs([str(out)], tmp_path / "back")


def test_a_task_keeps_how_it_is_graded_and_an_export_may_be_older_than_that():
    task = Task("toy/a/1", "toy", "a", "bundled", 0, 5, "easy", {}, grading={"encoder": "hashing"})
    assert task_of(task_record(task), "here").hash == task.hash
    older = {name: value for name, value in task_record(task).items() if name != "grading"}
    assert task_of(older, "here").grading == {}
    for broken in ({"encoder": 1}, "hashing"):
        with pytest.raises(BadLog, match="grading"):
            task_of(older | {"grading": broken}, "here")


def test_turns_that_are_missing_or_doubled_are_noticed(run: Path, tmp_path: Path):
    out = export_run(run, "jsonl")
    lines = out.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if '"turn"' in line[:8])
    for changed in ([*lines[:place], *lines[place + 1 :]], [*lines[:place], lines[place], *lines[place:]]):
        out.write_text("\n".join(changed))
        with pytest.raises(BadLog, match="turn"):
            import_logs([str(out)], tmp_path / "back")


def _inspect_python() -> str:
    """An interpreter with the real inspect_ai: this one, or that of ARENA_INSPECT_PYTHON."""
    python = os.environ.get("ARENA_INSPECT_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import inspect_ai"], capture_output=True).returncode:
        pytest.skip("needs inspect_ai here, or an interpreter that has it in ARENA_INSPECT_PYTHON")
    return python


def test_inspect_itself_reads_our_logs_and_what_it_writes_again_comes_back(run: Path, tmp_path: Path):
    python = _inspect_python()
    out = export_run(run, "inspect")
    program = """
import json, sys
from pathlib import Path
from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries, write_eval_log
found = {}
for path in sorted(Path(sys.argv[1]).glob("*.eval")):
    log = read_eval_log(str(path))
    summaries = read_eval_log_sample_summaries(str(path))
    calls = [call.function for sample in log.samples for message in sample.messages
             for call in getattr(message, "tool_calls", None) or []]
    found[log.eval.model] = [log.status, len(log.samples), len(summaries), calls.count("go"),
                             log.results.scores[0].metrics["mean"].value]
    write_eval_log(log, str(Path(sys.argv[2]) / path.name))
print(json.dumps(found))
"""
    again = tmp_path / "again"
    again.mkdir()
    done = subprocess.run([python, "-c", program, out, again], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == {"arena/base", "arena/small|er, one"}
    progress = report_document(run)["contestants"]["base"]["toy"]["progress"]
    # 8 tasks twice; 6 of them have turns, the last of which is a call; those that failed have no score
    assert found["arena/base"] == ["success", 16, 16, 12, pytest.approx(progress)]
    import_logs([str(again)], tmp_path / "back")
    assert report_document(tmp_path / "back") == report_document(run) | {"run": "back"}


def test_logs_of_two_runs_dont_come_back_as_one(run: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(run, other)
    text = (other / "run.toml").read_text()
    (other / "run.toml").write_text(text.replace("2026-01-01", "2026-01-02"))
    files = [str(export_run(each, "jsonl")) for each in (run, other)]
    with pytest.raises(ArenaError, match="of another run"):
        import_logs(files, tmp_path / "back")
    with pytest.raises(ArenaError, match="is an export of Arena, the others are not"):
        import_logs([files[0], str(DATA / "base.eval")], tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_run_that_was_stopped_for_what_it_showed_says_so_when_it_is_back(kind: str, tmp_path: Path):
    scores = {"base": {"alpha": [1.0] * 60}, "small": {"alpha": [0.0, 1.0] * 30}}
    run = make_run(tmp_path / "run", scores, planned=90, decided="small: worse")
    import_logs([str(export_run(run, kind))], tmp_path / "back")
    before, after = (report_document(path) for path in (run, tmp_path / "back"))
    assert after["stopped"] == "small: worse"
    assert after == before | {"run": "back"}


def test_a_notice_is_found_however_many_events_come_after_it(tmp_path: Path):
    scores = {"base": {"alpha": [1.0] * 60}, "small": {"alpha": [0.0, 1.0] * 30}}
    run = make_run(tmp_path / "run", scores, planned=90, decided="small: worse")
    with closing(sqlite3.connect(run / "run.sqlite")) as db, db:
        db.executemany("INSERT INTO event (at, kind) VALUES (0, ?)", [("turn_played",)] * 20_000)
    assert report_document(run)["stopped"] == "small: worse"
