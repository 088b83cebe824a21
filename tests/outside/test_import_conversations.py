"""What of a chat is the model's own, what its older forms mean, and which of its scores is progress."""

import json
from pathlib import Path
from typing import Any

from arena.outside.chat import read_chats
from arena.outside.importing import import_logs
from arena.outside.inspect_log import read_inspect
from arena.outside.recorded import Recorded

ANSWER = {"role": "assistant", "content": "6", "source": "generate"}
SHOTS = [
    {"role": "user", "content": "2+2?", "source": "input"},
    {"role": "assistant", "content": "4", "source": "input"},
    {"role": "user", "content": "3+3?", "source": "input"},
]


def inspect_sample(path: Path, messages: list[dict[str, Any]]) -> Recorded:
    sample = {"id": 1, "epoch": 1, "input": "3+3?", "messages": messages, "events": []}
    log = {"version": 2, "eval": {"task": "sums", "model": "m"}, "samples": [sample]}
    path.write_text(json.dumps(log))
    (recorded,) = read_inspect(path)
    return recorded


def chats(path: Path, *rows: dict[str, Any], score: str | None = None) -> list[Recorded]:
    asked = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    path.write_text("".join(json.dumps({"messages": asked} | each) + "\n" for each in rows))
    return list(read_chats(path, score))


def test_examples_in_a_sample_of_inspect_are_no_turns_whatever_a_solver_puts_before_them(tmp_path: Path):
    system = {"role": "system", "content": "Be brief."}
    for before in ([], [system]):
        recorded = inspect_sample(tmp_path / "log.json", [*before, *SHOTS, ANSWER])
        assert [turn.reply for turn in recorded.turns] == ["6"]
        assert recorded.first_observation.endswith("2+2?\n\n4\n\n3+3?")
    assert inspect_sample(tmp_path / "log.json", [system, *SHOTS]).turns == []


def test_the_first_score_of_a_file_of_chats_is_the_progress_of_all_its_rows(tmp_path: Path):
    rows = ({"scores": {}}, {"scores": {"a": 1.0, "b": 0.0}}, {"scores": {"b": 0.0, "a": 0.5}}, {"reward": 1})
    found = chats(tmp_path / "log.jsonl", *rows)
    assert [each.progress for each in found] == [None, 1.0, 0.5, None]
    assert {each.grading["by"] for each in found[1:]} == {"a"}
    chosen = chats(tmp_path / "log.jsonl", *rows, score="b")
    assert [each.progress for each in chosen] == [None, 0.0, 0.0, None]


def test_a_function_call_in_the_older_form_is_a_call_and_what_the_function_said_its_result(tmp_path: Path):
    call = {"name": "get", "arguments": '{"x": "1"}'}
    messages = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": "get", "content": "r"},
        {"role": "assistant", "content": "done", "function_call": None},
    ]
    (recorded,) = chats(tmp_path / "log.jsonl", {"messages": messages})
    assert [turn.failure for turn in recorded.turns] == [None, None]
    assert json.loads(recorded.turns[0].action) == {"name": "get", "arguments": {"x": "1"}}
    assert [turn.outcome for turn in recorded.turns] == ["r", ""]
    assert recorded.has_grounding


def test_logs_whose_progress_is_not_the_same_score_are_said_to_be_such(tmp_path: Path):
    chats(tmp_path / "base.jsonl", {"id": 1, "score": 1})
    chats(tmp_path / "awq.jsonl", {"id": 1, "reward": 0.5})
    logs = [str(tmp_path / "base.jsonl"), str(tmp_path / "awq.jsonl")]
    done = import_logs(logs, tmp_path / "run")
    assert done is not None and done.progress_is == {"chat": "score"}
    assert [note for note in done.notes if "(score, reward)" in note]
