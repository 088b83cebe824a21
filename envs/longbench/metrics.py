"""LongBench's metrics, by the names of its functions.

From LongBench (LongBench/metrics.py). Each takes a reply, one gold answer and the record's classes, and
returns 0..1. `faithful` reproduces the original; `strict` mends what docs/scoring.md lists.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from importlib.resources import files
from typing import Any

from envs.longbench.rouge import rouge_l
from envs.longbench.segment import words
from envs.workflow.graph import Scoring

MAX_CHINESE_CHARS = 20_000
"""Of a longer reply the rest is not cut into words: no reply that ended by itself is as long."""

_ARTICLE = re.compile(r"\b(a|an|the)\b")
_NUMBER = re.compile(r"\d+")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CHINESE_PUNCTUATION = files("envs.longbench").joinpath("chinese_punctuation.txt").read_text(encoding="utf-8")
_NO_CHINESE_PUNCTUATION = str.maketrans("", "", string.punctuation + _CHINESE_PUNCTUATION.strip())
_CODE_MARKS = ("`", "#", "//")

Metric = Callable[[str, str, Sequence[str], bool], float]


def metric(
    name: str, reply: str, answer: str, classes: Sequence[str] = (), scoring: Scoring = "faithful"
) -> float:
    """Return one metric, by the original's function name. Raises `KeyError` for an unknown one."""
    return METRICS[name](reply, answer, classes, scoring == "strict")


def score_row(row: Mapping[str, Any], scoring: Scoring = "faithful") -> dict[str, float]:
    """Score one recorded reply: `row` has metric, prediction, answer and all_classes.

    Returns `{"score": …}`. Raises `ValueError` where a field is missing or of the wrong type.
    """
    name, classes = row.get("metric"), row.get("all_classes")
    if not isinstance(name, str) or name not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}")
    for field in ("prediction", "answer"):
        if not isinstance(row.get(field), str):
            raise ValueError(f"{field} must be a text")
    if classes is not None and not (
        isinstance(classes, list) and all(isinstance(each, str) for each in classes)
    ):
        raise ValueError("all_classes must be a list of texts, or null")
    return {"score": metric(name, row["prediction"], row["answer"], classes or (), scoring)}


def _qa_f1(reply: str, answer: str, classes: Sequence[str], strict: bool) -> float:
    return _f1(_normal_words(reply), _normal_words(answer))


def _normal_words(text: str) -> list[str]:
    return _ARTICLE.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def _qa_f1_zh(reply: str, answer: str, classes: Sequence[str], strict: bool) -> float:
    return _f1(_normal_chinese_words(reply), _normal_chinese_words(answer))


def _normal_chinese_words(text: str) -> list[str]:
    normal = (
        "".join(word.lower().translate(_NO_CHINESE_PUNCTUATION).split())
        for word in words(text[:MAX_CHINESE_CHARS])
    )
    return [word for word in normal if word]


def _f1(ours: Sequence[str], theirs: Sequence[str]) -> float:
    same = sum((Counter(ours) & Counter(theirs)).values())
    if not same:
        return 0.0
    precision, recall = same / len(ours), same / len(theirs)
    return 2 * precision * recall / (precision + recall)


def _rouge(reply: str, answer: str, classes: Sequence[str], strict: bool) -> float:
    return rouge_l(reply, answer, exact=strict)


def _rouge_zh(reply: str, answer: str, classes: Sequence[str], strict: bool) -> float:
    ours, theirs = (" ".join(words(text[:MAX_CHINESE_CHARS])) for text in (reply, answer))
    if strict:  # Chinese sentences end in a stop of their own
        ours, theirs = (text.replace(" 。", ".").replace("。", ".") for text in (ours, theirs))
    return rouge_l(ours, theirs, exact=strict)


def _classification(reply: str, answer: str, classes: Sequence[str], strict: bool) -> float:
    found = [name for name in classes if name in reply]
    if strict:
        found = [name for name in found if name == answer or name not in answer]
    else:
        # the list shrinks while it is walked, so that the name after a removed one is passed over
        for name in found:
            if name in answer and name != answer:
                found.remove(name)
    return 1.0 / len(found) if answer in found else 0.0


def _share_of_numbers(reply: str, wanted: str) -> float:
    numbers = _NUMBER.findall(reply)
    return numbers.count(wanted) / len(numbers) if numbers else 0.0


def _count(reply: str, answer: str, classes: Sequence[str], strict: bool) -> float:
    return _share_of_numbers(reply, answer.strip() if strict else answer)


def _retrieval(reply: str, answer: str, classes: Sequence[str], strict: bool) -> float:
    return _retrieved(reply, answer, r"Paragraph (\d+)")


def _retrieval_zh(reply: str, answer: str, classes: Sequence[str], strict: bool) -> float:
    return _retrieved(reply, answer, r"段落(\d+)")


def _retrieved(reply: str, answer: str, pattern: str) -> float:
    wanted = re.search(pattern, answer)  # the original stops where gold has no number: 0
    return _share_of_numbers(reply, wanted[1]) if wanted else 0.0


def _code_similarity(reply: str, answer: str, classes: Sequence[str], strict: bool) -> float:
    lines = reply.lstrip("\n").split("\n")
    line = next((line for line in lines if not any(mark in line for mark in _CODE_MARKS)), "")
    if strict:
        line = next((line for line in lines if line.strip() and not any(m in line for m in _CODE_MARKS)), "")
    return _ratio(line, answer) / 100


def _ratio(text: str, other: str) -> int:
    """Return `fuzz.ratio` of fuzzywuzzy without its optional speed-up: difflib's ratio in whole percent."""
    if text == other:
        return 100
    if not text or not other:
        return 0
    # the matched characters are those of the shorter text at most; comparing very long lines takes minutes
    if round(200 * min(len(text), len(other)) / (len(text) + len(other))) == 0:
        return 0
    return round(100 * SequenceMatcher(None, text, other).ratio())


METRICS: Mapping[str, Metric] = {
    "qa_f1_score": _qa_f1,
    "qa_f1_zh_score": _qa_f1_zh,
    "rouge_score": _rouge,
    "rouge_zh_score": _rouge_zh,
    "classification_score": _classification,
    "retrieval_score": _retrieval,
    "retrieval_zh_score": _retrieval_zh,
    "count_score": _count,
    "code_sim_score": _code_similarity,
}
