"""Dialects: how model families write tool calls, and what a reply in one of them means.

`dialects.toml` has the forms. A reply is read from left to right: a call begins where a form does, and its
JSON ends where it ends, so that a marker inside an argument means nothing. Text before a call is a thought,
as it is where a server splits the two.
"""

import ast
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from keyword import iskeyword
from typing import Any, Literal

from arena.engines.base import FinishReason
from arena.errors import UsageError
from arena.protocol import repair
from arena.protocol.base import Decision, Failure, FailureKind
from arena.protocol.call import canonical
from arena.protocol.loops import repeated
from arena.protocol.quoting import Span, excerpt
from arena.protocol.strict_json import NotJson, read
from arena.protocol.tools import Tool, toolbox

MAX_CALLS = 64
MAX_PYTHON_CHARS = 20_000

_SPACE = re.compile(r"\s*+")
_PYTHON_PIECES = re.compile(r"""'(?:[^'\\\n]|\\.)*+'?|"(?:[^"\\\n]|\\.)*+"?|[][]""", re.DOTALL)
"""Strings of Python (to the end of the line where they are not closed), and the brackets outside of them."""

Body = Literal["call", "calls", "arguments", "python"]


@dataclass(frozen=True)
class Form:
    """One way to begin a call, and what follows."""

    begin: re.Pattern[str]
    body: Body
    end: re.Pattern[str] | None
    marked: bool


@dataclass(frozen=True)
class Dialect:
    """How a family writes. `around` is taken out of the text beside calls.

    `markers` are those that stand around calls: each as it opens and, where there is one, as it closes.
    `written` is the form in which a call is shown to the model.
    """

    name: str
    title: str
    forms: tuple[Form, ...]
    thought: tuple[str, str] | None
    around: re.Pattern[str] | None
    markers: tuple[tuple[str, ...], ...]
    written: str


@dataclass(frozen=True)
class SpokenCall:
    """A call as written: `arguments` need not be an object. `span` is the place of its JSON or Python."""

    name: Any
    arguments: Any
    span: Span


@dataclass(frozen=True)
class Spoken:
    """A reply in a dialect: its thoughts, its text beside the calls, its calls in order.

    `broken` says where and why a call that was begun can't be read; nothing behind it is read. `begun` is
    how it began. `rest` is where text follows the last call, `start` where the thought before all ends,
    `unfinished` where a thought begins that never ends.
    """

    thought: str
    content: str
    calls: tuple[SpokenCall, ...]
    broken: NotJson | None
    rest: Span | None
    start: int = 0
    begun: re.Match[str] | None = None
    unfinished: int | None = None


@cache
def dialects() -> Mapping[str, Dialect]:
    """Return the dialects by name."""
    table = tomllib.loads(files("arena.protocol").joinpath("dialects.toml").read_text(encoding="utf-8"))
    return {name: _dialect(name, entry) for name, entry in table.items()}


def dialect(name: str) -> Dialect:
    """Return a dialect by name. Raises `UsageError`."""
    if name not in dialects():
        raise UsageError(f"no dialect is called {name!r}", f"dialects: {', '.join(dialects())}")
    return dialects()[name]


def marked_dialect(reply: str) -> Dialect | None:
    """Return the dialect whose marker of a call comes first in a reply; None where there is no marker."""
    found = [
        (match.start(), each.name)
        for each in dialects().values()
        for form in each.forms
        if form.marked and (match := form.begin.search(reply))
    ]
    return dialects()[min(found)[1]] if found else None


def listen(reply: str, of: Dialect) -> Spoken:
    """Read a reply; total: any string gives something, in linear time of its length and its forms."""
    thought, start, unfinished = _thought(reply, of)
    at = start
    texts: list[str] = []
    calls: list[SpokenCall] = []
    broken: NotJson | None = None
    begun: re.Match[str] | None = None
    openings = _Openings(reply, of)
    while len(calls) < MAX_CALLS and (found := openings.next(at)):
        form, match = found
        texts.append(reply[at : match.start()])
        try:
            new, at = _calls(reply, match, form)
        except NotJson as error:
            broken, begun, at = error, match, len(reply)
            break
        if not new:  # JSON that is no call, where only a marker would say that it is meant as one
            texts.append(reply[match.start() : at])
        elif form.end and (end := form.end.match(reply, at)):
            at = end.end()
        calls += new
    texts.append(reply[at:])
    content = _plain("".join(texts), of)
    rest = _rest(reply, at, of) if calls else None
    return Spoken(thought, content, tuple(calls), broken, rest, start, begun, unfinished)


def decide(
    reply: str, of: Dialect, finish_reason: FinishReason = "stop", tools: Sequence[Mapping[str, Any]] = ()
) -> Decision:
    """Return the decision that a reply in a dialect holds: exactly one call, checked against the tools."""
    spoken = listen(reply, of)
    if spoken.unfinished is not None:
        span = (spoken.unfinished, len(reply))
        failure = Failure(FailureKind.UNFINISHED_THOUGHT, span, "the end of the thought", "none")
        return Decision(spoken.thought, failure=failure)
    thoughts = "\n".join(filter(None, (spoken.thought.strip(), spoken.content.strip())))
    body = " " * spoken.start + reply[spoken.start :]
    loop = None if spoken.calls and spoken.broken is None else repeated(reply, body)
    if loop:
        return Decision(thoughts, failure=loop)
    if spoken.broken is not None:
        error = spoken.broken
        cut = error.cut and finish_reason == "length"
        kind, got = (FailureKind.TRUNCATED, "the token limit") if cut else (FailureKind.NOT_JSON, error.got)
        fixed = _repaired(reply, spoken, of, toolbox(tools))
        return Decision(thoughts, failure=Failure(kind, error.span, error.expected, got, repair=fixed))
    if not spoken.calls:
        shown = excerpt(reply.strip())
        kind = FailureKind.NO_ACTION if shown else FailureKind.EMPTY
        failure = Failure(kind, (0, len(reply)), "a tool call", shown or "nothing")
        return Decision(spoken.thought, failure=failure)
    if len(spoken.calls) > 1:
        got = f"{len(spoken.calls)} calls"
        second = Failure(FailureKind.WRONG_SHAPE, spoken.calls[1].span, "one call", got)
        return Decision(thoughts, failure=second)
    if spoken.rest:
        got = excerpt(reply[slice(*spoken.rest)].strip())
        fixed = _checked(spoken.calls[0], tools).action
        extra = Failure(FailureKind.TRAILING_TEXT, spoken.rest, "nothing behind the call", got, repair=fixed)
        return Decision(thoughts, failure=extra)
    return replace(_checked(spoken.calls[0], tools), thought=thoughts)


def _repaired(reply: str, spoken: Spoken, of: Dialect, tools: Mapping[str, Tool]) -> str | None:
    """Return the call that a repair makes of one that can't be read, where the tools allow it."""
    if spoken.begun is None:
        return None
    text = reply[spoken.begun.end() :]
    for marker in (pair[-1] for pair in of.markers):
        text = text.partition(marker)[0]
    named = spoken.begun.groupdict().get("name")
    if named is None:
        return repair.repaired_text(text, tools)
    return repair.repaired_text(f'{{"name": {json.dumps(named.strip())}, "arguments": {text}}}', tools)


def write(name: str, arguments: Mapping[str, Any], of: Dialect) -> str:
    """Return a call as the family writes it. Raises `ValueError` where it can't say it."""
    compact = json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    call = f'{{"name": {json.dumps(name, ensure_ascii=False)}, "arguments": {compact}}}'
    return of.written.format(
        call=call,
        parameters=call.replace('"arguments"', '"parameters"', 1) if '"arguments"' not in name else call,
        name=name,
        arguments=compact,
        python=_in_python(name, arguments) if "{python}" in of.written else "",
    )


def _in_python(name: str, arguments: Mapping[str, Any]) -> str:
    for word in (*name.split("."), *arguments):
        if not word.isidentifier() or iskeyword(word):
            raise ValueError(f"{excerpt(word)!r} is no name in Python")
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _checked(call: SpokenCall, tools: Sequence[Mapping[str, Any]]) -> Decision:
    from arena.protocol import protocol

    written = _written(call)
    if written is None:
        got = "something else" if isinstance(call.name, str) else "no name"
        wrong = Failure(FailureKind.WRONG_SHAPE, call.span, "a name and an object of arguments", got)
        return Decision("", failure=wrong)
    decision = protocol("json").parse(written, "stop", tools)
    if decision.failure is None:
        return decision
    # spans of the canonical form mean nothing in the reply: the call's own place does
    return Decision("", failure=replace(decision.failure, span=call.span))


def _written(call: SpokenCall) -> str | None:
    """Return a call as canonical JSON; None where it is none (a Python set is no value of JSON)."""
    # arguments as a string that holds the object are OpenAI's wire form; the json protocol reads it
    if not isinstance(call.name, str) or not isinstance(call.arguments, dict | str):
        return None
    try:
        text = canonical(call.name, call.arguments)  # type: ignore[arg-type]
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return None
    return text


def _dialect(name: str, entry: Mapping[str, Any]) -> Dialect:
    forms = tuple(
        Form(
            re.compile(form["begin"]),
            form["body"],
            re.compile(form["end"]) if "end" in form else None,
            form.get("marked", False),
        )
        for form in entry["forms"]
    )
    thought = (entry["thought"][0], entry["thought"][1]) if "thought" in entry else None
    around = re.compile("|".join(entry["around"])) if "around" in entry else None
    markers = tuple(map(tuple, entry["markers"]))
    return Dialect(name, entry["title"], forms, thought, around, markers, entry["written"])


def _thought(reply: str, of: Dialect) -> tuple[str, int, int | None]:
    """Return the thought that a reply begins with, and where it ends; the prompt may have opened it.

    And where it begins, if it never ends.
    """
    if of.thought is None:
        return "", 0, None
    opening, closing = of.thought
    start = len(reply) - len(reply.lstrip())
    opened = reply.startswith(opening, start)
    end = reply.find(closing)
    first = _Openings(reply, of).next(0)
    if not opened and (end < 0 or (first and first[1].start() < end)):
        return "", 0, None
    if end < 0:
        return reply[start + len(opening) :].strip(), len(reply), start
    return reply[start + len(opening) if opened else 0 : end].strip(), end + len(closing), None


class _Openings:
    """The places where calls begin, from left to right; no form is looked for twice in the same text."""

    def __init__(self, reply: str, of: Dialect) -> None:
        self._reply = reply
        self._ahead = {number: (form, form.begin.search(reply)) for number, form in enumerate(of.forms)}

    def next(self, at: int) -> tuple[Form, re.Match[str]] | None:
        """Return the first form that begins at `at` or later; `at` never falls from call to call."""
        found: list[tuple[int, int, Form, re.Match[str]]] = []
        for number, (form, match) in self._ahead.items():
            if match and match.start() < at:
                match = form.begin.search(self._reply, at)
                self._ahead[number] = form, match
            if match:
                found.append((match.start(), number, form, match))
        return min(found)[2:] if found else None


def _calls(reply: str, match: re.Match[str], form: Form) -> tuple[list[SpokenCall], int]:
    if form.body == "python":
        return _python_calls(reply, match.end())
    document = read(reply, match.end())
    span = document.span
    if form.body == "arguments":
        return [SpokenCall(match["name"].strip(), document.value, span)], span[1]
    values = document.value if form.body == "calls" and isinstance(document.value, list) else [document.value]
    calls = [_json_call(value, span) for value in values]
    if not form.marked and any(call.name is None for call in calls):
        return [], span[1]
    return calls, span[1]


def _json_call(value: Any, span: Span) -> SpokenCall:
    if not isinstance(value, dict):
        return SpokenCall(None, value, span)
    arguments = next((value[key] for key in ("arguments", "parameters") if key in value), None)
    return SpokenCall(value.get("name"), arguments, span)


def _python_calls(reply: str, at: int) -> tuple[list[SpokenCall], int]:
    """Read `[name(key=value), …]` as data: literals only, nothing is run."""
    end = _closing(reply, at)
    if end is None:
        raise NotJson((at, len(reply)), "the end of the list of calls", "the end of the reply", cut=True)
    try:
        tree = ast.parse(reply[at:end], mode="eval").body
        if not isinstance(tree, ast.List):
            return [], end
        return [_python_call(node, (at, end)) for node in tree.elts], end
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise NotJson((at, end), "calls with keyword arguments", excerpt(str(error))) from None


def _closing(reply: str, at: int) -> int | None:
    """Return where a Python list that begins at `at` ends, behind its own bracket; None where it doesn't."""
    depth = 0
    for piece in _PYTHON_PIECES.finditer(reply, at, at + MAX_PYTHON_CHARS):
        depth += {"[": 1, "]": -1}.get(piece[0], 0)
        if depth == 0:
            return piece.end()
    return None


def _python_call(node: ast.expr, span: Span) -> SpokenCall:
    if not isinstance(node, ast.Call) or node.args:
        raise ValueError("no call with keyword arguments")
    arguments = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise ValueError("**")
        arguments[keyword.arg] = ast.literal_eval(keyword.value)
    return SpokenCall(ast.unparse(node.func), arguments, span)


def _rest(reply: str, at: int, of: Dialect) -> Span | None:
    """Return where the text behind the last call stands, what belongs to the calls left out."""
    while True:
        space = _SPACE.match(reply, at)
        assert space is not None
        at = space.end()
        match = of.around.match(reply, at) if of.around else None
        if match is None:
            return (at, len(reply)) if at < len(reply) else None
        at = match.end()


def _plain(text: str, of: Dialect) -> str:
    return of.around.sub("", text) if of.around else text
