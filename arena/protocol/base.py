"""What every protocol returns: a decision, which is an action or one failure of a known kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from arena.engines.base import FinishReason


class FailureKind(StrEnum):
    """Why a reply (or the turn it began) came to nothing. Names are fixed: files and reports carry them."""

    EMPTY = "empty"
    UNFINISHED_THOUGHT = "unfinished_thought"
    TRUNCATED = "truncated"
    NO_ACTION = "no_action"
    NOT_JSON = "not_json"
    TRAILING_TEXT = "trailing_text"
    WRONG_SHAPE = "wrong_shape"
    UNKNOWN_TOOL = "unknown_tool"
    MISSING_ARGUMENT = "missing_argument"
    UNEXPECTED_ARGUMENT = "unexpected_argument"
    WRONG_TYPE = "wrong_type"
    INVALID_VALUE = "invalid_value"
    REPEATED = "repeated"
    ENVIRONMENT_ERROR = "environment_error"

    @property
    def is_format(self) -> bool:
        """True where the form is at fault, not the choice of tool or arguments."""
        return self in _FORMAT_KINDS


_FORMAT_KINDS = {
    FailureKind.EMPTY,
    FailureKind.UNFINISHED_THOUGHT,
    FailureKind.TRUNCATED,
    FailureKind.NO_ACTION,
    FailureKind.NOT_JSON,
    FailureKind.TRAILING_TEXT,
    FailureKind.WRONG_SHAPE,
    FailureKind.REPEATED,
}


@dataclass(frozen=True)
class Failure:
    """One failure: where in the reply (`span`, character offsets, end exclusive), where in the call
    (`json_path`, such as `$.arguments.room`), what was expected, what was there, and the call that
    json-repair would make of it (canonical JSON; a diagnosis, never played).
    """

    kind: FailureKind
    span: tuple[int, int]
    expected: str
    got: str
    json_path: str | None = None
    repair: str | None = None


@dataclass(frozen=True)
class Decision:
    """What a reply means: `action` or `failure`, never both, never neither. `thought` is kept apart.

    `action` is what the environment gets: a text action, or a tool call as canonical JSON.
    """

    thought: str
    action: str | None = None
    failure: Failure | None = None

    def __post_init__(self) -> None:
        if (self.action is None) == (self.failure is None):
            raise ValueError("a decision is either an action or a failure")


class ReplyProtocol(Protocol):
    """How replies are asked for and read. Reading is total: any string gives a decision, in linear time."""

    name: str

    def parse(
        self, reply: str, finish_reason: FinishReason = "stop", tools: Sequence[Mapping[str, Any]] = ()
    ) -> Decision:
        """Return the decision that a reply holds; raises nothing, whatever the reply."""

    def render(self, action: str, call: Mapping[str, Any] | None) -> str:
        """Return the reply that means this action (`call`: the same as a tool call, where there is one)."""
