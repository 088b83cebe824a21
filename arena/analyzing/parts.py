"""Which part of a reply each of its characters belongs to: thought, tool name, argument value and so on.

A reply by the `json` protocol has thoughts, the call's `tool name`, its `argument name`s and `argument
value`s, and `syntax`: quotes, braces, colons, the fixed words around them. One by the `text` protocol has
thoughts, its `action`, and `syntax` (the label before it). What is left of either, and all of a reply that
gave no action, is `other text`. Whole replies (one-step benchmarks) are one `answer`.
"""

import re
from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from arena.protocol import thought
from arena.protocol.call import LLAMA, MISTRAL, Call, call_in
from arena.protocol.dialects import Dialect, SpokenCall, dialects, listen, marked_dialect
from arena.protocol.strict_json import Document, NotJson, Path, read
from arena.records import Turn

THOUGHT, SYNTAX, OTHER = "thought", "syntax", "other text"
TOOL_NAME, ARGUMENT_NAME, ARGUMENT_VALUE = "tool name", "argument name", "argument value"
ACTION, ANSWER = "action", "answer"
PARTS = (THOUGHT, TOOL_NAME, ARGUMENT_NAME, ARGUMENT_VALUE, ACTION, ANSWER, SYNTAX, OTHER)

_MOST_PLACES = 32
_OPENING = re.compile(r"[{\[]")
_THOUGHT_LINE = re.compile(
    r"^[ \t]*(?:thoughts?|think)[ \t]*[0-9]*[ \t]*:[^\n]*", re.IGNORECASE | re.MULTILINE
)
_LABEL = re.compile(r"^[ \t]*action[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)
_PYTHON_VALUE = re.compile(r"""'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+"|[^,()\[\]{}]++""")
"""A string of Python, or what stands up to the next comma or bracket."""
_QUOTES = 1
"""Characters at each end of a JSON string that are syntax."""


def parts_of_reply(turn: Turn, protocol: str, dialect: str | None = None) -> NDArray[np.int8]:
    """Return the part of each character of a turn's reply, as an index into `PARTS`.

    `protocol` is the contestant's: `json`, `text` or `whole`; `dialect` the form in which it was to write
    calls (`arena.protocol.dialects`, or `auto`). Any reply has parts; nothing is raised.
    """
    reply = turn.reply
    parts = np.full(len(reply), PARTS.index(OTHER), dtype=np.int8)
    if protocol == "whole":
        parts[:] = PARTS.index(ANSWER)
        return parts
    body = _mark_thoughts(parts, reply)
    if protocol == "json":
        of = dialects().get(dialect or "")
        if of is None and not _mark_call(parts, reply, body) and dialect:
            of = marked_dialect(reply)
        if of is not None:
            _mark_spoken(parts, reply, of)
    elif turn.action:
        _mark_action(parts, body, turn.action)
    return parts


def parts_of_tokens(parts: NDArray[np.int8], offsets: Sequence[tuple[int, int]]) -> list[str]:
    """Return the part of each token, given the characters [start, end) that it stands for.

    A token over several parts (`":"` and the first letters of a name) belongs to what it has most of, and of
    two with as much to that which is not syntax. One that stands for no character goes with the one before.
    """
    found: list[str] = []
    for start, end in offsets:
        counts = np.bincount(parts[start:end], minlength=len(PARTS))
        if not counts.any():
            found.append(found[-1] if found else OTHER)
            continue
        best = counts.max()
        found.append(next(part for part, count in zip(PARTS, counts, strict=True) if count == best))
    return found


def _mark_thoughts(parts: NDArray[np.int8], reply: str) -> str:
    """Mark thoughts, and return the reply with blanks in their place."""
    body = thought.split(reply).body
    body = _THOUGHT_LINE.sub(lambda line: " " * len(line[0]), body)
    blanked = np.fromiter(
        (before != after for before, after in zip(reply, body, strict=True)), dtype=bool, count=len(reply)
    )
    if blanked.any():
        # from the first blanked character to the last: blanks within a thought are part of it
        for start, end in _runs(blanked, reply):
            parts[start:end] = PARTS.index(THOUGHT)
    return body


def _runs(marked: NDArray[np.bool_], reply: str) -> list[tuple[int, int]]:
    """Return where marked characters stand, joined over white space between them."""
    runs: list[tuple[int, int]] = []
    for place in np.flatnonzero(marked).tolist():
        if runs and not reply[runs[-1][1] : place].strip():
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs


def _mark_call(parts: NDArray[np.int8], reply: str, body: str) -> bool:
    """Mark the call of a reply in plain JSON; False where there is none."""
    call = _call(body)
    if call is None:
        return False
    start, end = call.document.span
    parts[start:end] = PARTS.index(SYNTAX)
    _mark_inside(parts, reply, call.name_span, TOOL_NAME)
    _mark_arguments(parts, reply, call.document, call.prefix)
    return True


def _mark_spoken(parts: NDArray[np.int8], reply: str, of: Dialect) -> None:
    """Mark the first call of a reply in a dialect, and the markers around it."""
    spoken = listen(reply, of)
    if not spoken.calls:
        return
    call = spoken.calls[0]
    start, end = call.span
    for marker in {marker for pair in of.markers for marker in pair}:
        for found in re.finditer(re.escape(marker), reply):
            parts[found.start() : found.end()] = PARTS.index(SYNTAX)
    parts[start:end] = PARTS.index(SYNTAX)
    try:
        document = read(reply, start)
    except NotJson:  # a call of Python
        _mark_python(parts, reply, call)
        return
    inside = () if isinstance(document.value, dict) else (0,)
    keys = ((*inside, key) for key in ("arguments", "parameters"))
    prefix = next((key for key in keys if key in document.values), None)
    if prefix is not None and (*inside, "name") in document.values:
        _mark_inside(parts, reply, document.values[*inside, "name"], TOOL_NAME)
        _mark_arguments(parts, reply, document, prefix)
        return
    # only the arguments are JSON, and the name stands before them
    name = str(call.name)
    at = reply.rfind(name, 0, start)
    if at >= 0:
        parts[at : at + len(name)] = PARTS.index(TOOL_NAME)
    _mark_arguments(parts, reply, document, ())


def _mark_python(parts: NDArray[np.int8], reply: str, call: SpokenCall) -> None:
    start, end = call.span
    at = reply.find(str(call.name), start, end)
    if at < 0 or not isinstance(call.arguments, dict):
        return
    parts[at : at + len(str(call.name))] = PARTS.index(TOOL_NAME)
    at += len(str(call.name))
    for name in call.arguments:
        found = re.compile(rf"\b{re.escape(str(name))}\s*=\s*").search(reply, at, end)
        if found is None:
            return
        parts[found.start() : found.start() + len(str(name))] = PARTS.index(ARGUMENT_NAME)
        value = _PYTHON_VALUE.match(reply, found.end(), end)
        at = value.end() if value else found.end()
        _mark_inside(parts, reply, (found.end(), at), ARGUMENT_VALUE)


def _mark_arguments(parts: NDArray[np.int8], reply: str, document: Document, prefix: Path) -> None:
    depth = len(prefix)
    for path, span in document.names.items():
        if len(path) > depth and path[:depth] == prefix:
            _mark_inside(parts, reply, span, ARGUMENT_NAME)
    for path, span in document.values.items():
        inside = len(path) > depth and path[:depth] == prefix
        if inside and reply[span[0]] not in "{[":
            _mark_inside(parts, reply, span, ARGUMENT_VALUE)
    if prefix in document.values and reply[document.values[prefix][0]] == '"':
        # the arguments are written as a string that holds an object: it is one value
        _mark_inside(parts, reply, document.values[prefix], ARGUMENT_VALUE)


def _mark_inside(parts: NDArray[np.int8], reply: str, span: tuple[int, int], part: str) -> None:
    start, end = span
    if reply[start : start + 1] in ('"', "'"):
        start, end = start + _QUOTES, end - _QUOTES
    parts[start:end] = PARTS.index(part)


def _call(body: str) -> Call | None:
    for opening in islice(_OPENING.finditer(body), _MOST_PLACES):
        try:
            found = call_in(read(body, opening.start()), _marker_before(body, opening.start()))
        except NotJson:
            continue
        if isinstance(found, Call):
            return found
    return None


def _marker_before(body: str, place: int) -> str:
    before = body[:place].rstrip()
    return next((marker for marker in (MISTRAL, LLAMA) if before.endswith(marker)), "")


def _mark_action(parts: NDArray[np.int8], body: str, action: str) -> None:
    label = _LABEL.search(body)
    start = body.find(action, label.end() if label else 0)
    if start < 0:
        return
    if label and label.end() <= start:
        parts[label.start() : label.end()] = PARTS.index(SYNTAX)
    parts[start : start + len(action)] = PARTS.index(ACTION)
