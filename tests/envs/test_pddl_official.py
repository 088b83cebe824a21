"""Reading problem files that are not ours: where they lie, and what may be wrong with them."""

import sys
from pathlib import Path

import pytest

from envs.datasets import official_folder
from envs.errors import BadData, MissingData
from envs.pddl import DOMAINS
from envs.pddl.env import PDDLEnv
from envs.pddl.official import MAX_FILE_BYTES, read_problem
from envs.pddl.tasks import tasks

PROBLEM = """
; a comment (with brackets
(define (problem tiny) (:domain blocksworld-4ops)
  (:objects B1 b2)
  (:init (arm-empty) (on b1 b2) (clear b1) (on-table b2) (clear b1))
  (:goal (and (on-table b1))))
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    return tmp_path / "pddl"


def test_a_missing_folder_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    with pytest.raises(MissingData, match=str(tmp_path / "pddl")) as caught:
        official_folder("pddl")
    assert caught.value.next_step
    monkeypatch.delenv("ARENA_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    with pytest.raises(MissingData, match=str(tmp_path / "home/arena/data/pddl")):
        tasks("official")


def test_a_domain_without_problems_is_missing_data(data):
    (data / "gripper").mkdir(parents=True)
    with pytest.raises(MissingData, match="gripper"):
        tasks("official")


def test_official_tasks_are_numbered_by_sorted_file_name(data):
    for domain in DOMAINS:
        (data / domain).mkdir(parents=True)
    for name in ("problem10.pddl", "problem2.pddl", "problem1.pddl"):
        (data / "blockworld" / name).write_text(
            PROBLEM.replace("(on-table b1)", f"(on-table b{1 + (name[7:] == '10.pddl')})")
        )
    (data / "gripper/p.pddl").write_text(
        "(define (problem p) (:domain gripper-strips) (:objects a1) (:init (room a1)) (:goal (free a1)))"
    )
    (data / "barman/p.pddl").write_text(
        "(define (problem p) (:domain barman) (:objects s - shot) (:init) (:goal (and (clean s))))"
    )
    (data / "tyreworld/p.pddl").write_text(
        "(define (problem p) (:domain tyreworld) (:objects wrench jack pump - tool b - container)"
        " (:init (in wrench b) (isopen b)) (:goal (and (have wrench))))"
    )
    listed = tasks("official")
    blocks = [task for task in listed if task.subset == "blockworld"]
    assert [task.id for task in blocks] == [f"pddl/blockworld/{i}" for i in range(3)]
    assert [task.data["goal"] for task in blocks] == [
        [["on-table", "b1"]],
        [["on-table", "b2"]],
        [["on-table", "b1"]],
    ]
    assert [task.difficulty for task in blocks] == ["easy"] * 3
    tyre = next(task for task in listed if task.subset == "tyreworld")
    assert tyre.data["objects"] == [["b", "container"]]
    env = PDDLEnv("official")
    env.reset(options={"task": tyre})
    assert env.step("fetch wrench from b")[4]["success"]


GOAL = "(and (on-table b1))"
BROKEN = {
    "empty": "",
    "control characters": "\x00\x01",
    "cut": "(define",
    "only brackets": "(" * 200_000,
    "a bracket too many": PROBLEM + ")",
    "unknown object": PROBLEM.replace("(on b1 b2)", "(on b1 b3)"),
    "missing argument": PROBLEM.replace("(on b1 b2)", "(on b1)"),
    "unknown predicate": PROBLEM.replace("(on b1 b2)", "(above b1 b2)"),
    "negative fact": PROBLEM.replace("(on b1 b2)", "(not (on b1 b2))"),
    "numeric fact": PROBLEM.replace("(on b1 b2)", "(= (cost) 3)"),
    "unknown type": PROBLEM.replace("B1 b2", "b1 b2 - block"),
    "object twice": PROBLEM.replace("B1 b2", "b1 b1 b2"),
    "empty goal": PROBLEM.replace(GOAL, "(and)"),
    "negative goal": PROBLEM.replace(GOAL, "(not (on-table b1))"),
    "disjunctive goal": PROBLEM.replace(GOAL, "(or (on-table b1) (clear b1))"),
    "quantified goal": PROBLEM.replace(GOAL, "(forall (?x) (clear ?x))"),
    "deep goal": PROBLEM.replace(GOAL, "(not " * 50_001 + "(clear b1)" + ")" * 50_001),
    "unknown section": PROBLEM.replace("(:init", "(:nothing"),
    "too many objects": PROBLEM.replace("B1 b2", " ".join(f"x{i}" for i in range(501)) + " b1 b2"),
    "a domain": "(define (domain d) (:predicates (p)))",
    "too large": PROBLEM + " " * MAX_FILE_BYTES,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_problem_file_is_one_error_that_names_it(tmp_path, kind):
    path = tmp_path / "broken.pddl"
    path.write_text(BROKEN[kind])
    with pytest.raises(BadData, match=r"broken\.pddl"):
        read_problem(path, "blockworld")
    assert getattr(sys, "tracebacklimit", None) is None


def test_a_file_that_is_no_text_or_no_file_is_named_too(tmp_path):
    binary = tmp_path / "binary.pddl"
    binary.write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.pddl").mkdir()
    for path in (binary, tmp_path / "folder.pddl", tmp_path / "absent.pddl"):
        with pytest.raises(BadData, match=path.name):
            read_problem(path, "gripper")


def test_letters_are_lower_case_and_comments_and_repeats_are_dropped(tmp_path):
    path = tmp_path / "good.pddl"
    path.write_text(PROBLEM)
    read = read_problem(path, "blockworld")
    assert read.objects == (("b1", "object"), ("b2", "object"))
    assert len(read.init) == 4
