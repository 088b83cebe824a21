"""WorfBench as an environment."""

import json
from dataclasses import replace
from pathlib import Path

import onestep_checks as checks
import pytest

from envs import registry
from envs.errors import BadData, EnvsError, MissingData
from envs.workflow.env import WorfBenchEnv, complaint
from envs.workflow.graph import parse
from envs.workflow.official import official_tasks
from envs.workflow.tasks import tasks


def test_a_hundred_bundled_tasks_of_seven_kinds_have_sound_gold_graphs() -> None:
    bundled = tasks("bundled")
    assert len({task.hash for task in bundled}) == len(bundled) >= 100
    assert len({task.subset for task in bundled}) == 7
    assert all(complaint(task.data["gold"]) == "" for task in bundled)


def test_the_expert_scores_one_on_every_task() -> None:
    checks.expert_gets_full_marks_everywhere("worfbench", WorfBenchEnv(encoder="hashing"))


def test_chance_scores_next_to_nothing() -> None:
    checks.chance_gets_next_to_nothing("worfbench", WorfBenchEnv(encoder="hashing"), at_most=0.01)


def test_gymnasium_accepts_it() -> None:
    checks.gymnasium_accepts("arena/WorfBench-v0", encoder="hashing")


def test_the_grading_names_scoring_and_encoder_and_what_the_other_scoring_would_say() -> None:
    env = WorfBenchEnv(encoder="hashing")
    env.reset(options={"task": "worfbench/os/1"})
    wrong = "Node:\n1: x\nEdge: (START,1) (1,END)"
    info = env.step(wrong)[4]
    assert info["progress"] == 0.0
    assert info["grading"]["scoring"] == "strict"
    assert info["grading"]["encoder"] == "hashing"
    assert info["grading"]["other"]["chain_f1_score"] > 0


def test_without_more_steps_a_broken_workflow_ends_the_episode() -> None:
    env = WorfBenchEnv(encoder="hashing")
    env.reset(options={"task": "worfbench/os/1"})
    _, reward, terminated, _, info = env.step("I would rather not.")
    assert (reward, terminated, info["valid"]) == (0.0, True, False)


def test_with_more_steps_a_broken_workflow_may_be_repaired() -> None:
    env = WorfBenchEnv(encoder="hashing")
    env.reset(options={"task": replace(registry.find_task("worfbench/os/1"), max_steps=3)})
    observation, reward, terminated, _, info = env.step(
        "Node:\n1: a\n2: b\nEdge: (START,1) (1,2) (2,1) (2,END)"
    )
    assert "1 -> 2 -> 1" in observation or "2 -> 1 -> 2" in observation
    assert (reward, terminated, info["valid"]) == (0.0, False, False)
    assert env.step("nonsense")[2] is False
    assert env.step(env.expert()[0])[1:3] == (1.0, True)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("hello", "no workflow"),
        ("Node:\n1: a\nEdge: (START,1) (1,4) (1,END)", "no node has"),
        ("Node:\n1: a\n2: b\nEdge: (START,1) (1,END)", "Node 2 is on no way"),
    ],
)
def test_a_complaint_says_what_is_wrong(reply: str, said: str) -> None:
    assert said in complaint(reply)


@pytest.mark.shared
def test_official_gold_workflows_are_read_as_they_are(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_DATA", str(shared / "data"))
    official = official_tasks()
    assert {task.subset for task in official} >= {"wikihow", "os", "webshop"}
    assert all(parse(task.data["gold"]) for task in official)
    env = WorfBenchEnv("official", encoder="hashing")
    for task in official[::40]:
        env.reset(options={"task": task})
        info = env.step(env.expert()[0])[4]
        assert info["grading"]["scoring"] == "faithful"
        assert info["scores"]["graph_f1_score"] == pytest.approx(1.0)


def test_examples_of_the_users_prompt_file_come_before_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    write(tmp_path, [RECORD])
    (tmp_path / "worfbench/eval_prompt.py").write_text(
        'import os\ntwo_shot_example = {"os": [{"role": "user", "content": "one"}, '
        '{"role": "assistant", "content": "two"}]}\n'
    )
    (task,) = official_tasks()
    contents = [message["content"] for message in task.data["messages"]]
    assert contents == ["be good", "one", "two", "Now it's your turn.\ncount lines"]


RECORD = {
    "conversations": [
        {"role": "system", "content": "be good"},
        {"role": "user", "content": "count lines"},
        {"role": "assistant", "content": "Node:\n1: count\nEdge: (START,1) (1,END)"},
    ]
}


def write(folder: Path, value: object) -> None:
    (folder / "worfbench").mkdir(exist_ok=True)
    text = value if isinstance(value, str) else json.dumps(value, indent=1)
    (folder / "worfbench/os.json").write_text(text)


def test_a_record_that_stands_twice_is_two_tasks_and_the_first_is_as_if_it_stood_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    write(tmp_path, [RECORD])
    (once,) = official_tasks()
    write(tmp_path, [RECORD, RECORD, RECORD])
    hashes = [task.hash for task in official_tasks()]
    assert hashes[0] == once.hash and len(set(hashes)) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", r"os.json:1: a JSON array"),
        ("[\n{},\n3", r"os.json:2 has no conversations"),
        ('[\n{"conversations": [1, 2, 3]}]', r"os.json:2: a message lacks"),
        (json.dumps([RECORD])[:-1] + ",\n\n{]", r"os.json:3: not JSON"),
        ("[" * 100_000, r"os.json:1: not JSON"),
        (json.dumps([{"conversations": RECORD["conversations"][:2]}]), "conversations"),
    ],
)
def test_a_broken_file_is_one_error_that_names_file_and_line(
    content: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    write(tmp_path, content)
    with pytest.raises(BadData, match=said):
        official_tasks()


def test_bytes_that_are_no_text_are_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    (tmp_path / "worfbench").mkdir()
    (tmp_path / "worfbench/os.json").write_bytes(b"[\n\xff\xfe]")
    with pytest.raises(BadData, match=r"os.json:2 is not UTF-8"):
        official_tasks()


def test_absent_data_and_unknown_names_are_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    with pytest.raises(MissingData):
        official_tasks()
    with pytest.raises(EnvsError, match="no encoder is called 'word2vec'"):
        WorfBenchEnv(encoder="word2vec")
    with pytest.raises(EnvsError, match="scoring 'kind'"):
        WorfBenchEnv(scoring="kind")  # type: ignore[arg-type]
