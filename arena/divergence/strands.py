"""Turns in tokens, and turns that continue one another as one sequence, to be read in one pass."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.analyzing.parts import parts_of_reply, parts_of_tokens
from arena.analyzing.trajectories import Account, Trajectory, gives_tools_to_template, turns_as_sent
from arena.divergence.broken import name_parts
from arena.divergence.pair import Pair
from arena.records import EpisodeKey

END = "end"
"""The part of the token that ends a reply."""
_FEWEST_PROMPT_TOKENS = 16


@dataclass(frozen=True)
class SentTurn:
    """A turn as tokens: the prompt, the reply, and of each token of the reply its characters and its part."""

    sent: Trajectory
    prompt: tuple[int, ...]
    reply: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    parts: tuple[str, ...]
    cut_tokens: int

    @property
    def tokens(self) -> tuple[int, ...]:
        """Prompt and reply."""
        return self.prompt + self.reply


@dataclass(frozen=True)
class Strand:
    """Consecutive turns, each of whose prompts begins with all that was before: one sequence of tokens.

    `tokens` [length] has one token behind the last reply, so that the models say what comes after it.
    """

    turns: tuple[SentTurn, ...]
    tokens: NDArray[np.int64]

    def predictions(self, turn: SentTurn) -> slice:
        """Return the positions at which a turn's tokens are predicted, and last what ends its reply."""
        return slice(len(turn.prompt) - 1, len(turn.tokens))


def sent_turns(
    pair: Pair, account: Account, only: EpisodeKey | None = None, turn: int | None = None
) -> Iterator[SentTurn]:
    """Yield the compressed contestant's turns in tokens, of one episode or of all; `turn`: only this one.

    Turns whose prompts can't be built again are counted in `account` and left out.
    """
    with_tools = gives_tools_to_template(pair.contestant)
    window = pair.other.loaded.context_tokens
    for sent in turns_as_sent(pair.run, pair.contestant, pair.chat, window, account, only):
        if turn is None or sent.turn.index == turn:
            prompt = pair.chat.prompt(sent.request, with_tools=with_tools)
            yield in_tokens(pair, sent, prompt)


def in_tokens(pair: Pair, sent: Trajectory, prompt: list[int]) -> SentTurn:
    """Return a turn in tokens; where it is longer than the context, the prompt's beginning is cut off."""
    encoded = pair.chat.tokenizer(sent.turn.reply, add_special_tokens=False, return_offsets_mapping=True)
    reply, offsets = list(encoded["input_ids"]), [tuple(span) for span in encoded["offset_mapping"]]
    cut = 0
    if pair.context_tokens:
        room = pair.context_tokens - _FEWEST_PROMPT_TOKENS
        reply, offsets = reply[:room], offsets[:room]
        cut = max(0, len(prompt) + len(reply) - pair.context_tokens)
    characters = parts_of_reply(sent.turn, sent.protocol, sent.dialect)
    if sent.protocol == "json" and sent.turn.action is None:
        name_parts(characters, sent.turn.reply)
    parts = parts_of_tokens(characters, offsets)
    return SentTurn(sent, tuple(prompt[cut:]), tuple(reply), tuple(offsets), tuple(parts), cut)


def strands(turns: Iterable[SentTurn], end_token: int) -> Iterator[Strand]:
    """Join consecutive turns of an episode as long as each prompt goes on from the turn before."""
    joined: list[SentTurn] = []
    for turn in turns:
        if joined and not _continues(joined[-1], turn):
            yield _strand(joined, end_token)
            joined = []
        joined.append(turn)
    if joined:
        yield _strand(joined, end_token)


def _continues(before: SentTurn, turn: SentTurn) -> bool:
    length = len(before.tokens)
    return len(turn.prompt) > length and turn.prompt[:length] == before.tokens


def _strand(turns: list[SentTurn], end_token: int) -> Strand:
    return Strand(tuple(turns), np.asarray([*turns[-1].tokens, end_token], dtype=np.int64))
