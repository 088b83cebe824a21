"""Building haystacks: essays cut to a length, with needles put in at a depth, at the end of a sentence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from envs.prose import passage

SENTENCE_ENDS = (".", "!", "?")


@dataclass(frozen=True)
class Tokenizer:
    """How text is measured. `ends_sentence` tells of a token whether a sentence ends in it."""

    encode: Callable[[str], Sequence[Any]]
    decode: Callable[[Sequence[Any]], str]
    ends_sentence: Callable[[Any], bool]


WORDS = Tokenizer(
    encode=lambda text: text.split(" "),
    decode=lambda tokens: " ".join(tokens),
    ends_sentence=lambda token: token.endswith(SENTENCE_ENDS),
)
"""Words for tokens: what is used where no tokenizer is given."""


def from_model(tokenizer: Any) -> Tokenizer:
    """Return a Hugging Face tokenizer's measure; a sentence ends in a token that ends in a full stop."""
    return Tokenizer(
        encode=lambda text: tokenizer.encode(text, add_special_tokens=False),
        decode=lambda tokens: tokenizer.decode(list(tokens), skip_special_tokens=True),
        ends_sentence=lambda token: tokenizer.decode([token]).rstrip().endswith("."),
    )


def insert(
    essays: str, needles: Sequence[str], tokens: int, depth_percent: float, tokenizer: Tokenizer = WORDS
) -> str:
    """Return a text of `tokens` tokens (needles included) that holds the needles.

    The first needle goes in at `depth_percent` of the essays' tokens, the others at equal distances behind
    it, each moved back to the nearest end of a sentence; at 100 a needle stands at the very end. Essays that
    are too short are repeated.
    """
    measured = [tokenizer.encode(needle) for needle in needles]
    room = max(0, tokens - sum(map(len, measured)))
    hay = _at_least(tokenizer.encode(essays), room)[:room]
    depths = [depth_percent + (100 - depth_percent) * i / len(needles) for i in range(len(needles))]
    pieces: list[Any] = []
    done = 0
    for needle, depth in zip(measured, depths, strict=True):
        place = len(hay)
        if depth < 100:
            place = int(len(hay) * depth / 100)
            while place > done and not tokenizer.ends_sentence(hay[place - 1]):
                place -= 1
        pieces += hay[done:place]
        pieces += needle
        done = place
    return tokenizer.decode([*pieces, *hay[done:]])


def _at_least(tokens: Sequence[Any], count: int) -> Sequence[Any]:
    return tokens if len(tokens) >= count or not tokens else list(tokens) * (count // len(tokens) + 1)


@lru_cache(maxsize=8)
def essays(seed: str, words: int) -> str:
    """Return essays of our own making, at least `words` words long."""
    return " ".join(passage(f"needle-{seed}", words))
