"""Scoring a reply that answers many questions under numbered heads (`Answer_1:`, `Answer_2:`, …).

From LongGenBench: for GSM8K the last number of an answer, commas removed, must equal the last number of gold;
for MMLU the letter must. Missing answers are wrong; the score is right / asked.
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


def right_answers(reply: str, gold: Sequence[str], kind: Kind, scoring: Scoring = "faithful") -> list[bool]:
    """Tell of each question whether the reply answers it rightly.

    Strict: numbers are compared by value, so that 5.0 is 5.
    """
    answers = split_answers(reply, len(gold))
    if kind == "mmlu":
        return [_letter(answer) == wanted.strip() for answer, wanted in zip(answers, gold, strict=True)]
    same = _same_value if scoring == "strict" else _same_text
    return [
        answer is not None and same(last_number(answer), last_number(wanted))
        for answer, wanted in zip(answers, gold, strict=True)
    ]


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


def _same_text(ours: str | None, theirs: str | None) -> bool:
    return ours is not None and ours == theirs


def _same_value(ours: str | None, theirs: str | None) -> bool:
    return ours is not None and theirs is not None and float(ours) == float(theirs)


def _letter(answer: str | None) -> str | None:
    found = _LETTER.search(answer or "")
    return found[1] if found else None
