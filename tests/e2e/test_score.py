"""`arena score` in a subprocess, on what the original evaluators scored and on what nobody can score."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FILES = {
    "longbench": "longbench.json",
    "worfbench": "worfbench.json",
    "teval": "teval.json",
    "pddl": "agentboard_pddl.json",
}
ROW = {"metric": "qa_f1_score", "prediction": "a cat", "answer": "cat", "all_classes": None}


def score(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "arena", "score", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, timeout=120)


def expected_of(benchmark: str, row: dict[str, Any]) -> dict[str, Any]:
    """What the original made of a row, in the form of our output; its errors are our zeros."""
    match benchmark:
        case "longbench":
            return {"score": 0.0 if row.get("raises") else row["score"]}
        case "worfbench":
            return {kind: None if row.get("raises") else row[kind] for kind in ("chain", "graph")}
        case "teval":
            return {"scores": row["scores"]}
        case _:
            names = ("progress", "done", "valid")
            return {"turns": [{name: turn[name] for name in names} for turn in row["turns"]]}


def is_same(ours: Any, theirs: Any) -> bool:
    if theirs is None or (isinstance(theirs, dict) and "raises" in theirs):
        return all(value == 0 for value in ours.values())
    if isinstance(theirs, dict):
        return all(is_same(ours.get(name), value) for name, value in theirs.items() if not is_nan(value))
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(is_same, ours, theirs))
    return ours == pytest.approx(theirs, abs=1e-6)


def is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


@pytest.mark.shared
@pytest.mark.parametrize("benchmark", FILES)
def test_every_recorded_row_scores_as_the_original_scored_it(benchmark: str, shared: Path, tmp_path: Path):
    rows = json.loads((shared / "parity" / FILES[benchmark]).read_text(encoding="utf-8"))
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = score(benchmark, file, "--encoder", "hashing", ARENA_DATA=str(shared / "data"))
    ours = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, len(ours)) == (0, len(rows))
    wrong = [
        number
        for number, (scored, row) in enumerate(zip(ours, rows, strict=True))
        if not is_same(scored, expected_of(benchmark, row))
    ]
    assert not wrong
    assert [scored["line"] for scored in ours] == list(range(1, len(rows) + 1))


def test_a_row_that_cant_be_read_scores_null_and_the_others_go_on(tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    broken = [
        b"{",
        b"\xff\xfe",
        b"[1]",
        b'{"metric": 7}',
        b"[" * 100_000,
        b'"' + b"x" * (17 << 20) + b'"',
        b"NaN",
    ]
    good = json.dumps(ROW).encode()
    file.write_bytes(b"\n".join([good, *broken, b"", good]))
    done = score("longbench", file)
    scores = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [each["score"] for each in scores] == [1.0, *[None] * len(broken), 1.0]
    said = done.stderr.decode().splitlines()
    complaints = [line for line in said if line.startswith(f"{file}:")]
    assert [int(line.split(":")[1]) for line in complaints] == list(range(2, 2 + len(broken)))
    assert all(len(line) < 300 for line in complaints)
    assert said[-1].startswith(f"{len(scores)} rows, {len(broken)} of them unreadable")


def test_json_is_one_document_with_the_same_rows(tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    file.write_text((json.dumps(ROW) + "\n") * 3 + "nothing\n")
    lines, document = score("longbench", file), score("longbench", file, "--json")
    assert json.loads(document.stdout) == [json.loads(line) for line in lines.stdout.splitlines()]
    (tmp_path / "none.jsonl").touch()
    assert json.loads(score("longbench", tmp_path / "none.jsonl", "--json").stdout) == []


def test_faithful_and_strict_stand_side_by_side_unless_one_is_chosen(tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    # nothing matches: the original's counter still begins at 1
    gold = "Node:\n1: bake the bread\n2: eat it\nEdge: (START,1) (1,2) (2,END)"
    reply = gold.replace("bake the bread", "zzz").replace("eat it", "qqq")
    file.write_text(json.dumps({"gold": gold, "reply": reply}) + "\n")
    (both,) = map(json.loads, score("worfbench", file, "--encoder", "hashing").stdout.splitlines())
    assert both["encoder"] == "hashing"
    assert both["scoring"] == "faithful"
    assert both["chain"]["f1_score"] > both["strict"]["chain"]["f1_score"] == 0
    for name in ("faithful", "strict"):
        done = score("worfbench", file, "--encoder", "hashing", "--scoring", name)
        (one,) = map(json.loads, done.stdout.splitlines())
        assert one["scoring"] == name
        assert one["chain"] == (both if name == "faithful" else both["strict"])["chain"]
        assert ("strict" in one) is False


def test_longgen_and_needle_replies_are_scored(tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    file.write_text(
        json.dumps(
            {"kind": "gsm8k", "reply": "Answer_1:\nit is 4\n\nAnswer_2:\n6", "gold": ["#### 4", "#### 5"]}
        )
    )
    (scored,) = map(json.loads, score("longgen", file).stdout.splitlines())
    assert (scored["accuracy"], scored["right"]) == (0.5, [True, False])
    file.write_text(json.dumps({"reply": "eat a sandwich", "needle": "Eat a sandwich"}))
    (scored,) = map(json.loads, score("needle", file, "--scoring", "strict").stdout.splitlines())
    assert (scored["rouge1"], scored["score"]) == (10.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["longbensh", "{file}"], "did you mean longbench?"),
        (["longbench", "{file}", "--scoring", "loose"], "not one of faithful, strict"),
        (["longbench", "{file}.not"], "can't be read"),
        (["worfbench", "{file}", "--encoder", "bert"], "no encoder is called 'bert'"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence_and_exit_code_2(arguments, said, tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    file.write_text("")
    done = score(*(argument.format(file=file) for argument in arguments))
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert done.stdout == b""


def test_official_problems_that_are_missing_are_said_once(tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"domain": "gripper", "problem_index": 0, "turns": []}) + "\n")
    done = score("pddl", file, ARENA_DATA=str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "arena data import pddl" in done.stderr.decode()
