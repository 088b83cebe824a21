"""The `json` protocol: a reply is exactly one tool call as JSON, in a form that `call.py` lists.

A reply that is one JSON value as it stands has no thoughts in it, whatever its strings say; in any other,
thoughts are split off first. What fails is told in this order: no end (`unfinished_thought`), nothing
(`empty`), no sign of a call (`no_action`), a call that is no JSON (`truncated` where the token limit cut it,
else `not_json`; either is `repeated` where the reply ends in a loop), JSON that is no call (`wrong_shape`), a
call with other text around it (`trailing_text`, also where the call itself is wrong: then it has no repair),
and what the tools say of the call (`schema.py`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from arena.engines.base import FinishReason
from arena.protocol import repair, thought, wording
from arena.protocol.base import Decision, Failure, FailureKind
from arena.protocol.call import HERMES, HERMES_END, LLAMA, MISTRAL, Call, call_in, canonical
from arena.protocol.loops import repeated
from arena.protocol.quoting import Span, excerpt
from arena.protocol.schema import check
from arena.protocol.signature import signature
from arena.protocol.strict_json import Document, NotJson, read, skip_space
from arena.protocol.tools import Tool, toolbox

MAX_ATTEMPTS = 8
"""How many places in a reply are tried as the beginning of a call."""

_MARKER = re.compile("|".join(map(re.escape, (HERMES, MISTRAL, LLAMA))))
_OPENING = re.compile(r"""(?:\[\s*+)?\{(?=\s*+(?:["'\u201c}]|\w++\s*+[:=]|\Z))""")
"""A brace with a name or a closing brace behind it: `{"name"`, `{'name'`, `{name:`, `{}`, a cut `{`."""


@dataclass(frozen=True)
class _Found:
    """A JSON value in a reply, what it is as a call, and the text around it, if any."""

    document: Document
    shape: Call | Failure
    around: Span | None


@dataclass(frozen=True)
class _Broken:
    """Something that begins like a call, at its marker or its JSON, and can't be read."""

    begin: int
    start: int
    error: NotJson


class JsonProtocol:
    """One JSON tool call a reply (`ReplyProtocol`)."""

    name = "json"

    def parse(
        self, reply: str, finish_reason: FinishReason = "stop", tools: Sequence[Mapping[str, Any]] = ()
    ) -> Decision:
        """Return the decision that a reply holds, its call checked against the tools where there are any."""
        known = toolbox(tools)
        whole = _whole(reply)
        if whole:
            return _decision("", reply, whole, known)
        reading = thought.split(reply)
        if reading.unfinished is not None:
            span = (reading.unfinished, len(reply))
            failure = Failure(FailureKind.UNFINISHED_THOUGHT, span, "the end of the thought", "none")
            return Decision(reading.thought, failure=failure)
        found = _whole(reading.body) or _search(reading.body)
        if isinstance(found, _Found):
            return _decision(reading.thought, reply, found, known)
        failure = _nothing_found(reply, reading.body, found, finish_reason, known)
        return Decision(reading.thought, failure=failure)

    def render(self, action: str, call: Mapping[str, Any] | None) -> str:
        """Return the call as canonical JSON. Raises `ValueError` where there is none."""
        if call is None:
            raise ValueError(f"the action {excerpt(action)!r} can't be written as a tool call")
        return canonical(call["name"], call["arguments"])

    def in_history(self, action: str) -> str:
        """Return the action itself."""
        return action

    def describe(self, tools: Sequence[Mapping[str, Any]] = ()) -> str:
        """Return the words that tell a model how to answer, and the tools. Raises `UsageError`."""
        return wording.texts()["json"]["answer"] + self.describe_tools(tools)

    def describe_tools(self, tools: Sequence[Mapping[str, Any]]) -> str:
        """Return the words that present the tools; empty without any. Raises `UsageError`."""
        texts = wording.texts()["json"]
        lines = [signature(tool) for tool in toolbox(tools).values()]
        return "\n" + texts["tools"].format(tools="\n".join(lines)) if lines else ""

    def in_brief(self) -> str:
        """Return one sentence that says which form is wanted, for agents that have learned it."""
        return str(wording.texts()["json"]["in_brief"])

    def complaint(self, failure: Failure) -> str:
        """Return the observation that answers a reply without an action."""
        return wording.complaint("json", failure)


def _decision(thoughts: str, reply: str, found: _Found, known: Mapping[str, Tool]) -> Decision:
    shape = found.shape
    if isinstance(shape, Failure):
        fixed = repair.repaired_value(found.document.value, known)
        return Decision(thoughts, failure=replace(shape, repair=fixed))
    if found.around:
        got = excerpt(reply[slice(*found.around)])
        fixed = repair.allowed(shape, known)
        extra = Failure(FailureKind.TRAILING_TEXT, found.around, "nothing but the call", got, repair=fixed)
        return Decision(thoughts, failure=extra)
    wrong = check(shape, known)
    if wrong:
        return Decision(thoughts, failure=wrong)
    return Decision(thoughts, action=shape.canonical)


def _nothing_found(
    reply: str, body: str, broken: _Broken | None, finish_reason: FinishReason, known: Mapping[str, Tool]
) -> Failure:
    start, end = _trimmed(body, 0, len(body))
    if start == end:
        return Failure(FailureKind.EMPTY, (0, len(body)), "a tool call", "nothing")
    loop = repeated(reply, body)
    if loop:
        return loop
    if broken is None:
        return Failure(FailureKind.NO_ACTION, (start, end), "a tool call", excerpt(body[start:end]))
    error = broken.error
    fixed = repair.repaired_text(body[broken.start : end].removesuffix(HERMES_END), known)
    if error.cut and finish_reason == "length":
        span = (broken.begin, len(body))
        return Failure(FailureKind.TRUNCATED, span, error.expected, "the token limit", repair=fixed)
    return Failure(FailureKind.NOT_JSON, error.span, error.expected, error.got, repair=fixed)


def _whole(text: str) -> _Found | None:
    """Return the JSON value that a text is, or None."""
    start, end = _trimmed(text, 0, len(text))
    try:
        document = read(text, start)
    except NotJson:
        return None
    return _Found(document, call_in(document), None) if document.span[1] == end else None


def _search(body: str) -> _Found | _Broken | None:
    """Return the first call in a text; else the first thing that begins like one; else None."""
    first: _Found | _Broken | None = None
    looked_until = 0
    for marker, before, start in islice(_openings(body), MAX_ATTEMPTS):
        if start < looked_until:
            continue
        try:
            document = read(body, start)
        except NotJson as error:
            first = first or _Broken(before, start, error)
            looked_until = error.span[0]
            continue
        looked_until = document.span[1]
        found = _Found(document, call_in(document, marker), _around(body, before, document))
        if isinstance(found.shape, Call):
            return found
        first = first or found
    return first


def _openings(body: str) -> Iterator[tuple[str, int, int]]:
    """Yield places where a call may begin: the marker before it, where that begins, where the JSON begins."""
    marker, opening = _MARKER.search(body), _OPENING.search(body)
    if marker and not (opening and opening.start() < marker.start()):
        yield marker[0], marker.start(), skip_space(body, marker.end())
        return
    start, _ = _trimmed(body, 0, len(body))
    if body.startswith("{", start):  # whatever follows: in front, it can only be meant as a call
        yield "", start, start
    for opening in _OPENING.finditer(body):
        yield "", opening.start(), opening.start()


def _around(body: str, before: int, document: Document) -> Span | None:
    """Return the text around a call: what stands before it, or else after it."""
    lead = _trimmed(body, 0, before)
    if lead[0] < lead[1]:
        return lead
    rest = skip_space(body, document.span[1])
    if body.startswith(HERMES_END, rest):
        rest += len(HERMES_END)
    rest_span = _trimmed(body, rest, len(body))
    return rest_span if rest_span[0] < rest_span[1] else None


def _trimmed(text: str, start: int, end: int) -> Span:
    """Return the part of a span that is left without the white space at its ends."""
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    return start, max(start, start + len(part.strip()))
