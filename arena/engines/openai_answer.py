"""Puts one reply together from what an OpenAI-compatible server sends, and trusts none of it.

What a server's own parsers took apart is put together again, so that protocols read every engine's reply
the same way: reasoning stands in front as `<think>…</think>` (never closed where the reply was cut within
it), and tool calls stand as canonical JSON. What was said beside a tool call is a thought, too.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from arena.engines.api_key import LONG_SECRET_CHARS, without_key
from arena.engines.base import Completion, FinishReason, TokenChoice

UNKNOWN_TOKEN = -1
_BROKEN_OFF = ("abort", "error")
"""How servers say that a reply ended for reasons of their own: it is no reply of the model's."""
"""Token id where the server names tokens by their text only; alternatives are then -1, -2, … by rank."""

REASONING_FIELDS = ("reasoning_content", "reasoning")
"""vLLM and SGLang say the first, newer vLLM and OpenRouter the second."""


_SHORT_NUMBER = re.compile(r"[0-9]{1,9}")
_MAX_COUNT = 2**31


class HalfAnswer(Exception):
    """What came is no whole answer; the message says what is wrong with it."""


@dataclass
class LiveText:
    """Passes a growing reply on. A second attempt at the same reply goes on where the first one stopped."""

    on_text: Callable[[str], None]
    shown_chars: int = 0
    _chars: int = 0

    def restart(self) -> None:
        """Begin the reply anew: what was shown is not shown again."""
        self._chars = 0

    def show(self, piece: str) -> None:
        """Pass on what is new of the next piece."""
        new = piece[max(0, self.shown_chars - self._chars) :]
        self._chars += len(piece)
        if new:
            self.shown_chars = self._chars
            self.on_text(new)


@dataclass
class _Call:
    name: str = ""
    arguments: str = ""


@dataclass
class Answer:
    """An answer under way: `add` what comes, then ask for the `completion`."""

    live: LiveText | None = None
    _reasoning: list[str] = field(default_factory=list)
    _content: list[str] = field(default_factory=list)
    _calls: dict[int, _Call] = field(default_factory=dict)
    _choices: list[TokenChoice] = field(default_factory=list)
    _usage: Mapping[str, Any] = field(default_factory=dict)
    _finish: str | None = None

    def add_whole(self, answer: object) -> None:
        """Take a `chat.completion`. Raises `HalfAnswer`."""
        choice = self._first_choice(answer)
        if choice is None:
            raise HalfAnswer("an answer without choices")
        message = _object(choice, "message")
        if message is None:
            raise HalfAnswer("a choice without a message")
        self._add(choice, message)
        self._finish = self._finish or "stop"
        # a filter may leave nothing, and so may a thought that is not shown and takes all tokens
        blocked = self._finish in ("content_filter", "length")
        if message.get("content") is None and not (
            self._content or self._reasoning or self._calls or blocked
        ):
            raise HalfAnswer("a message without content")

    def add_chunk(self, chunk: object) -> None:
        """Take a `chat.completion.chunk`. Raises `HalfAnswer`."""
        choice = self._first_choice(chunk)
        if choice is not None:
            self._add(choice, _object(choice, "delta") or {})

    def completion(self, latency_s: float) -> Completion:
        """Return the reply. Raises `HalfAnswer` where its end has not come."""
        if self._finish is None:
            raise HalfAnswer("a stream that stops in the middle")
        if self._finish in _BROKEN_OFF:
            raise HalfAnswer(f"a reply that the server broke off ({self._finish})")
        # a reply that the server's content filter blocked is scored as what it is: an empty or short reply
        finish: FinishReason = "length" if self._finish == "length" else "stop"
        choices = tuple(self._choices)
        ids = tuple(choice.token_id for choice in choices)
        details = _object(self._usage, "prompt_tokens_details") or {}
        return Completion(
            text=without_key(whole_unicode(self._text()), LONG_SECRET_CHARS),
            finish_reason=finish,
            prompt_tokens=_count(self._usage, "prompt_tokens"),
            completion_tokens=_count(self._usage, "completion_tokens"),
            cached_tokens=_count(details, "cached_tokens"),
            latency_s=latency_s,
            token_ids=() if UNKNOWN_TOKEN in ids else ids,
            choices=choices,
        )

    def _first_choice(self, answer: object) -> Mapping[str, Any] | None:
        if not isinstance(answer, dict):
            raise HalfAnswer("something that is not a JSON object")
        if answer.get("error"):
            raise HalfAnswer(f"an error in place of an answer: {words_of_error(answer)}")
        self._usage = _object(answer, "usage") or self._usage
        choices = answer.get("choices")
        if choices is not None and not isinstance(choices, list):
            raise HalfAnswer("choices that are no list")
        if not choices:
            return None
        if not isinstance(choices[0], dict):
            raise HalfAnswer("a choice that is no JSON object")
        return choices[0]

    def _add(self, choice: Mapping[str, Any], message: Mapping[str, Any]) -> None:
        reasoning = next(filter(None, (_text(message, name) for name in REASONING_FIELDS)), "")
        # a model that declines says so in a field of its own, in place of the content
        content = _text(message, "content") or _declined(message)
        if reasoning:
            self._show(reasoning if self._reasoning else f"<think>{reasoning}")
            self._reasoning.append(reasoning)
        if content:
            self._show(content if self._content or not self._reasoning else f"</think>\n{content}")
            self._content.append(content)
        self._add_calls(message.get("tool_calls"))
        self._add_tokens(_object(choice, "logprobs"))
        finish = choice.get("finish_reason")
        self._finish = finish if isinstance(finish, str) else self._finish

    def _show(self, piece: str) -> None:
        if self.live:
            self.live.show(piece)

    def _add_calls(self, calls: object) -> None:
        if calls is None:
            return
        if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
            raise HalfAnswer("tool calls that are no list of JSON objects")
        for place, piece in enumerate(calls):
            index = piece.get("index")
            call = self._calls.setdefault(index if isinstance(index, int) else place, _Call())
            function = _object(piece, "function") or {}
            call.name += _text(function, "name")
            arguments = function.get("arguments")
            # an object where the API wants a string of JSON: some servers do that
            call.arguments += (
                json.dumps(arguments) if isinstance(arguments, dict) else _text(function, "arguments")
            )

    def _add_tokens(self, logprobs: Mapping[str, Any] | None) -> None:
        entries = logprobs.get("content") if logprobs else None
        if entries is None:
            return
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise HalfAnswer("log-probabilities that are no list of JSON objects")
        self._choices += [_token(entry) for entry in entries]

    def _text(self) -> str:
        reasoning, content = "".join(self._reasoning), "".join(self._content)
        cut = self._finish == "length"
        if not self._calls:
            thought = _thought(reasoning, closed=bool(content) or not cut)
            return thought + content
        calls = [_call_text(call, cut) for _, call in sorted(self._calls.items())]
        text = calls[0] if len(calls) == 1 else f"[{', '.join(calls)}{'' if cut else ']'}"
        return _thought(reasoning) + _thought(content.strip()) + text


def whole_unicode(text: str) -> str:
    """Return a text in which half surrogate pairs, which no file or server takes, are U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def words_of_error(body: object) -> str:
    """Return what an error body says: `{"error": {"message"}}`, `{"message"}`, `{"detail"}` or plain text."""
    for _ in range(3):
        if isinstance(body, dict):
            body = next(filter(None, map(body.get, ("error", "message", "detail"))), "")
    return body if isinstance(body, str) else ""


def _thought(text: str, closed: bool = True) -> str:
    if not text:
        return ""
    return f"<think>{text}</think>\n" if closed else f"<think>{text}"


def _call_text(call: _Call, cut: bool) -> str:
    name = json.dumps(call.name, ensure_ascii=False)
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        # what the model wrote is broken: leave it as it is, the protocol says where
        return f'{{"name": {name}, "arguments": {call.arguments}' + ("" if cut else "}")
    return f'{{"name": {name}, "arguments": {json.dumps(arguments, ensure_ascii=False)}}}'


def _token(entry: Mapping[str, Any]) -> TokenChoice:
    top = entry.get("top_logprobs")
    others = [other for other in top if isinstance(other, dict)] if isinstance(top, list) else []
    ranked = enumerate(others, start=1)
    token_id, text = _token_id(entry)
    return TokenChoice(
        token_id=UNKNOWN_TOKEN if token_id is None else token_id,
        text=text,
        logprob=_logprob(entry),
        top={
            (-rank if (known := _token_id(other)[0]) is None else known): _logprob(other)
            for rank, other in ranked
        },
    )


def _token_id(entry: Mapping[str, Any]) -> tuple[int | None, str]:
    """Return a token's id, where the server tells, and its text.

    llama.cpp says `id`; vLLM with `return_tokens_as_token_ids` writes the token as `token_id:123`.
    """
    text, known = _text(entry, "token"), entry.get("id")
    if isinstance(known, int):
        return known, text
    digits = text.removeprefix("token_id:")
    return (int(digits) if digits != text and _SHORT_NUMBER.fullmatch(digits) else None), text


def _logprob(entry: Mapping[str, Any]) -> float:
    value = entry.get("logprob")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise HalfAnswer("a token without its log-probability")
    try:
        return float(value)
    except OverflowError:
        raise HalfAnswer("a log-probability that is no number") from None


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise HalfAnswer(f"a {name} that is no text")
    return value


def _declined(message: Mapping[str, Any]) -> str:
    said = message.get("refusal")
    return said if isinstance(said, str) else ""


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = data.get(name)
    return value if isinstance(value, dict) else None


def _count(data: Mapping[str, Any], name: str) -> int:
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 <= value <= _MAX_COUNT else 0
