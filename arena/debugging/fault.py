"""Whose fault a failed turn is: the model's, its parser's, its template's or its engine's (`faults.toml`).

What the record alone can tell: a reply is read again in every dialect that we know, and where one of them
finds a call that the tools allow, the parser lost it; markers of calls that are broken, doubled or inside a
call are a fault of markers; a reply that goes on past its call into what the environment would say lacked a
stop sequence; all else follows from the kind of failure. What needs the model to be asked again
is in `replaying.py`, what needs its chat template in `template.py`.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Literal

from arena.burden import was_refused
from arena.debugging.listing import REFUSED
from arena.engines.base import FinishReason
from arena.errors import UsageError
from arena.protocol import protocol
from arena.protocol.base import Decision, FailureKind
from arena.protocol.dialects import Dialect, decide, dialects, listen
from arena.protocol.markers import broken_marker, marker_in
from arena.records import Turn

FaultName = Literal["trigger", "marker", "json", "schema", "decision", "parser", "template", "engine", "stop"]
FAULTS: Sequence[FaultName] = (
    *("trigger", "marker", "json", "schema", "decision"),
    *("stop", "parser", "template", "engine"),
)

_TAKEN_OUT = {
    FailureKind.TRAILING_TEXT: "a call stands in other text",
    FailureKind.WRONG_SHAPE: "a call in the form of another family",
}
"""Failures whose repair changes nothing in the call, and only takes it out of what is around it."""
_NEXT_STEP = re.compile(
    r"(?:^|(?<=\s))((?:observation|environment|action|user|human|tool (?:result|response))[ \t0-9]{0,9}:)",
    re.IGNORECASE,
)
"""Where a reply begins to write somebody else's part, or its own next step."""
_MOST_NEXT_STEPS = 20
_BEGUN = (FailureKind.NOT_JSON, FailureKind.TRUNCATED)
"""Failures of a reply in which plain JSON was begun."""
_CALLS = ("unknown_tool", "missing_argument", "unexpected_argument", "wrong_type", "invalid_value")
"""Failures of a reply that is a call in form."""
_PUNCTUATION = re.compile(r'\s*+(?:[\[\]{}:,"]|\Z)')
"""What begins like this, beside a call, is no text but JSON gone wrong."""


@dataclass(frozen=True)
class Fault:
    """Whose fault; `why` in a few words, `span` where in the reply it shows."""

    name: FaultName
    why: str
    span: tuple[int, int] | None = None


def kind_of(turn: Turn) -> str | None:
    """Return how a turn failed: a kind of failure, `refused`, or None where it didn't."""
    if turn.failure is not None:
        return turn.failure.kind.value
    return None if turn.valid else REFUSED


def fault_of(
    turn: Turn, read_as: str, tools: Sequence[Mapping[str, Any]] = (), dialect: str | None = None
) -> Fault | None:
    """Return whose fault a turn is; None where it did not fail, or its environment broke.

    `read_as` is the protocol that read the reply, `dialect` the one it was told to expect; `tools` are those
    that the model was offered (none: any call counts as allowed).
    """
    kind = kind_of(turn)
    if kind is None or kind == FailureKind.ENVIRONMENT_ERROR:
        return None
    if read_as == "json" and turn.failure is not None:
        is_format = turn.failure.kind.is_format
        if label := ran_on_at(turn, tools, dialect):
            return Fault("stop", f"at {label!r} the reply goes on past its call", turn.failure.span)
        if (several := _several_calls(turn, dialect)) is not None:
            return Fault("schema", f"expected one call, got {several} calls", turn.failure.span)
        found = finder(turn, tools, dialect) if is_format else None
        if found:
            return Fault("parser", found)
        stray = marker_in(turn.reply, turn.failure.span)
        broken = (broken_marker(turn.reply) if is_format else None) or stray
        if broken:
            return Fault("marker", broken.what, broken.span)
        if dialect and turn.failure.kind is FailureKind.NO_ACTION:
            plain = _read(_read_json, turn.reply, _finish(turn), tools).failure
            if plain is not None and plain.kind in _BEGUN:
                return Fault("json", f"expected {plain.expected}, got {plain.got}", plain.span)
    return Fault(_by_kind()[kind], _why(turn), turn.failure.span if turn.failure else None)


def ran_on_at(turn: Turn, tools: Sequence[Mapping[str, Any]], dialect: str | None) -> str | None:
    """Return the words at which a reply went on past a call, as a stop sequence; None where it did not.

    It did where the environment's next words, or another step, begin behind a call: what stands before them
    is read, as it was configured, as one call and nothing else, whether or not the tools allow it.
    """
    if turn.failure is None or turn.failure.kind is not FailureKind.TRAILING_TEXT:
        return None
    of = dialects().get(dialect or "")
    for label in islice(_NEXT_STEP.finditer(turn.reply), _MOST_NEXT_STEPS):
        reply = turn.reply[: label.start()].rstrip()
        found = _read(decide, reply, of, "stop", tools) if of else _read(_read_json, reply, "stop", tools)
        if found.failure is None or found.failure.kind.value in _CALLS:
            return label[1]
    return None


def finder(turn: Turn, tools: Sequence[Mapping[str, Any]], dialect: str | None) -> str | None:
    """Return who finds a call that the tools allow in a reply that the configured parser found none in."""
    failure, finish = turn.failure, _finish(turn)
    for name, each in dialects().items():
        # `decide` would also mend what is broken, which takes its time and says nothing here
        is_one_call = name != dialect and _has_one_call(turn.reply, each)
        if is_one_call and _allowed(decide, turn.reply, each, finish, tools):
            return f"the dialect {name} ({each.title}) finds a call"
    if dialect:
        plain = _read(_read_json, turn.reply, finish, tools)
        if plain.action is not None:
            return "plain JSON finds a call"
        if plain.failure is not None and plain.failure.kind in _TAKEN_OUT and plain.failure.repair:
            return f"plain JSON finds a call: {_TAKEN_OUT[plain.failure.kind]}"
    if failure is not None and failure.repair and not _PUNCTUATION.match(turn.reply, failure.span[0]):
        return _TAKEN_OUT.get(failure.kind)
    return None


def _several_calls(turn: Turn, dialect: str | None) -> int | None:
    """Return how many calls a reply has that failed for having more than one; None where it has not.

    They are whole, so neither their markers nor their JSON are to blame, nor is who reads them.
    """
    if turn.failure is None or turn.failure.kind not in _TAKEN_OUT:
        return None
    of = dialects().get(dialect or "")
    heard = [listen(turn.reply, each) for each in ([of] if of else dialects().values())]
    most = max((len(spoken.calls) for spoken in heard if spoken.broken is None), default=0)
    return most if most > 1 else None


def _finish(turn: Turn) -> FinishReason:
    return "length" if turn.finish_reason == "length" else "stop"


def faults() -> Mapping[str, Mapping[str, Any]]:
    """Return what each fault means and what mends it, in words: {name: {means, mend}}."""
    return _table()


def _read_json(reply: str, finish: Any, tools: Sequence[Mapping[str, Any]] = ()) -> Any:
    return protocol("json").parse(reply, finish, tools)


def _has_one_call(reply: str, of: Dialect) -> bool:
    spoken = listen(reply, of)
    return spoken.broken is None and len(spoken.calls) == 1


def _allowed(read: Any, *arguments: Any) -> bool:
    return _read(read, *arguments).action is not None


def _read(read: Any, *arguments: Any) -> Decision:
    try:
        found: Decision = read(*arguments)
    except UsageError:  # tools from a log that are none: the call is judged without them
        found = read(*arguments[:-1])
    return found


def _why(turn: Turn) -> str:
    failure = turn.failure
    if failure is None and was_refused(turn.action or "", turn.outcome):
        return "the call is of a tool that is not the task's, and was offered beside its own"
    if failure is None:
        return "the call was read, and the environment did nothing with it"
    return f"expected {failure.expected}, got {failure.got}"


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    text = files("arena.debugging").joinpath("faults.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _by_kind() -> Mapping[str, FaultName]:
    return {kind: name for name in FAULTS for kind in _table()[name]["kinds"]}
