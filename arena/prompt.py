"""What a contestant reads: rules, example, goal and history, fitted into its context window.

Four styles. `flat` is AgentBoard's: one user message in which the history stands as `Action:` and
`Observation:` lines, with an open `Action:` at the end. `chat` makes each observation a user message and each
action an assistant message. `terse` is for small agents that have learned a benchmark's rules: the wanted
form and the goal in a sentence each, then observations and actions as they are. `bare` is for benchmarks
whose observation is the whole request (one-step ones): observations and replies as they are, nothing added.
In all, when the prompt does not fit, the oldest history item is dropped first; an action and an observation
are separate items (AgentBoard, agents/vanilla_agent.py).
"""

import hashlib
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from arena.engines.base import Message, Style


@dataclass(frozen=True)
class Item:
    """One line of history. `messages`: the same as chat messages, where it has roles of its own."""

    kind: Literal["action", "observation"]
    text: str
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Briefing:
    """What stays the same for a whole episode."""

    instructions: str
    answer: str
    answer_in_brief: str
    example: Sequence[tuple[str, str]]
    goal: str
    filler: str = ""
    """Stands before the first message of the user, and is never dropped."""


@dataclass(frozen=True)
class Prompt:
    """A finished prompt. `dropped_items` history items did not fit; `hash` names it in the store."""

    messages: tuple[Message, ...]
    dropped_items: int

    @property
    def hash(self) -> str:
        """SHA-256 (first 16 hex digits) of the messages as sent."""
        text = "\x00".join(f"{message.role}\x01{message.content}" for message in self.messages)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@cache
def wording() -> dict[str, Any]:
    """Return the prompt texts and their version (`arena/prompts/default.toml`)."""
    return tomllib.loads(files("arena").joinpath("prompts/default.toml").read_text(encoding="utf-8"))


def build(
    briefing: Briefing,
    history: Sequence[Item],
    style: Style,
    count_tokens: Callable[[Sequence[Message]], int],
    budget_tokens: int | None,
) -> Prompt:
    """Return the prompt for the next reply, with as much of the latest history as fits.

    `budget_tokens` is what the context window leaves for the prompt; None means unlimited. The last
    observation is never dropped: a prompt that can't fit even so is sent as it is, and the engine says so;
    but a bare request is cut in its middle, as LongBench does (`pred.py`: first and last half of the tokens).
    """
    styled = {"flat": _flat, "chat": _chat, "terse": _terse, "bare": _bare}[style]

    def render(briefing: Briefing, history: Sequence[Item]) -> tuple[Message, ...]:
        return _filled(styled(briefing, history), briefing.filler)

    dropped = 0
    messages = render(briefing, history)
    if budget_tokens is None:
        return Prompt(messages, 0)
    while dropped < len(history) - 1:
        excess = count_tokens(messages) - budget_tokens
        if excess <= 0:
            break
        dropped += _items_to_drop(history[dropped:], excess)
        messages = render(briefing, history[dropped:])
    if style == "bare" and count_tokens(messages) > budget_tokens:
        messages = _cut_middle(messages, count_tokens, budget_tokens)
    return Prompt(messages, dropped)


def without_system(prompt: Prompt) -> Prompt:
    """Return a prompt for a model that knows no system role: its text begins the first user message."""
    first, *others = prompt.messages
    if first.role != "system":
        return prompt
    if not others or others[0].role != "user":
        return Prompt((Message("user", first.content), *others), prompt.dropped_items)
    merged = Message("user", f"{first.content}\n\n{others[0].content}")
    return Prompt((merged, *others[1:]), prompt.dropped_items)


def _items_to_drop(history: Sequence[Item], excess_tokens: int) -> int:
    # counting tokens is slow, so drop at once what must go one by one anyhow: a token is at least one byte,
    # so items of no more bytes than there are tokens too many can't be enough
    size_bytes = dropped = 0
    for item in history[:-1]:
        size_bytes += len(_line(item).encode("utf-8", "surrogatepass")) + 1
        if dropped and size_bytes > excess_tokens:
            break
        dropped += 1
    return dropped


def _briefing_text(briefing: Briefing) -> str:
    texts = wording()
    text = texts["briefing"].format(instructions=briefing.instructions, answer=briefing.answer)
    if briefing.example:
        text += texts["example"].format(example="\n".join(_example_lines(briefing.example)))
    return (text + texts["goal"].format(goal=briefing.goal)).strip() + "\n"


def _example_lines(example: Sequence[tuple[str, str]]) -> list[str]:
    lines = []
    for action, observation in example:
        lines += [_line(Item("action", action))] if action else []
        lines += [_line(Item("observation", observation))] if observation else []
    return lines


def _line(item: Item) -> str:
    return wording()[item.kind].format(text=item.text)


def _flat(briefing: Briefing, history: Sequence[Item]) -> tuple[Message, ...]:
    lines = [*map(_line, history), wording()["open_action"]]
    user = _briefing_text(briefing) + "\n" + "\n".join(lines)
    return (Message("system", wording()["system"]), Message("user", user))


def _chat(briefing: Briefing, history: Sequence[Item]) -> tuple[Message, ...]:
    messages = [Message("system", wording()["system"] + "\n\n" + _briefing_text(briefing))]
    for item in history:
        role: Literal["user", "assistant"] = "assistant" if item.kind == "action" else "user"
        text = item.text if item.kind == "action" else _line(item)
        if messages[-1].role == role:  # some chat templates insist on alternating roles
            messages[-1] = Message(role, messages[-1].content + "\n" + text)
        elif len(messages) == 1 and role == "assistant":  # … that begin with the user
            messages += [Message("user", wording()["observation"].format(text="…")), Message(role, text)]
        else:
            messages.append(Message(role, text))
    return tuple(messages)


def _terse(briefing: Briefing, history: Sequence[Item]) -> tuple[Message, ...]:
    rules = wording()["terse"].format(answer=briefing.answer_in_brief, goal=briefing.goal)
    return (Message("system", rules), *_bare(briefing, history))


def _bare(briefing: Briefing, history: Sequence[Item]) -> tuple[Message, ...]:
    messages: list[Message] = []
    for item in history:
        messages += item.messages or [Message("assistant" if item.kind == "action" else "user", item.text)]
    return tuple(messages)


def _filled(messages: tuple[Message, ...], filler: str) -> tuple[Message, ...]:
    place = next((place for place, each in enumerate(messages) if each.role == "user"), None)
    if not filler or place is None:
        return messages
    filled = Message("user", filler + messages[place].content)
    return (*messages[:place], filled, *messages[place + 1 :])


def _cut_middle(
    messages: tuple[Message, ...], count_tokens: Callable[[Sequence[Message]], int], budget_tokens: int
) -> tuple[Message, ...]:
    """Return the messages with the middle of the last cut out, so that they fit in `budget_tokens`.

    The halves that stay are equal in characters, where LongBench's are in tokens: only counting is asked of
    an engine.
    """
    *before, last = messages
    text = last.content

    def keeping(kept_chars: int) -> tuple[Message, ...]:
        head = kept_chars // 2
        return (*before, Message(last.role, text[:head] + text[len(text) - (kept_chars - head) :]))

    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if count_tokens(keeping(middle)) <= budget_tokens:
            fits = middle
        else:
            too_long = middle
    return keeping(fits)
