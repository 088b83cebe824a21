"""One reply as vLLM writes it: tokens in, a completion out, by the rules of `hf_chat.py`."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arena.engines.base import Completion, FinishReason, Request, TokenChoice
from arena.engines.hf_chat import Chat, ReplyText
from arena.errors import EngineError


@dataclass(frozen=True)
class Piece:
    """The next tokens of a reply.

    `logprobs` has for each token the log-probabilities of the best tokens and of the chosen one (token id ->
    log-probability); it is empty where none were asked for. `end` is what vLLM says at the end of a reply
    (stop, length, abort, error), else None. `cached_tokens` of the prompt were not computed again.
    """

    token_ids: Sequence[int]
    logprobs: Sequence[Mapping[int, float]] = ()
    end: str | None = None
    cached_tokens: int = 0


class Reply:
    """A reply as it grows. vLLM knows the tokens that end one; stop strings are looked for here."""

    def __init__(self, request: Request, chat: Chat, stop_ids: frozenset[int]) -> None:
        self._top = request.sampling.top_logprobs
        self._chat = chat
        self._stop_ids = stop_ids
        self._text = ReplyText(chat, chat.stops(request.sampling.stop), request.on_text)
        self._token_ids: list[int] = []
        self._choices: list[TokenChoice] = []
        self._cached_tokens = 0
        self._finish: FinishReason | None = None

    def add(self, piece: Piece) -> bool:
        """Take the next piece; True where the reply is at its end. Raises `EngineError` where it broke."""
        self._cached_tokens = max(self._cached_tokens, piece.cached_tokens)
        for place, token in enumerate(piece.token_ids):
            self._token_ids.append(token)
            if self._top:
                self._choices.append(self._choice(token, piece.logprobs[place]))
            if token in self._stop_ids:
                self._text.finish(cut=False)
                self._finish = "stop"
            elif self._text.add(token):
                self._finish = "stop"
            if self._finish:
                return True
        if piece.end == "length":
            self._finish = "stop" if self._text.finish(cut=True) else "length"
        elif piece.end == "stop":  # at a token that vLLM alone takes for an end
            self._text.finish(cut=False)
            self._finish = "stop"
        elif piece.end:
            raise EngineError(f"vLLM broke off a reply ({piece.end}).")
        return self._finish is not None

    def completion(self, *, prompt_tokens: int, began: float) -> Completion:
        """Return the finished reply; `began` is when it was asked for, by `time.perf_counter`."""
        if self._finish is None:
            raise EngineError("vLLM ended a reply without saying so.")
        return Completion(
            text=self._text.text,
            finish_reason=self._finish,
            prompt_tokens=prompt_tokens,
            completion_tokens=len(self._token_ids),
            cached_tokens=self._cached_tokens,
            latency_s=time.perf_counter() - began,
            token_ids=tuple(self._token_ids),
            choices=tuple(self._choices),
        )

    def _choice(self, token: int, logprobs: Mapping[int, float]) -> TokenChoice:
        # where the chosen token is not one of the best, it comes on top of them
        # nor is one among them that a constraint forbids
        possible = [item for item in logprobs.items() if item[1] > -math.inf]
        best = sorted(possible, key=lambda item: -item[1])[: self._top]
        return TokenChoice(token, self._chat.token_text(token), logprobs[token], dict(best))
