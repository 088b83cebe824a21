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
    """One failure: what was expected, what was there, and where.

    `span` is where in the reply (character offsets, end exclusive), `json_path` where in the call (such as
    `$.arguments.room`), `repair` the call that a repair would make of it (canonical JSON; a diagnosis, never
    played).
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


def failure_to_json(failure: Failure) -> dict[str, Any]:
    """Return a failure as a JSON-able dict; `failure_from_json` reads it back."""
    return {
        "kind": failure.kind.value,
        "span": list(failure.span),
        "expected": failure.expected,
        "got": failure.got,
        "json_path": failure.json_path,
        "repair": failure.repair,
    }


def failure_from_json(data: Mapping[str, Any]) -> Failure:
    """Read a failure that `failure_to_json` wrote. Raises `ValueError` where it is not one."""
    try:
        kind, (start, end) = FailureKind(data["kind"]), data["span"]
        texts = [data["expected"], data["got"]]
        optional = [data.get("json_path"), data.get("repair")]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a recorded failure: {error}") from error
    offsets_fit = type(start) is type(end) is int and 0 <= start <= end
    texts_fit = all(
        isinstance(text, str) for text in (*texts, *(text for text in optional if text is not None))
    )
    if not (offsets_fit and texts_fit):
        raise ValueError("not a recorded failure: a field has the wrong type")
    return Failure(kind, (start, end), *texts, *optional)


class ReplyProtocol(Protocol):
    """How replies are asked for and read. Reading is total: any string gives a decision, in linear time."""

    @property
    def name(self) -> str:
        """Name of the protocol, as settings and records give it."""

    def parse(
        self, reply: str, finish_reason: FinishReason = "stop", tools: Sequence[Mapping[str, Any]] = ()
    ) -> Decision:
        """Return the decision that a reply holds; raises nothing, whatever the reply.

        Raises `UsageError` where the tools themselves are broken, as `describe` does before the first reply.
        """

    def render(self, action: str, call: Mapping[str, Any] | None) -> str:
        """Return the reply that means this action (`call`: the same as a tool call, where there is one).

        Raises `ValueError` where the protocol has no reply that means it.
        """

    def in_history(self, action: str) -> str:
        """Return how an action of the past stands in the prompt."""

    def describe(self, tools: Sequence[Mapping[str, Any]] = ()) -> str:
        """Return the words that tell a model how to answer. Raises `UsageError` where a tool is broken."""

    def in_brief(self) -> str:
        """Return one sentence that says which form is wanted, for agents that have learned it."""

    def complaint(self, failure: Failure) -> str:
        """Return the observation that answers a reply without an action: one sentence, what and where."""
