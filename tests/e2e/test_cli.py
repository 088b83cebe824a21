"""The real command line in a subprocess, as a user or a script runs it."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
name = "tiny"
[settings]
max_tokens = 20
[[tasks]]
benchmark = "pddl"
subset = "gripper"
count = 2
[[tasks]]
benchmark = "pddl"
subset = "blockworld"
count = 2
"""


def arena(*arguments: object, check: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "arena", *map(str, arguments)]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=check, timeout=120
    )


def play(suite: Path, run: Path, *contestants: str) -> dict:
    agents = [argument for each in contestants for argument in ("-a", each)]
    return json.loads(arena("batch", suite, *agents, "--out", run, "--json", check=True).stdout)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE)
    return path


def test_help_names_every_command_and_loads_no_torch():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "arena", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    commands = "play batch watch report score import export compress recipes analyze serve tasks agents runs"
    commands += " debug divergence gate retry regrade merge study sweep"
    for command in (*commands.split(), "doctor"):
        assert f"  {command} " in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    for heavy in ("torch", "transformers", "textual", "gymnasium", "numpy", "openai", "pydantic"):
        assert heavy not in imported


def test_a_batch_prints_the_documented_json_and_the_report_adds_differences(suite: Path, tmp_path: Path):
    run = tmp_path / "run"
    batch = json.loads(
        arena("batch", suite, "-a", "expert", "-a", "random", "--out", run, "--json", check=True).stdout
    )
    assert batch["run"] == "run"
    expert = batch["contestants"]["expert"]["pddl"]
    fields = {"episodes", "errors", "progress", "success", "grounding", "valid_call_rate", "turns"}
    assert fields <= expert.keys()
    assert (expert["episodes"], expert["errors"], expert["progress"], expert["success"]) == (4, 0, 1.0, 1.0)
    assert batch["contestants"]["random"]["pddl"]["progress"] < 0.9

    report = json.loads(arena("report", run, "--json", check=True).stdout)
    assert report["baseline"] == "expert"
    random = report["contestants"]["random"]["pddl"]
    assert random["delta"] == pytest.approx(random["progress"] - 1)
    low, high = random["ci"]
    assert low <= random["delta"] <= high
    assert 0 <= random["p"] <= 1
    assert random["verdict"]
    assert "delta" not in report["contestants"]["expert"]["pddl"]


def test_the_tables_show_what_the_json_says(suite: Path, tmp_path: Path):
    run = tmp_path / "run"
    printed = arena("batch", suite, "-a", "expert", "-a", "random", "--out", run, check=True)
    assert "expert" in printed.stdout
    assert "100.0" in printed.stdout
    assert f"arena watch {run}" in printed.stderr
    assert "\x1b" not in printed.stdout
    markdown = arena("report", run, "--markdown", check=True).stdout
    assert "| pddl | expert | 4 | 0 | 100.0 |" in markdown


def test_json_contestants_play_tool_calls(suite: Path, tmp_path: Path):
    text = suite.read_text().replace("max_tokens", 'protocol = "json"\nmax_tokens')
    suite.write_text(text)
    done = arena(
        "batch", suite, "-a", "expert", "-a", "random", "--out", tmp_path / "run", "--json", check=True
    )
    expert = json.loads(done.stdout)["contestants"]["expert"]["pddl"]
    assert (expert["success"], expert["valid_call_rate"], expert["grounding"]) == (1.0, 1.0, 1.0)
    db = sqlite3.connect(tmp_path / "run/run.sqlite")
    (action,) = db.execute("SELECT action FROM turn LIMIT 1").fetchone()
    assert set(json.loads(action)) == {"name", "arguments"}


def test_a_recorded_run_replays_to_the_same_scores(suite: Path, tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    play(suite, first, "expert", "random")
    play(suite, second, *(f"{name}=replay:{first},contestant={name}" for name in ("expert", "random")))
    reports = [json.loads(arena("report", run, "--json", check=True).stdout) for run in (first, second)]
    for report in reports:
        for scores in report["contestants"].values():
            del scores["pddl"]["time_s"]  # a replay takes no time
    assert reports[0]["contestants"] == reports[1]["contestants"]


def test_a_contestant_can_come_from_the_contestants_file(suite: Path, tmp_path: Path):
    file = tmp_path / "contestants.toml"
    file.write_text('[steady]\nspec = "random"\nseed = 7\n')
    done = arena(
        *("batch", suite, "-a", "steady", "-a", "other=steady,seed=8", "--json", "--out", tmp_path / "run"),
        check=True,
        ARENA_CONTESTANTS=str(file),
    )
    assert set(json.loads(done.stdout)["contestants"]) == {"steady", "other"}


def test_tasks_are_listed_with_the_documented_fields():
    listed = json.loads(arena("tasks", "--json", check=True).stdout)
    fields = {"id", "benchmark", "subset", "source", "state", "mend", "expert", "max_steps"}
    assert all(fields <= task.keys() for task in listed)
    assert {"pddl/gripper/0", "scienceworld/boil/0"} <= {task["id"] for task in listed}
    assert {task["state"] for task in listed} <= {"playable", "needs-data", "needs-package"}


def test_runs_and_doctor_speak_json(suite: Path, tmp_path: Path):
    runs = tmp_path / "runs"
    arena("batch", suite, "-a", "expert", check=True, ARENA_RUNS=str(runs))
    (runs / "broken").mkdir()
    (runs / "broken" / "run.sqlite").write_text("torn")
    listed = {
        run["run"]: run
        for run in json.loads(arena("runs", "--json", check=True, ARENA_RUNS=str(runs)).stdout)
    }
    assert listed["broken"]["problem"]
    (whole,) = (run for name, run in listed.items() if name.startswith("tiny-"))
    assert (whole["done"], whole["planned"], whole["contestants"]) == (4, 4, ["expert"])
    found = {each["what"]: each for each in json.loads(arena("doctor", "--json", check=True).stdout)}
    assert found["torch"]["state"] == "ok"
    assert "llmcompressor" in found
    assert arena("--version", check=True).stdout.startswith("arena ")
    assert all(each["mend"] for each in found.values() if each["state"] == "missing")


def test_one_damaged_run_is_one_sentence_and_hides_no_other(suite: Path, tmp_path: Path):
    runs, batch = tmp_path / "runs", ("batch", suite, "-a", "expert", "--json", "--out")
    arena(*batch, runs / "whole", check=True)
    for name in ("torn", "empty"):
        shutil.copytree(runs / "whole", runs / name)
    (runs / "empty/run.toml").write_text("")
    whole = (runs / "torn/run.sqlite").read_bytes()
    (runs / "torn/run.sqlite").write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    listed = arena("runs", "--json", check=True, ARENA_RUNS=str(runs)).stdout
    problems = {run["run"]: run["problem"] for run in json.loads(listed)}
    assert problems["whole"] == ""
    assert "run.sqlite can't be read as a run" in problems["torn"]
    assert "run.toml is not as Arena writes it" in problems["empty"]
    for run, says in (("torn", "run.sqlite can't be"), ("empty", "run.toml is not as Arena writes it")):
        for command in (("report", runs / run), ("retry", runs / run), (*batch, runs / run)):
            done = arena(*command)
            if (run, command[0]) != ("empty", "retry"):  # it has no errors, so its plan is not looked at
                assert done.returncode == 1
                assert says in done.stderr
            assert "unexpected" not in done.stderr


BAD = [
    (("batch", "quik", "-a", "expert"), 2, "quick"),
    (("batch", "quick"), 2, "-a"),
    (("batch", "quick", "-a", "exprt"), 2, "expert"),
    (("batch", "quick", "-a", "expert", "-a", "expert"), 2, "two contestants are called 'expert'"),
    (("batch", "quick", "-a", "expert,protocl=json"), 2, "protocol"),
    (("batch", "quick", "-a", "expert,protocol=xml"), 2, "protocol"),
    (("batch", "quick", "-a", "hf:/no/such/model"), 1, "/no/such/model"),
    (("batch", "quick", "-a", "script:/no/such/file.txt"), 2, "/no/such/file.txt"),
    (("batch", "quick", "-a", "replay:no-such-run"), 2, "no-such-run"),
    (("report", "no-such-run"), 2, "no-such-run"),
    (("watch", "no-such-run"), 2, "no-such-run"),
    (("tasks", "pdll"), 2, "pddl"),
    (("tasks", "pddl/griper"), 2, "did you mean pddl/gripper,"),
    (("batch", "quick", "-a", "qwen2.5-7bb"), 2, "did you mean qwen2.5-7b"),
    (("batch", "quick", "-a", "hf:~nobody-here/model"), 1, "~nobody-here/model"),
    (("batch", "quick", "-a", "bundled+~nobody-here/my.toml"), 2, "~nobody-here/my.toml"),
    (("play", "pddl/griper"), 2, "pddl/gripper"),
    (("play",), 2, "terminal"),
]


@pytest.mark.parametrize(("arguments", "code", "says"), BAD, ids=[" ".join(bad[0]) for bad in BAD])
def test_what_is_asked_wrongly_is_one_sentence_and_an_exit_code(
    arguments: tuple[str, ...], code: int, says: str
):
    done = arena(*arguments)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
    assert done.stdout == ""


def test_a_traceback_is_shown_on_request():
    assert "Traceback" in arena("--debug", "report", "no-such-run").stderr


def test_a_dead_server_costs_its_contestant_only(suite: Path, tmp_path: Path):
    run = tmp_path / "run"
    dead = "dead=openai:http://127.0.0.1:9/v1#m,retries=0,timeout=2"
    done = arena("batch", suite, "-a", "expert", "-a", dead, "--out", run, "--json")
    assert done.returncode == 1
    assert "dead" in done.stderr
    assert "owed" in done.stderr
    scores = json.loads(done.stdout)["contestants"]
    assert scores["expert"]["pddl"]["success"] == 1.0


def test_a_hostile_name_in_a_run_never_reaches_the_terminal_raw(suite: Path, tmp_path: Path):
    run, hostile = tmp_path / "run", "ex\x1b]0;PWN\x07\x1b[31mpert"
    play(suite, run, "random", "expert")
    plan = (run / "run.toml").read_text().replace('"expert"', '"ex\\u001b]0;PWN\\u0007\\u001b[31mpert"')
    (run / "run.toml").write_text(plan)
    db = sqlite3.connect(run / "run.sqlite")
    db.execute("UPDATE episode SET contestant = ? WHERE contestant = 'expert'", (hostile,))
    db.commit()
    db.close()
    for command in (("gate", run), ("sweep", "turns", "--run", run), ("report", run, "--csv")):
        done = arena(*command)
        assert "PWN" in done.stdout
        assert "\x1b" not in done.stdout + done.stderr
    assert "\x1b" not in arena("report", run, "--latex").stdout


def test_a_gate_without_a_model_to_judge_says_so(suite: Path, tmp_path: Path):
    play(suite, tmp_path / "run", "expert", "random")
    done = arena("gate", tmp_path / "run")
    assert done.returncode == 3
    assert "nobody is judged" in done.stderr


def test_a_latex_table_says_what_it_was_played_on_in_comments(suite: Path, tmp_path: Path):
    play(suite, tmp_path / "run", "expert", "random")
    lines = arena("report", tmp_path / "run", "--latex", check=True).stdout.splitlines()
    table = lines.index(r"\begin{tabular}{llrrrrrrrrrrlr}")
    comments = lines[:table]
    assert all(line.startswith("% ") for line in comments)
    for said in ("seeds 0", "grading version", "contestants expert "):
        assert any(said in line for line in comments), said


def test_hostile_replies_never_reach_the_terminal_raw(suite: Path, tmp_path: Path):
    hostile = "\x1b]8;;http://x\x07link\x1b[2J [red]boo[/red] \u202e"
    script = tmp_path / "hostile.jsonl"
    script.write_text(json.dumps({"task": "*", "replies": [hostile] * 40}))
    done = arena(
        "batch", suite, "-a", "expert", "-a", f"bad=script:{script}", "--out", tmp_path / "run", check=True
    )
    assert "\x1b" not in done.stdout + done.stderr
    assert "\u202e" not in done.stdout + done.stderr
