"""The `text` protocol: one action line, as AgentBoard reads it, with ReAct thoughts before it.

From AgentBoard (agents/vanilla_agent.py, `action_parser_for_special_llms`), in its order, the first line
that one of these holds for gives the action, and all after it is ignored:

1. what stands before its first colon ends in `with action input`: the whole line (a tool call in text form);
2. it holds `action` (any case) and a colon with something after it: what follows the first colon;
3. it holds `action` and `is to`: what follows that.

Otherwise the line after one that announces the `next action` and ends in a colon; otherwise the first line.
White space, slashes and quotes around the action are stripped.

What differs: lines that begin with `Thought:` or `Think:` are the model's thought (AgentBoard's ReAct agent
asks again after each; here they come in one reply with the action); a label with nothing behind it
(`Action:`) is no action, where AgentBoard plays the label; double quotes around the whole action are
stripped, where AgentBoard strips single ones only; a line that was cut at the token limit is not played.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from arena.engines.base import FinishReason
from arena.protocol import thought, wording
from arena.protocol.base import Decision, Failure, FailureKind
from arena.protocol.loops import repeated
from arena.protocol.quoting import Span, excerpt

_THOUGHT = re.compile(r"\s*+(?:thoughts?|think)\s*+[0-9]*+\s*+:", re.IGNORECASE)
_LABEL = re.compile(r"\s*+action\s*+:\s*+", re.IGNORECASE)
_EDGES = " \t'/"


class _Line(NamedTuple):
    text: str
    start: int
    ended: bool

    @property
    def span(self) -> Span:
        return self.start, self.start + len(self.text)


@dataclass(frozen=True)
class _Choice:
    """The line that holds the action, and the action in it. `by_rule`: it is not just the first line."""

    line: _Line
    action: str
    by_rule: bool


class TextProtocol:
    """One action line a reply (`ReplyProtocol`)."""

    name = "text"

    def parse(
        self, reply: str, finish_reason: FinishReason = "stop", tools: Sequence[Mapping[str, Any]] = ()
    ) -> Decision:
        """Return the decision that a reply holds. Tools are not looked at: the environment reads the line."""
        reading = thought.split(reply)
        thinking, spoken = _lines(reading.body)
        choice = _choose(spoken)

        until = choice.line.start if choice else len(reply)
        said = [line.text.partition(":")[2].strip() for line in thinking if line.start < until]
        thoughts = "\n".join(filter(None, [reading.thought, *said]))

        if reading.unfinished is not None and not (choice and choice.by_rule and choice.action):
            span = (reading.unfinished, len(reply))
            failure = Failure(FailureKind.UNFINISHED_THOUGHT, span, "the end of the thought", "none")
        elif choice and finish_reason == "length" and not choice.line.ended:
            cut = Failure(FailureKind.TRUNCATED, choice.line.span, "a whole action line", "the token limit")
            failure = repeated(reply, reading.body) or cut
        elif choice and choice.action:
            return Decision(thoughts, action=choice.action)
        elif choice:
            got = excerpt(choice.line.text.strip())
            failure = Failure(FailureKind.EMPTY, choice.line.span, "an action", got)
        elif thinking:
            span = (thinking[0].start, thinking[-1].span[1])
            only = Failure(FailureKind.NO_ACTION, span, "an action line", "only thoughts")
            failure = repeated(reply, reading.body) or only
        else:
            failure = Failure(FailureKind.EMPTY, (0, len(reply)), "an action", "nothing")
        return Decision(thoughts, failure=failure)

    def render(self, action: str, call: Mapping[str, Any] | None = None) -> str:
        """Return the line that means this action: itself where it is read so, else labelled, else quoted too.

        Raises `ValueError` where no line means it: it has several lines, blank edges, or closes a thought.
        """
        for reply in (action, f"Action: {action}", f'Action: "{action}"'):
            if self.parse(reply).action == action:
                return reply
        raise ValueError(f"no line of text means the action {excerpt(action)!r}")

    def in_history(self, action: str) -> str:
        """Return the action itself."""
        return action

    def describe(self, tools: Sequence[Mapping[str, Any]] = ()) -> str:
        """Return the words that tell a model how to answer; the environment's own rules name the actions."""
        return wording.texts()["text"]["answer"]

    def in_brief(self) -> str:
        """Return one sentence that says which form is wanted, for agents that have learned it."""
        return str(wording.texts()["text"]["in_brief"])

    def complaint(self, failure: Failure) -> str:
        """Return the observation that answers a reply without an action."""
        return wording.complaint("text", failure)


def _lines(body: str) -> tuple[list[_Line], list[_Line]]:
    """Return the lines that are thoughts and those that are not; blank ones are neither."""
    thinking: list[_Line] = []
    spoken: list[_Line] = []
    start = 0
    for raw in body.splitlines(keepends=True):
        if not raw.isspace():
            text = raw.splitlines()[0]
            kind = thinking if _THOUGHT.match(text) else spoken
            kind.append(_Line(text, start, ended=len(text) < len(raw)))
        start += len(raw)
    return thinking, spoken


def _choose(lines: Sequence[_Line]) -> _Choice | None:
    announced = None
    for i, line in enumerate(lines):
        if "action" not in line.text.lower():
            continue
        before, colon, after = line.text.partition(":")
        if "next action" in line.text and colon and i + 1 < len(lines):
            announced = lines[i + 1]
        if before.lower().endswith("with action input"):
            return _Choice(line, _stripped(line.text), by_rule=True)
        if after.strip():
            return _Choice(line, _stripped(after), by_rule=True)
        told = line.text.partition("is to")[2].partition("is to")[0]
        if told.strip():
            return _Choice(line, _stripped(told), by_rule=True)
    if announced:
        return _Choice(announced, _stripped(announced.text), by_rule=True)
    if not lines:
        return None
    label = _LABEL.fullmatch(lines[0].text)
    return _Choice(lines[0], "" if label else _stripped(lines[0].text), by_rule=False)


def _stripped(text: str) -> str:
    text = text.strip().strip(_EDGES)
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1].strip() if quoted else text
