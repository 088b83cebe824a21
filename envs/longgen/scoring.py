"""Scoring a reply that answers many questions under numbered heads (`Answer_1:`, `Answer_2:`, …).

`faithful` reproduces LongGenBench (longgenbench_GSM8K_openai.py and longgenbench_MMLU_openai.py: extract_ans,
process_question, test_answer): answers are what stands between a colon that ends a line and a blank line, in
their order, and the last number or letter of each counts. `strict` reads the heads' numbers and compares
values. In both, missing answers are wrong and the score is right / asked.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from envs.onestep import Scoring

Kind = Literal["gsm8k", "mmlu"]

MAX_ANSWER_CHARS = 20_000

_HEAD = re.compile(r"(?<![*#])[*#]*+answer[ _]?(\d{1,4})[* \t]*+:\**", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_LETTER = re.compile(r"\b([A-D])\b")
_FAITHFUL_ANSWER = re.compile(r"(?<=:\n)(.*?)(?=\n\n|$)", re.DOTALL)
_FAITHFUL_RESULT: Mapping[Kind, re.Pattern[str]] = {
    "gsm8k": re.compile(r"\d*\.?\d+"),
    "mmlu": re.compile("[ABCD]"),
}


def split_answers(reply: str, count: int) -> list[str | None]:
    """Return the text under each of `count` heads, None where there is none; the first of equal ones."""
    found: list[str | None] = [None] * count
    heads = list(_HEAD.finditer(reply))
    ends = [*(head.start() for head in heads[1:]), len(reply)]
    for head, end in zip(heads, ends, strict=False):
        number = int(head[1])
        if 1 <= number <= count and found[number - 1] is None:
            found[number - 1] = reply[head.end() : end].strip()[:MAX_ANSWER_CHARS]
    return found


def answers_in_order(reply: str) -> list[str]:
    """Return the answers of a reply as LongGenBench finds them, whatever their heads' numbers."""
    text = "\n".join(reply.split("Answer_"))
    return [answer.strip() for answer in _FAITHFUL_ANSWER.findall(text)]


def right_answers(reply: str, gold: Sequence[str], kind: Kind, scoring: Scoring = "faithful") -> list[bool]:
    """Tell of each question whether the reply answers it rightly."""
    if scoring == "faithful":
        answers = answers_in_order(reply)[: len(gold)]
        right = [
            faithful_result(_written_down(number, answer), kind) == faithful_result(wanted, kind)
            for number, (answer, wanted) in enumerate(zip(answers, gold, strict=False))
        ]
        return right + [False] * (len(gold) - len(right))
    pairs = zip(split_answers(reply, len(gold)), gold, strict=True)
    if kind == "mmlu":
        return [_letter(answer) == wanted.strip() for answer, wanted in pairs]
    return [
        answer is not None and _same_value(last_number(answer), last_number(wanted))
        for answer, wanted in pairs
    ]


def faithful_result(text: str, kind: Kind) -> str | None:
    """Return what of an answer, or of gold, LongGenBench compares: its last number or letter from A to D.

    A number has no sign, and ends at a comma.
    """
    found = _FAITHFUL_RESULT[kind].findall(text)
    return found[-1] if found else None


def _written_down(number: int, answer: str) -> str:
    # the original writes answers to a file under such a line, which is searched too when it is read again:
    # an answer without a letter is an A, one without a number is its place; gold keeps its commas
    return f"A_model:Q_{number}\n{answer}".replace(",", "")


def score_row(row: Mapping[str, Any], scoring: Scoring = "faithful") -> dict[str, Any]:
    """Score one recorded reply: `row` has kind (gsm8k or mmlu), reply and gold, a list of answers.

    Returns `{"accuracy": right / asked, "right": [bool, …]}`. Raises `ValueError` where a field is missing or
    of the wrong type.
    """
    kind, reply, gold = row.get("kind"), row.get("reply"), row.get("gold")
    if kind not in ("gsm8k", "mmlu"):
        raise ValueError("kind must be gsm8k or mmlu")
    if not isinstance(reply, str):
        raise ValueError("reply must be a text")
    if not isinstance(gold, list) or not gold or not all(isinstance(each, str) for each in gold):
        raise ValueError("gold must be a list of texts")
    right = right_answers(reply, gold, kind, scoring)
    return {"accuracy": sum(right) / len(right), "right": right}


def last_number(text: str) -> str | None:
    """Return the last number of a text without its commas, or None."""
    numbers = _NUMBER.findall(text)
    return numbers[-1].replace(",", "") if numbers else None


def _same_value(ours: str | None, theirs: str | None) -> bool:
    return ours is not None and theirs is not None and float(ours) == float(theirs)


def _letter(answer: str | None) -> str | None:
    found = _LETTER.search(answer or "")
    return found[1] if found else None
