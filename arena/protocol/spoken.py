"""The `json` protocol for models that write tool calls in a dialect of their own (`dialects.toml`).

With a dialect's name, the model is told that form, sees examples and its own past calls in it, and its
replies are read in it and in no other. With `auto` it is told the plain form, and a reply that is no plain
call is read in the dialect whose marker it holds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from arena.engines.base import FinishReason
from arena.protocol import wording
from arena.protocol.base import Decision, FailureKind
from arena.protocol.dialects import decide, dialect, marked_dialect, write
from arena.protocol.json_call import JsonProtocol
from arena.protocol.strict_json import read

AUTO = "auto"


class SpokenProtocol(JsonProtocol):
    """One tool call a reply, in a dialect (`ReplyProtocol`)."""

    def __init__(self, name: str) -> None:
        """Take a dialect's name, or `auto`. Raises `UsageError` for others."""
        self._own = None if name == AUTO else dialect(name)

    def parse(
        self, reply: str, finish_reason: FinishReason = "stop", tools: Sequence[Mapping[str, Any]] = ()
    ) -> Decision:
        """Return the decision that a reply holds, its call checked against the tools where there are any."""
        if self._own is not None:
            return decide(reply, self._own, finish_reason, tools)
        plain = super().parse(reply, finish_reason, tools)
        # plain JSON first: a marker in one of its strings is no marker
        marked = None if plain.action is not None else marked_dialect(reply)
        if marked is None:
            return plain
        spoken = decide(reply, marked, finish_reason, tools)
        is_told_better = plain.failure is not None and plain.failure.kind is not FailureKind.NO_ACTION
        return plain if spoken.action is None and is_told_better else spoken

    def render(self, action: str, call: Mapping[str, Any] | None) -> str:
        """Return the call as the family writes it. Raises `ValueError` where there is none, or it can't."""
        plain = super().render(action, call)
        if self._own is None:
            return plain
        assert call is not None
        return write(call["name"], call["arguments"], self._own)

    def in_history(self, action: str) -> str:
        """Return a past call as the family writes it."""
        if self._own is None:
            return action
        call = read(action).value
        try:
            return write(call["name"], call["arguments"], self._own)
        except ValueError:  # a name that this family can't write: as the environment got it
            return action

    def describe(self, tools: Sequence[Mapping[str, Any]] = ()) -> str:
        """Return the words that tell a model how to answer, and the tools. Raises `UsageError`."""
        if self._own is None:
            return super().describe(tools)
        form = write("TOOL", {"ARGUMENT": "VALUE"}, self._own)
        answer: str = wording.texts()["json"]["answer_in_form"]
        return answer.format(form=form) + self.describe_tools(tools)
