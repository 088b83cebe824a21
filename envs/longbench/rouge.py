"""ROUGE-L as LongBench computes it: the summary level F of the PyPI package `rouge` 1.0.1.

Its peculiarities, all of which change scores: sentences end at every full stop; words are counted once
however often they occur; the common words of a reference sentence are those of one longest common subsequence
with each reply sentence, chosen by walking the table from its end, to the left on ties; 1e-8 is added to the
denominator of F; and the walk recurses, so that two sentences too long for Python's stack score 0.
"""

from collections.abc import Sequence

import numpy as np

MAX_STEPS = 990
"""Longest walk: Python's default stack of 1,000 frames, less those that LongBench's eval.py has used."""
MAX_WORDS = 20_000
"""A longer sentence is taken for one whose walk is too long, without looking."""


MAX_SENTENCES = 2_000
"""More different sentences of a reply than this are counted, but not compared."""


class TooLong(Exception):
    """The original runs out of stack on these sentences."""


def rouge_l(reply: str, gold: str, exact: bool = False) -> float:
    """Return ROUGE-L F in 0..1; 0 where one of the texts has no sentence.

    `exact` leaves out the 1e-8, so that equal texts score 1, and the limit on the length of sentences.
    """
    ours, theirs = _sentences(reply), _sentences(gold)
    if not ours or not theirs:
        return 0.0
    common: set[str] = set()
    compared = list(dict.fromkeys(map(tuple, ours)))[:MAX_SENTENCES]
    try:
        for sentence in theirs:
            for other in compared:
                common |= _common_words(sentence, other, None if exact else MAX_STEPS)
    except TooLong:
        return 0.0
    recall = len(common) / len({word for sentence in theirs for word in sentence})
    precision = len(common) / len({word for sentence in ours for word in sentence})
    if exact:
        return 2 * precision * recall / (precision + recall) if common else 0.0
    return 2.0 * ((precision * recall) / (precision + recall + 1e-8))


def _sentences(text: str) -> list[list[str]]:
    # a sentence of blanks has one word, the empty one
    return [" ".join(part.split()).split(" ") for part in text.split(".") if part]


def _common_words(sentence: Sequence[str], other: Sequence[str], max_steps: int | None) -> set[str]:
    if max(len(sentence), len(other)) > MAX_WORDS:
        raise TooLong
    if len(other) <= MAX_STEPS and set(sentence).isdisjoint(other):
        return set()
    table = _table(sentence, other)
    i, j, steps = len(sentence), len(other), 0
    common = set()
    while i and j:
        steps += 1
        if max_steps is not None and steps > max_steps:
            raise TooLong
        if sentence[i - 1] == other[j - 1]:
            i, j = i - 1, j - 1
            common.add(sentence[i])
        elif table[i - 1, j] > table[i, j - 1]:
            i -= 1
        else:
            j -= 1
    return common


def _table(sentence: Sequence[str], other: Sequence[str]) -> np.ndarray:
    """Return the lengths of longest common subsequences of all prefixes; shape (words + 1, words + 1)."""
    number = {word: i for i, word in enumerate(dict.fromkeys([*sentence, *other]))}
    row, column = (np.array([number[word] for word in words]) for words in (sentence, other))
    table = np.zeros((len(row) + 1, len(column) + 1), dtype=np.int16)
    for i, word in enumerate(row, 1):
        grown = np.maximum(table[i - 1, 1:], table[i - 1, :-1] + (column == word))
        np.maximum.accumulate(grown, out=table[i, 1:])
    return table
