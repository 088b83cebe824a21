"""LongBench's metrics, held against the libraries that the original calls, and strict against faithful."""

import random
import subprocess
import sys
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.longbench.datasets import ACBENCH, DATASETS, PROMPTS, request, score
from envs.longbench.metrics import METRICS, metric, score_row
from envs.longbench.rouge import MAX_STEPS, rouge_l
from envs.longbench.truncation import cut_middle

WORDS = ["a", "b", "c", "the", "cat", ".", "..", "Mat.", "\n", ""]


def text(draw: random.Random) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randrange(40)))


def test_rouge_l_equals_the_package_that_the_original_calls() -> None:
    rouge = pytest.importorskip("rouge", reason="a dev dependency: the original's package")
    draw = random.Random(1)
    for _ in range(400):
        reply, gold = text(draw), text(draw)
        try:
            expected = rouge.Rouge().get_scores([reply], [gold], avg=True)["rouge-l"]["f"]
        except ValueError:
            expected = 0.0
        assert rouge_l(reply, gold) == pytest.approx(expected, abs=1e-12), (reply, gold)


def test_sentences_too_long_for_the_originals_stack_score_nothing_from_the_same_length_on() -> None:
    pytest.importorskip("rouge", reason="a dev dependency: the original's package")
    program = """
from rouge import Rouge
def rouge_score(reply):
    try:
        return Rouge(["rouge-l"]).get_scores([reply], [reply], avg=True)["rouge-l"]["f"]
    except RecursionError:
        return 0.0
def scorer():
    for n in LENGTHS:
        print(rouge_score(" ".join(map(str, range(n)))) > 0.5)
scorer()
"""
    program = program.replace("LENGTHS", f"({MAX_STEPS}, {MAX_STEPS + 1})")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
    longest = " ".join(map(str, range(MAX_STEPS)))
    assert rouge_l(longest, longest) == pytest.approx(1.0)
    too_long = " ".join(map(str, range(MAX_STEPS + 1)))
    assert rouge_l(too_long, too_long) == 0.0
    assert rouge_l(too_long, too_long, exact=True) == 1.0


def test_code_similarity_equals_the_package_that_the_original_calls() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fuzz = pytest.importorskip("fuzzywuzzy.fuzz", reason="a dev dependency: the original's package")
    draw = random.Random(2)
    for _ in range(300):
        one, two = ("".join(draw.choices("ab( )=.x", k=draw.randrange(30))) for _ in range(2))
        expected = fuzz.ratio(one, two) / 100
        assert metric("code_sim_score", one, two) == pytest.approx(expected), (one, two)


def test_code_similarity_takes_the_first_line_that_is_no_comment() -> None:
    reply = "\n# a comment\n```python\nreturn x\nreturn y"
    assert metric("code_sim_score", reply, "return x") == 1.0


@pytest.mark.timeout(100)
def test_a_line_of_a_million_characters_is_compared_at_once() -> None:
    assert metric("code_sim_score", "ab" * 500_000, "return total") == 0.0


def test_a_class_name_that_is_part_of_gold_hides_the_next_one_in_faithful_scoring_only() -> None:
    classes = ["Other", "entity", "Other entity", "Date"]
    reply = "Other entity"
    # `Other` is removed and `entity` so passed over
    assert metric("classification_score", reply, "Other entity", classes) == 0.5
    assert metric("classification_score", reply, "Other entity", classes, "strict") == 1.0


@pytest.mark.timeout(100)
def test_a_reply_of_very_many_sentences_is_scored_at_once() -> None:
    reply = " ".join(f"word{i} cat." for i in range(20_000))
    assert 0.0 < metric("rouge_score", reply, "The cat sat. " * 20) < 0.01


def test_token_f1_forgets_case_punctuation_and_articles() -> None:
    assert metric("qa_f1_score", "The  CAT, sat!", "a cat sat") == 1.0
    assert metric("qa_f1_score", "cat", "cat sat") == pytest.approx(2 / 3)


def test_chinese_words_are_compared_without_their_punctuation() -> None:
    pytest.importorskip("jieba", reason="needs arena[longbench]")
    assert metric("qa_f1_zh_score", "他在青岛。", "他在青岛") == 1.0
    assert metric("rouge_zh_score", "他在青岛", "他在青岛") == pytest.approx(1.0, abs=1e-6)


def test_numbers_count_by_the_share_that_is_right() -> None:
    assert metric("retrieval_score", "Paragraph 3 or 4", "Paragraph 3") == 0.5
    assert metric("count_score", "17", "17") == 1.0
    assert metric("retrieval_score", "Paragraph 3", "no number") == 0.0


def test_only_the_first_line_counts_where_the_original_cuts_there() -> None:
    assert score("triviaqa", "\nParis\nand more words", ["Paris"]) == 1.0
    assert score("hotpotqa", "\nParis\nand more words", ["Paris"]) < 1.0


def test_indentation_is_code_and_blanks_at_the_end_are_nothing_in_strict_scoring() -> None:
    gold = "        return self.value"
    for scoring in ("faithful", "strict"):
        assert score("lcc", f"\n{gold}\n    def x(self):", [gold], scoring=scoring) == 1.0
    reply, gold = "the cat sat on it. ", "the cat sat on it."
    assert score("gov_report", reply, [gold], scoring="strict") == 1.0
    assert score("gov_report", reply, [gold]) == pytest.approx(10 / 11)
    assert score("trec", " \n b", ["b"], ["b"], "strict") == 1.0
    assert score("trec", " \n b", ["b"], ["b"]) == 0.0


def test_the_best_of_several_answers_counts() -> None:
    assert score("hotpotqa", "two", ["one", "two"]) == 1.0
    assert score("hotpotqa", "two", []) == 0.0


def test_the_nineteen_datasets_have_a_metric_and_a_request() -> None:
    assert len(ACBENCH) == 19
    assert all(each.metric in METRICS for each in DATASETS.values())
    assert set(PROMPTS) == set(DATASETS)


def test_a_prompt_fills_its_two_places_and_nothing_else() -> None:
    filled = request("{context} | {input} | {context.__class__}", "text with {input}", "q")
    assert filled == "text with {input} | q | {context.__class__}"


def test_a_text_too_long_loses_its_middle() -> None:
    assert cut_middle("a b c d e f", 4) == "a b" + "e f"
    assert cut_middle("a b c", 4) == "a b c"
    assert cut_middle("abcdef", 2, encode=list, decode="".join) == "af"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "metric must be one of"),
        ({"metric": "count_score", "prediction": 3, "answer": "3"}, "prediction must be a text"),
        ({"metric": "count_score", "prediction": "", "answer": "", "all_classes": "x"}, "all_classes"),
    ],
)
def test_a_broken_row_is_refused_by_the_name_of_its_field(row: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        score_row(row)


ENGLISH = sorted(name for name in METRICS if not (name.endswith("zh_score") and name != "retrieval_zh_score"))


@settings(max_examples=60)
@given(st.text(max_size=200), st.text(max_size=60), st.lists(st.text(max_size=5), max_size=4))
def test_any_reply_scores_between_zero_and_one(reply: str, answer: str, classes: list[str]) -> None:
    for name in ENGLISH:
        for scoring in ("faithful", "strict"):
            assert 0.0 <= metric(name, reply, answer, classes, scoring) <= 1.0 + 1e-12
