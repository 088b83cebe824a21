"""The original's scores of 30 recorded episodes, turn by turn."""

import json
import re
from pathlib import Path

import pytest

from envs.pddl import DOMAINS
from envs.pddl.domain import Operator, domain, parse_domain
from envs.pddl.env import PDDLEnv
from envs.pddl.tasks import tasks

pytestmark = pytest.mark.shared


def test_every_turn_of_every_recorded_episode_scores_as_the_original_scored_it(shared, monkeypatch):
    monkeypatch.setenv("ARENA_DATA", str(shared / "data"))
    official = {task.id: task for task in tasks("official")}
    episodes = json.loads((shared / "parity/agentboard_pddl.json").read_text())
    compared = 0
    for episode in episodes:
        env = PDDLEnv("official")
        env.reset(options={"task": official[f"pddl/{episode['domain']}/{episode['problem_index']}"]})
        for number, turn in enumerate(episode["turns"]):
            _, _, terminated, _, info = env.step(turn["action"])
            got = (info["progress"], terminated, info["valid"])
            assert got == (pytest.approx(turn["progress"], abs=1e-6), turn["done"], turn["valid"]), (
                episode["domain"],
                episode["problem_index"],
                number,
                turn["action"],
            )
            compared += 1
    print(f"\n{len(episodes)} episodes, {compared} turns compared")
    assert compared == 900


def test_official_problems_have_the_goals_and_labels_of_agentboards_records(shared, monkeypatch):
    monkeypatch.setenv("ARENA_DATA", str(shared / "data"))
    rows = [json.loads(line) for line in (shared / "data/agentboard/pddl.jsonl").read_text().splitlines()]
    listed = tasks("official")
    assert len(listed) == len(rows) == 60
    for task, row in zip(listed, rows, strict=True):
        assert task.subset == row["additional_info"]["subtask"]
        assert task.difficulty == row["difficulty"]
        assert len(task.data["goal"]) == len(row["subgoals"])
        assert task.max_steps == 30


@pytest.mark.parametrize("name", DOMAINS)
def test_our_domain_file_says_what_the_official_one_says(shared, name):
    theirs = parse_domain(name, _mended(shared / f"data/pddl/{name}.pddl"))
    ours = domain(name)
    assert set(ours.operators) == set(theirs.operators)
    for operator in ours.operators:
        assert _positional(ours.operators[operator]) == _positional(theirs.operators[operator])
    assert {p: len(args) for p, args in ours.predicates.items()} == {
        p: len(args) for p, args in theirs.predicates.items()
    }
    assert ours.constants == theirs.constants


def _mended(path: Path) -> str:
    # what pddlgym's parser forgives and a real one doesn't: no requirements, constants after predicates
    text = path.read_text().lower()
    constants = re.search(r"\(:constants[^)]*\)", text)
    if constants:
        text = text.replace(constants[0], "").replace("(:predicates", constants[0] + "(:predicates")
    if ":requirements" not in text:
        text = re.sub(r"(\(domain [^)]*\))", r"\1 (:requirements :strips :typing)", text, count=1)
    return text


def _positional(operator: Operator) -> tuple:
    place = {f"?{p.name}": f"?{i}" for i, p in enumerate(operator.parameters)}
    renamed = (
        {(atom[0], *(place.get(term, term) for term in atom[1:])) for atom in part}
        for part in (operator.needs, operator.adds, operator.deletes)
    )
    return ([parameter.type for parameter in operator.parameters], *renamed)
