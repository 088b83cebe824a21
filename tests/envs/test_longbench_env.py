"""LongBench as an environment."""

import json
from pathlib import Path

import onestep_checks as checks
import pytest

from envs.errors import BadData, MissingData
from envs.longbench.bundled import record
from envs.longbench.datasets import ACBENCH
from envs.longbench.env import LongBenchEnv
from envs.longbench.tasks import generate, tasks


def test_the_expert_scores_one_on_every_task() -> None:
    pytest.importorskip("jieba", reason="needs arena[longbench]")
    checks.expert_gets_full_marks_everywhere("longbench", LongBenchEnv())
    checks.expert_gets_full_marks_everywhere("longbench", LongBenchEnv(scoring="faithful"))


def test_chance_scores_next_to_nothing() -> None:
    pytest.importorskip("jieba", reason="needs arena[longbench]")
    checks.chance_gets_next_to_nothing("longbench", LongBenchEnv(), at_most=0.03)


def test_gymnasium_accepts_it() -> None:
    pytest.importorskip("jieba", reason="needs arena[longbench]")
    checks.gymnasium_accepts("arena/LongBench-v0")


@pytest.mark.parametrize("dataset", ACBENCH)
def test_documents_have_the_length_that_was_asked_for(dataset: str) -> None:
    for words in (500, 4000):
        text = record(dataset, 1, words)["context"]
        length = len(text) if "\u4e00" <= text[-2] <= "\u9fff" else len(text.split())
        assert 0.7 * words <= length <= 1.5 * words


def test_the_same_arguments_make_the_same_text_and_others_another() -> None:
    assert record("hotpotqa", 3, 500) == record("hotpotqa", 3, 500)
    assert record("hotpotqa", 3, 500) != record("hotpotqa", 4, 500)
    assert generate("hotpotqa", 3, 500).hash == generate("hotpotqa", 3, 500, "another/name").hash


def test_tasks_grant_the_replies_of_the_originals_length() -> None:
    granted = {task.subset: task.reply_tokens for task in tasks("bundled")}
    assert (granted["hotpotqa"], granted["trec"], granted["qasper"], granted["vcsum"]) == (32, 64, 128, 512)


def test_long_requests_lose_their_middle_where_asked() -> None:
    env = LongBenchEnv(max_words=100)
    observation, _ = env.reset(options={"task": "longbench/hotpotqa/5"})
    assert len(observation.split(" ")) <= 101
    assert observation.rstrip().endswith("Answer:")


RECORD = {
    "input": "Who?",
    "context": "Ann did.",
    "answers": ["Ann"],
    "length": 2,
    "dataset": "hotpotqa",
    "all_classes": None,
}


def write(folder: Path, lines: list[str], name: str = "hotpotqa.jsonl") -> None:
    (folder / "longbench").mkdir(exist_ok=True)
    (folder / "longbench" / name).write_text("\n".join(lines), encoding="utf-8")


def test_official_records_are_asked_in_the_users_copy_of_the_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    write(tmp_path, [json.dumps(RECORD), "", json.dumps(RECORD | {"input": "Qui?"})])
    write(tmp_path, [json.dumps({"hotpotqa": "C: {context} Q: {input}"})], "dataset2prompt.json")
    found = tasks("official")
    assert [task.id for task in found] == ["longbench/hotpotqa/0", "longbench/hotpotqa/1"]
    env = LongBenchEnv("official")
    observation, _ = env.reset(options={"task": found[1]})
    assert observation == "C: Ann did. Q: Qui?"
    assert env.step("Ann")[4]["scores"] == {"qa_f1_score": 1.0}


def test_equal_records_are_tasks_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    write(tmp_path, [json.dumps(RECORD)])
    (alone,) = tasks("official")
    other = json.dumps(RECORD | {"input": "Qui?"})
    write(tmp_path, [json.dumps(RECORD), other, json.dumps(RECORD), json.dumps(RECORD), other])
    found = tasks("official")
    assert [task.id for task in found] == [f"longbench/hotpotqa/{i}" for i in range(5)]
    assert len({task.hash for task in found}) == 5
    assert found[0].hash == alone.hash
    env = LongBenchEnv("official")
    requests = [env.reset(options={"task": task})[0] for task in found]
    assert requests[0] == requests[2] == requests[3] != requests[1] == requests[4]


def test_a_record_that_is_no_longer_in_its_file_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    write(tmp_path, [json.dumps(RECORD)])
    (task,) = tasks("official")
    write(tmp_path, [json.dumps(RECORD | {"input": "another"})])
    with pytest.raises(BadData, match="no longer holds"):
        LongBenchEnv("official").reset(options={"task": task})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a record"),
        (json.dumps(RECORD | {"answers": "Ann"}), "answers must be a list"),
        (json.dumps(RECORD | {"context": 3}), "context must be a text"),
        ("[" * 100_000, "not JSON"),
        (json.dumps(RECORD | {"context": "half \ud83d"}), "half a character"),
    ],
)
def test_a_broken_line_is_one_error_that_names_file_and_line(
    line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    write(tmp_path, [json.dumps(RECORD), line])
    with pytest.raises(BadData, match=f"hotpotqa.jsonl:2.*{said}"):
        tasks("official")


def test_an_empty_folder_is_missing_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    (tmp_path / "longbench").mkdir()
    with pytest.raises(MissingData):
        tasks("official")
