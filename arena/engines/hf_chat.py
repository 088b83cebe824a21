"""Messages to tokens and tokens to text: chat templates, control tokens in foreign text, streamed replies."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from arena.engines.base import Message, Request, Style
from arena.errors import EngineError, RefusedRequest
from arena.protocol.dialects import dialects

PLAIN_STOP = "\nUser:"
TODAY = "26 Jul 2024"
"""What templates that write a date are told: the one that several name where they know none. Otherwise a run
that goes on tomorrow would ask otherwise than it did today."""
_CLOCK = f"{{% macro strftime_now(form) %}}{TODAY}{{% endmacro %}}"
_PRIVATE_USE = range(0xF0000, 0xFFFFE)
_HALF_CHARACTER = "\N{REPLACEMENT CHARACTER}"
_LONGEST_CHARACTER_TOKENS = 8
"""A character is at most 4 bytes, so what is still no text after this many tokens never becomes text."""


def plain_template() -> str:
    """Return the chat template for base models, which have none.

    One user message is given as it stands, after the system's text, for the model to go on from. A longer
    conversation has `User:` and `Assistant:` before each message and ends in `Assistant:`.
    """
    return files("arena.engines").joinpath("plain_chat.jinja").read_text(encoding="utf-8")


def template_hash(template: str | None) -> str:
    """Return the SHA-256 (hex) of a chat template, or of the one that a model without any gets."""
    return hashlib.sha256((template or plain_template()).encode("utf-8", "surrogatepass")).hexdigest()


def preferred_style(config: Mapping[str, Any]) -> Style | None:
    """Return the prompt style that a config.json names, as `"arena": {"style": "terse"}`; else None."""
    own = config.get("arena")
    style = own.get("style") if isinstance(own, Mapping) else None
    return style if style in ("flat", "chat", "terse") else None


class Chat:
    """A model's way of writing conversations: its chat template and its tokenizer.

    Text in messages never becomes a control token. Tokenizers turn `<|im_end|>` in an observation into the
    very token that ends a message; here, a special token that occurs in a message's content is written with
    the tokens of its letters instead. So are, in user messages (which bring observations), other tokens that
    the chat template uses, such as `<tool_call>`. Everything else is tokenized as `apply_chat_template` does.

    In replies special tokens are no text, but for those that stand around tool calls in some dialect
    (`[TOOL_CALLS]`): without them nobody could tell a call.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.is_plain = not tokenizer.chat_template
        if self.is_plain:
            tokenizer.chat_template = plain_template()
        if isinstance(tokenizer.chat_template, str) and "strftime_now" in tokenizer.chat_template:
            tokenizer.chat_template = _CLOCK + tokenizer.chat_template
        self.uses_tools = "tools" in str(tokenizer.chat_template)
        added = tokenizer.added_tokens_decoder.values()
        special = {token.content for token in added if token.special} | set(tokenizer.all_special_tokens)
        markup = {token.content for token in added if token.content in str(tokenizer.chat_template)}
        markers = {text for each in dialects().values() for pair in each.markers for text in pair}
        self._silent = (
            frozenset(tokenizer.convert_tokens_to_ids(text) for text in special - markers if text)
            if special & markers
            else None
        )
        self._special, self._markup = _any_of(special), _any_of(special | markup)
        self._spelled = {text: _spell(tokenizer, text) for text in special | markup if text.strip()}
        self._merges_system = self._refuses_system()
        tokenizer("")  # sets back what spelling has changed; from here on threads may share the tokenizer

    def encode(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = (), *, plain: bool = False
    ) -> list[int]:
        """Return the prompt's token ids, up to where the assistant's reply begins. Raises `EngineError`.

        `plain`: the messages' text as it is, without the template.
        """
        texts = [message.content.encode("utf-8", "replace").decode("utf-8") for message in messages]
        mark = _unused_character(texts)
        found: list[str] = []

        def guard(match: re.Match[str]) -> str:
            found.append(match[0])
            return f"{mark}{len(found) - 1}{mark}"

        for place, message in enumerate(messages):
            controls = self._markup if message.role == "user" else self._special
            texts[place] = controls.sub(guard, texts[place])
        chat = [{"role": m.role, "content": t} for m, t in zip(messages, texts, strict=True)]
        rendered = "\n\n".join(texts) if plain else self._render(chat, tools)
        ids: list[int] = []
        for place, piece in enumerate(re.split(f"{mark}([0-9]+){mark}", rendered)):
            if place % 2:
                ids += self._spelled[found[int(piece)]]
            elif piece:
                # templates write the token that begins a text; the plain one leaves it to the tokenizer
                adds_begin = (self.is_plain or plain) and place == 0
                ids += self.tokenizer(piece, add_special_tokens=adds_begin).input_ids
        return ids

    def prompt(self, request: Request, *, with_tools: bool) -> list[int]:
        """Return a request's token ids; `with_tools` tells the template its tools. Raises `EngineError`."""
        return self.encode(request.messages, request.tools if with_tools else (), plain=request.plain)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, without control tokens but markers of calls."""
        if self._silent is not None:
            ids = [token for token in ids if token not in self._silent]
        return self.tokenizer.decode(
            ids, skip_special_tokens=self._silent is None, clean_up_tokenization_spaces=False
        )

    def token_text(self, token_id: int) -> str:
        """Return one token as it is written, control tokens too."""
        return self.tokenizer.decode([token_id], clean_up_tokenization_spaces=False)

    def stops(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Return the strings at which a reply ends: those asked for, and a base model's next question."""
        return (*(stop for stop in wanted if stop), *((PLAIN_STOP,) if self.is_plain else ()))

    def _render(self, messages: list[dict[str, str]], tools: Sequence[Mapping[str, Any]]) -> str:
        if self._merges_system:
            messages = _merge_system(messages)
        try:
            return self.tokenizer.apply_chat_template(
                messages,
                tools=list(tools) or None,
                add_generation_prompt=True,
                tokenize=False,
                date_string=TODAY,
            )
        except Exception as error:
            raise RefusedRequest(f"The model's chat template refuses the conversation: {error}.") from error

    def _refuses_system(self) -> bool:
        """Try the template: some raise at a system message, some leave it out."""
        self._merges_system = False
        trial = [{"role": "system", "content": "Rules."}, {"role": "user", "content": "Question?"}]
        try:
            return "Rules." not in self._render(trial, ())
        except EngineError:
            self._render(trial[1:], ())  # not the system message, then: the template is broken
            return True


def _merge_system(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    rules = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    others = [message for message in messages if message["role"] != "system"]
    if not rules:
        return others
    if not others or others[0]["role"] != "user":
        return [{"role": "user", "content": rules}, *others]
    return [{"role": "user", "content": f"{rules}\n\n{others[0]['content']}"}, *others[1:]]


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted((text for text in texts if text.strip()), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def _spell(tokenizer: Any, control: str) -> list[int]:
    """Return the tokens of a control token's letters."""
    ids = tokenizer(control, add_special_tokens=False, split_special_tokens=True).input_ids
    itself = tokenizer.convert_tokens_to_ids(control)
    if itself in ids:  # not one that the tokenizer can split, so it gets its parts one by one
        parts = (control[:1], control[1:])
        ids = [token for part in parts for token in tokenizer(part, add_special_tokens=False).input_ids]
    return [token for token in ids if token != itself]


def _unused_character(texts: Sequence[str]) -> str:
    used = set().union(*texts)
    return next(chr(code) for code in _PRIVATE_USE if chr(code) not in used)


class ReplyText:
    """A reply's text as it grows, token by token: only whole characters, and nothing from a stop string on.

    `text` is the reply so far. `on_text` gets each piece once it can no longer become part of a stop string.
    """

    def __init__(self, chat: Chat, stops: Sequence[str], on_text: Callable[[str], None] | None) -> None:
        self.text = ""
        self._chat = chat
        self._stops = stops
        self._longest_stop = max(map(len, stops), default=0)
        self._on_text = on_text
        self._ids: list[int] = []
        self._context = 0  # tokens from here on are decoded again, for the sake of the spaces between them
        self._done = 0  # tokens up to here are in `text`
        self._told = 0  # characters up to here went to `on_text`

    def add(self, token_id: int) -> bool:
        """Take the next token; True where the reply is now at a stop string (and cut before it)."""
        self._ids.append(token_id)
        piece = self._undone()
        if piece.endswith(_HALF_CHARACTER) and len(self._ids) - self._done < _LONGEST_CHARACTER_TOKENS:
            return False
        self._context, self._done = self._done, len(self._ids)
        return self._append(piece)

    def finish(self, cut: bool) -> bool:
        """Take what is left at the end of the reply; True where a stop string was met.

        `cut` says that a limit ended the reply, perhaps within a character, which is then left out.
        """
        piece = self._undone()
        self._done = len(self._ids)
        stopped = self._append(piece.rstrip(_HALF_CHARACTER) if cut else piece)
        self._tell(len(self.text))
        return stopped

    def _undone(self) -> str:
        known = self._chat.decode(self._ids[self._context : self._done])
        return self._chat.decode(self._ids[self._context :])[len(known) :]

    def _append(self, piece: str) -> bool:
        start = max(0, len(self.text) - self._longest_stop + 1)
        self.text += piece
        met = [at for stop in self._stops if (at := self.text.find(stop, start)) >= 0]
        if met:
            self.text = self.text[: min(met)]
        self._tell(len(self.text) if met else self._certain())
        return bool(met)

    def _certain(self) -> int:
        """Return the length of the text that is surely not the beginning of a stop string."""
        for start in range(max(0, len(self.text) - self._longest_stop + 1), len(self.text)):
            if any(stop.startswith(self.text[start:]) for stop in self._stops):
                return start
        return len(self.text)

    def _tell(self, end: int) -> None:
        if self._on_text and end > self._told:
            self._on_text(self.text[self._told : end])
        self._told = max(self._told, end)
