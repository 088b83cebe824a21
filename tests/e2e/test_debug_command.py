"""`arena debug` as a user or a script runs it, on a run that was played by `arena batch`."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from arena.cli import main

TASK = "pddl/gripper/0"
SUITE = f"""
name = "debugged"
[settings]
protocol = "json"
[[tasks]]
benchmark = "pddl"
ids = ["{TASK}"]
max_steps = 6
"""
MOVE = '{"name": "move", "arguments": {"from_room": "study", "to_room": "kitchen"}}'
HOSTILE = "I \x1b[2J\x1b]0;owned\x07 [bold]see[/bold] \u202eno"
REPLIES = [MOVE[:-1], HOSTILE, MOVE.replace("kitchen", "attic"), MOVE, MOVE, "<tool_call {"]
CONTRACT = [
    *("contestant", "task", "repeat", "turn", "kind", "span", "json_path", "expected", "got"),
    *("repair", "repair_correct", "fault"),
]


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def arena(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command line in this process: a new one for each call would take most of the time."""

    def run(*arguments: object, code: int = 0) -> Done:
        monkeypatch.setattr(sys, "argv", ["arena", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        done = Done(int(ended.value.code or 0), shown.out, shown.err)
        assert done.returncode == code, done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("debug")
    (folder / "suite.toml").write_text(SUITE)
    (folder / "replies.jsonl").write_text(json.dumps({"task": "*", "replies": REPLIES}))
    contestants = ["-a", "base=expert", "-a", f"broken=script:{folder / 'replies.jsonl'}"]
    command = [sys.executable, "-m", "arena", "batch", folder / "suite.toml", *contestants]
    subprocess.run(
        [*command, "--out", folder / "run", "--quiet"], check=True, capture_output=True, timeout=120
    )
    return folder / "run"


def test_json_lists_the_failed_turns_with_the_fixed_fields(arena, run: Path):
    rows = json.loads(arena("debug", run, "--json").stdout)
    assert [(row["turn"], row["kind"]) for row in rows] == [
        (0, "not_json"),
        (1, "no_action"),
        (2, "invalid_value"),
        (5, "not_json"),
    ]
    assert all(set(CONTRACT) <= row.keys() for row in rows)
    assert [row["repair_correct"] for row in rows] == [True, None, None, None]
    assert [row["fault"] for row in rows] == ["json", "trigger", "schema", "marker"]
    assert json.loads(rows[0]["repair"]) == json.loads(MOVE)


def test_refused_actions_are_listed_where_asked_for(arena, run: Path):
    rows = json.loads(arena("debug", run, "--json", "--refused").stdout)
    assert [(row["turn"], row["kind"], row["fault"]) for row in rows if row["kind"] == "refused"] == [
        (4, "refused", "decision")
    ]


def test_kind_contestant_and_filter_narrow_what_is_shown(arena, run: Path):
    assert len(json.loads(arena("debug", run, "--json", "--kind", "not_json").stdout)) == 2
    assert json.loads(arena("debug", run, "--json", "--contestant", "base").stdout) == []
    only = json.loads(arena("debug", run, "--json", "--filter", "turn>3").stdout)
    assert [row["turn"] for row in only] == [5]


def test_plain_shows_counts_then_examples_with_the_failing_part_marked(arena, run: Path):
    shown = arena("debug", run, "--plain").stdout
    assert "baseline's on the same tasks" in shown
    assert "whose fault" in shown
    assert f"{TASK}#1  broken  not_json  fault: json" in shown
    assert shown.count("a call was begun, and its JSON is broken") == 1
    assert "⟦" in shown
    assert "right: it is the baseline's own" in shown


def test_nothing_that_a_model_said_reaches_the_terminal_raw(arena, run: Path):
    # the second turn's reply is hostile; the third's request quotes it
    for arguments in (("--plain",), ("--turn", f"{TASK}#2"), ("--turn", f"{TASK}#3")):
        shown = arena("debug", run, *arguments).stdout
        assert "[bold]see[/bold]" in shown
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_one_turn_opens_with_its_request_verdict_and_the_baselines_reply(arena, run: Path):
    shown = arena("debug", run, "--turn", f"{TASK}#3").stdout
    assert "as sent" in shown
    assert "Do the arguments fit?" in shown
    assert "$.arguments.to_room" in shown
    document = json.loads(arena("debug", run, "--turn", f"{TASK}#3", "--json").stdout)
    assert document["request"]["exact"] is True
    assert [step["name"] for step in document["steps"] if step["answer"] == "no"] == ["schema"]
    assert document["next"][0]["valid"] is True
    assert document["recovered_after"] == 1


def test_summary_counts_by_kind_and_fault(arena, run: Path):
    document = json.loads(arena("debug", run, "--summary", "--json").stdout)
    assert document["baseline"] == "base"
    faults = {each["fault"]: each["count"] for each in document["faults"]}
    assert faults == {"json": 1, "trigger": 1, "schema": 1, "decision": 1, "marker": 1}


def test_a_turn_is_asked_again_and_the_run_stays_as_it_was(arena, run: Path, tmp_path: Path):
    before = (run / "run.sqlite").read_bytes(), (run / "run.toml").read_bytes()
    turn = ("--turn", f"{TASK}#3", "--rerun", "--json")
    document = json.loads(arena("debug", run, *turn, "--with", "expert", "--times", 2).stdout)
    assert [(reply["valid"], reply["trial"]["right"]) for reply in document["replies"]] == [(True, True)] * 2
    prompt = tmp_path / "prompt.json"
    prompt.write_text('[{"role": "user", "content": "Go on."}]')
    same = json.loads(arena("debug", run, *turn, "--prompt", prompt).stdout)
    assert [reply["same"] for reply in same["replies"]] == [True]
    assert ((run / "run.sqlite").read_bytes(), (run / "run.toml").read_bytes()) == before


def test_replay_tells_an_engine_that_replies_otherwise(arena, run: Path):
    rows = json.loads(
        arena(
            "debug", run, "--replay", "--kind", "invalid_value", "--other-engine", "expert", "--json"
        ).stdout
    )
    assert [row["fault"] for row in rows] == ["engine"]
    assert rows[0]["replayed"]["again"]["same"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--turn", "nonsense"), "names no turn"),
        (("--turn", f"{TASK}#99", "--contestant", "broken"), "has no turn 99"),
        (("--turn", f"{TASK}#1", "--contestant", "nobody"), "no contestant"),
        (("--kind", "not_jsn"), "not_json"),
        (("--kind", "not_jsn", "--json"), "not_json"),
        (("--filter", "nokey:x"), "no key"),
        (("--rerun",), "--turn"),
        (("--with", "expert"), "--rerun"),
        (("--turn", f"{TASK}#1", "--rerun", "--prompt", "/nowhere.json"), "can't be read"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence_and_exit_code_2(arena, run: Path, arguments, said):
    done = arena("debug", run, *arguments, code=2)
    assert said in done.stderr
    assert done.stdout == ""
