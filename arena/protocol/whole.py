"""The `whole` protocol: the reply as it is, less its thoughts. For benchmarks that score whole replies.

White space at the edges stays: LongBench compares lines of code with their indentation.

Not chosen by a suite: it is used where an environment's `reply_form` is `whole`. A reply cut at the token
limit is scored as far as it goes, as the originals of these benchmarks do.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from arena.engines.base import FinishReason
from arena.protocol import thought, wording
from arena.protocol.base import Decision, Failure, FailureKind


class WholeReply:
    """The whole reply is the action (`ReplyProtocol`)."""

    name = "whole"

    def parse(
        self, reply: str, finish_reason: FinishReason = "stop", tools: Sequence[Mapping[str, Any]] = ()
    ) -> Decision:
        """Return the reply without its thoughts, or the failure `unfinished_thought` or `empty`."""
        reading = thought.split(reply)
        if reading.rest.strip():
            return Decision(reading.thought, action=reading.rest)
        if reading.unfinished is not None:
            span = (reading.unfinished, len(reply))
            failure = Failure(FailureKind.UNFINISHED_THOUGHT, span, "the end of the thought", "none")
        else:
            failure = Failure(FailureKind.EMPTY, (0, len(reply)), "a reply", "nothing")
        return Decision(reading.thought, failure=failure)

    def render(self, action: str, call: Mapping[str, Any] | None) -> str:
        """Return the action itself."""
        return action

    def in_history(self, action: str) -> str:
        """Return the action itself."""
        return action

    def describe(self, tools: Sequence[Mapping[str, Any]] = ()) -> str:
        """Return nothing: the observation is the request, and says how to answer."""
        return ""

    def in_brief(self) -> str:
        """Return nothing, for the same reason."""
        return ""

    def complaint(self, failure: Failure) -> str:
        """Return what was wrong with the reply, in one sentence."""
        return wording.complaint("whole", failure)
