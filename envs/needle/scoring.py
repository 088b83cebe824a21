"""ROUGE-1 F of a reply against the needle, times 10.

From ACBench's needle script, which takes Google's `rouge_score` with its stemmer. `faithful` uses that
package; `strict` compares the words as they are written and needs none.
"""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

from envs.errors import MissingPackage
from envs.onestep import Scoring

MAX_CHARS = 100_000

_WORD = re.compile(r"[a-z0-9]+")


def rouge_1(reply: str, needle: str, scoring: Scoring = "faithful") -> float:
    """Return ROUGE-1 F in 0..1. Raises `MissingPackage` where faithful scoring lacks its package."""
    reply = reply[:MAX_CHARS]
    if scoring == "faithful":
        return float(_scorer().score(needle, reply)["rouge1"].fmeasure)
    ours, theirs = (Counter(_WORD.findall(text.lower())) for text in (reply, needle))
    same = (ours & theirs).total()
    return 2 * same / (ours.total() + theirs.total()) if same else 0.0


def score_row(row: Mapping[str, Any], scoring: Scoring = "faithful") -> dict[str, float]:
    """Score one recorded reply: `row` has reply and needle. Returns `{"rouge1": …}` in 0..10, as ACBench.

    Raises `ValueError` where a field is no text, `MissingPackage` where faithful scoring lacks its package.
    """
    for field in ("reply", "needle"):
        if not isinstance(row.get(field), str):
            raise ValueError(f"{field} must be a text")
    return {"rouge1": 10 * rouge_1(row["reply"], row["needle"], scoring)}


@cache
def _scorer() -> Any:
    if find_spec("rouge_score") is None:
        raise MissingPackage(
            "faithful scoring of needles needs rouge-score",
            "pip install 'arena[longbench]', or score strictly",
        )
    # it tells every user of its tokenizer, through absl's own handler, that it is the usual one
    logging.getLogger("absl").setLevel(logging.WARNING)
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1"], use_stemmer=True)
