"""LongGenBench: splitting, scoring, playing."""

import csv
import json
from pathlib import Path

import onestep_checks as checks
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.errors import BadData, MissingData
from envs.longgen.env import LongGenEnv
from envs.longgen.scoring import Kind, answers_in_order, last_number, right_answers, split_answers
from envs.longgen.tasks import generate, tasks


def test_answers_stand_under_their_heads_and_the_first_of_equal_heads_counts() -> None:
    reply = "Well.\nAnswer_1: 5\n**Answer 2:** six\nAnswer_1: 7\nAnswer_9: 1"
    assert split_answers(reply, 3) == ["5", "six", None]


@pytest.mark.parametrize(
    ("text", "number"),
    [("so 3 and 1,234 in all.", "1234"), ("-2.50 left", "-2.50"), ("none", None), ("#### 72", "72")],
)
def test_the_last_number_is_read_without_its_commas(text: str, number: str | None) -> None:
    assert last_number(text) == number


def test_a_number_of_the_same_value_is_right_in_strict_scoring_only() -> None:
    assert right_answers("Answer_1:\n5.0", ["5"], "gsm8k") == [False]
    assert right_answers("Answer_1:\n5.0", ["5"], "gsm8k", "strict") == [True]


def test_a_missing_answer_is_wrong() -> None:
    assert right_answers("Answer_2: B", ["A", "B"], "mmlu", "strict") == [False, True]
    assert right_answers("Answer_1:\nD", ["D", "A", "A"], "mmlu") == [True, False, False]
    assert right_answers("", ["A"], "mmlu") == [False]


# what `test_answer` of longgenbench_GSM8K_openai.py and longgenbench_MMLU_openai.py returns for each
@pytest.mark.parametrize(
    ("kind", "answer", "gold", "original", "strict"),
    [
        ("mmlu", "A and C are wrong. The answer is B", "B", True, False),
        ("mmlu", "A virus has no wall, so the answer is (D).", "D", True, False),
        ("mmlu", "So the answer is D. Because it is Apt", "D", False, True),
        ("mmlu", "I don't know", "A", True, False),
        ("mmlu", "I don't know", "B", False, False),
        ("gsm8k", "The answer is 3-14", "#### 14", True, False),
        ("gsm8k", "The answer is -5", "#### 5", True, False),
        ("gsm8k", "The answer is 1,200", "#### 1,200", False, True),
        ("gsm8k", "The answer is 200", "#### 1,200", True, False),
        ("gsm8k", "The answer is $.5", "#### 0.5", False, False),
        ("gsm8k", "None at all", "#### 0", True, False),
    ],
)
def test_the_last_number_or_letter_counts_as_the_original_reads_it(
    kind: Kind, answer: str, gold: str, original: bool, strict: bool
) -> None:
    reply = f"Answer_1:\n{answer}\n"
    assert right_answers(reply, [gold], kind) == [original]
    assert right_answers(reply, [gold], kind, "strict") == [strict]


def test_answers_are_taken_in_their_order_from_a_colon_to_a_blank_line() -> None:
    assert answers_in_order("Answer_9:\nIt is 5\n\nAnswer_10:\nIt is 6\n\n") == ["It is 5", "It is 6"]
    reply = "Answer_1:\nstep one: 3\n\nThe answer is 5\n\nAnswer_2:\n6"
    assert answers_in_order(reply) == ["step one: 3", "6"]
    assert answers_in_order("Here they are:\n\nAnswer_1:\n4\nAnswer_2: 7") == ["", "1:\n4"]
    assert answers_in_order("Answer_1: 5") == []


def test_progress_is_the_share_of_right_answers_and_each_is_told() -> None:
    env = LongGenEnv()
    env.reset(options={"task": generate("mmlu", 3, 4)})
    answers = env.expert()[0].split("\n\n")
    info = env.step("\n\n".join(answers[:3]))[4]
    assert info["progress"] == info["scores"]["accuracy"] == 0.75
    assert info["subgoals"] == {"answer_1": True, "answer_2": True, "answer_3": True, "answer_4": False}


def test_word_problems_have_their_results() -> None:
    draws = [generate("gsm8k", seed, 30).data for seed in range(4)]
    stamps = [
        (text, gold)
        for data in draws
        for text, gold in zip(data["questions"], data["gold"], strict=True)
        if "stamps" in text
    ]
    assert stamps
    for text, gold in stamps:
        has, gives, receives, friends = (
            int(word) for word in text.replace(",", " ").split() if word.isdigit()
        )
        assert int(gold) == has - gives + receives * friends


def test_the_expert_scores_one_on_every_task() -> None:
    checks.expert_gets_full_marks_everywhere("longgen", LongGenEnv())
    checks.expert_gets_full_marks_everywhere("longgen", LongGenEnv(scoring="faithful"))


def test_chance_scores_next_to_nothing() -> None:
    checks.chance_gets_next_to_nothing("longgen", LongGenEnv(), at_most=0.01)


def test_gymnasium_accepts_it() -> None:
    checks.gymnasium_accepts("arena/LongGen-v0")


@settings(max_examples=60)
@given(
    st.one_of(
        st.text(max_size=300),
        st.lists(st.sampled_from(["Answer_", "1", "2", ":", " B", "\n", "9" * 50, ",", "."])).map("".join),
    )
)
def test_any_reply_scores_between_zero_and_one(reply: str) -> None:
    checks.any_reply_scores(LongGenEnv(), "longgen/gsm8k/1", reply)
    checks.any_reply_scores(LongGenEnv(), "longgen/mmlu/1", reply)


def test_official_questions_are_asked_many_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    folder = tmp_path / "longgen"
    (folder / "mmlu").mkdir(parents=True)
    with pytest.raises(MissingData):
        tasks("official")
    records = [{"question": f"What is {i}?", "answer": f"It is {i}.\n#### {i},000"} for i in range(50)]
    (folder / "gsm8k.jsonl").write_text("\n".join(map(json.dumps, records)))
    with (folder / "mmlu/logic_test.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["Which, then?", "one", "two", "three", "four", "C"]] * 3)
    found = tasks("official")
    assert [(task.id, len(task.data["gold"])) for task in found] == [
        ("longgen/gsm8k/0", 35),
        ("longgen/gsm8k/1", 15),
        ("longgen/mmlu/0", 3),
    ]
    assert {task.reply_tokens for task in found} == {4096}
    for scoring in ("faithful", "strict"):
        env = LongGenEnv("official", scoring=scoring)
        for task in found:
            request, _ = env.reset(options={"task": task})
            assert "of its own" in request
            assert env.step(env.expert()[0])[4]["success"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gsm8k.jsonl", '{"question": "x", "answer": "1"}\n{"question": 3}', "gsm8k.jsonl:2 lacks"),
        ("gsm8k.jsonl", '{"question": "x", "answer": "none"}', "gsm8k.jsonl:1 lacks"),
        ("mmlu/a_test.csv", "q,a,b,c,d,A\nq,a,b,c,d,E\n", "a_test.csv:2 is not a question"),
        ("mmlu/a_test.csv", "", "a_test.csv:1 holds no questions"),
    ],
)
def test_a_broken_file_is_one_error_that_names_file_and_line(
    name: str, content: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA", str(tmp_path))
    (tmp_path / "longgen/mmlu").mkdir(parents=True)
    (tmp_path / "longgen" / name).write_text(content)
    with pytest.raises(BadData, match=said):
        tasks("official")
