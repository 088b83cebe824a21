"""The token that changes the action: the base goes on from before it, and something else comes out."""

from collections.abc import Sequence
from typing import Any

import torch

from arena.analyzing.forward import new_cache
from arena.divergence.findings import MOST_TRIED, Cause, Continuation, Token
from arena.divergence.pair import Pair
from arena.divergence.strands import SentTurn
from arena.engines.base import FinishReason
from arena.engines.hf_chat import ReplyText
from arena.errors import ArenaError
from arena.protocol import protocol


def find_cause(pair: Pair, turn: SentTurn, tokens: Sequence[Token]) -> Cause | None:
    """Return the first differing token whose replacement by the base's own changes the action; else None.

    The base goes on greedily from the recorded reply's beginning, with its own token at the place in
    question, to the end of the reply as the engine would have ended it. Raises `ArenaError` where it fails.
    """
    writer = _Writer(pair, turn)
    differing = [token for token in tokens if token.differs][:MOST_TRIED]
    for tried, token in enumerate(differing, start=1):
        begun = turn.reply[: token.place]
        without = writer.finish((*begun, token.base[0].token_id))
        if without.action != turn.sent.turn.action:
            after = writer.finish((*begun, token.token_id))
            return Cause(token.place, without, after, tried)
    return None


class _Writer:
    """The base, writing one turn's reply from several beginnings; what it has read of them is kept."""

    def __init__(self, pair: Pair, turn: SentTurn) -> None:
        self._base = pair.base
        self._chat = pair.chat
        self._turn = turn
        self._room = pair.context_tokens
        self._cache: Any = new_cache(pair.base)
        self._read: list[int] = []

    def finish(self, begun: Sequence[int]) -> Continuation:
        """Return the reply that comes of a beginning, with what the protocol makes of it."""
        request, trajectory = self._turn.sent.request, self._turn.sent
        text = ReplyText(self._chat, self._chat.stops(request.sampling.stop), None)
        reason = self._write(list(begun), text, request.sampling.max_tokens)
        decision = protocol(trajectory.protocol, trajectory.dialect).parse(text.text, reason, request.tools)
        return Continuation(text.text, decision.action, decision.failure)

    def _write(self, reply: list[int], text: ReplyText, most_tokens: int) -> FinishReason:
        """Write greedily behind a beginning until the reply ends, as `engines.hf_loop` ends it."""
        if self._room:
            most_tokens = min(most_tokens, self._room - len(self._turn.prompt))
        for place in range(max(most_tokens, len(reply))):
            if place == len(reply):
                reply.append(self._next([*self._turn.prompt, *reply]))
            if reply[place] in self._base.loaded.stop_ids:
                text.finish(cut=False)
                return "stop"
            if text.add(reply[place]):
                return "stop"
        return "stop" if text.finish(cut=True) else "length"

    def _next(self, ids: list[int]) -> int:
        kept = _common_prefix(self._read, ids[:-1])
        if kept < len(self._read) and not _cut(self._cache, len(self._read) - kept):
            self._cache, kept = new_cache(self._base), 0
        model = self._base.loaded.model
        try:
            with torch.inference_mode():
                output = model(
                    input_ids=torch.tensor([ids[kept:]], device=model.device),
                    past_key_values=self._cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise ArenaError(f"{self._base.name} can't go on with the reply: {error}") from error
        self._cache, self._read = output.past_key_values, ids
        return int(output.logits[0, -1].argmax())


def _cut(cache: Any, tokens: int) -> bool:
    """Forget the last tokens of a cache; False where it is of a kind that can only grow."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    if type(cache) is not DynamicCache or any(type(layer) is not DynamicLayer for layer in cache.layers):
        return False
    cache.crop(-tokens)
    return True


def _common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    shorter = min(len(one), len(other))
    return next((place for place in range(shorter) if one[place] != other[place]), shorter)
