"""Making a prompt fit as LongBench does: the middle goes, for questions stand at the ends."""

from collections.abc import Callable, Sequence
from typing import Any


def cut_middle(
    text: str,
    max_tokens: int,
    encode: Callable[[str], Sequence[Any]] = lambda text: text.split(" "),
    decode: Callable[[Sequence[Any]], str] = lambda tokens: " ".join(tokens),
) -> str:
    """Return the first and the last half of `max_tokens` tokens, or the text itself where it is no longer.

    Tokens are words, unless a tokenizer's `encode` and `decode` are given (LongBench/pred.py, get_pred).
    """
    tokens = encode(text)
    if len(tokens) <= max_tokens:
        return text
    half = max_tokens // 2
    return decode(tokens[:half]) + decode(tokens[len(tokens) - half :])
