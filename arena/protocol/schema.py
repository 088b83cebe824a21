"""Checks a call against the tools: which name, which arguments, of which type, with which values.

Where a call is wrong in several ways the failure is the first by kind (missing, unexpected, wrong type,
invalid value), then by place in the reply.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from arena.protocol.base import Failure, FailureKind
from arena.protocol.call import Call
from arena.protocol.quoting import Path, described, excerpt, json_path, listed, literal, names_of
from arena.protocol.signature import type_words
from arena.protocol.tools import Tool

MAX_NAME_CHARS = 100
"""How much of an unknown name is compared with the known ones."""

_ORDER = [
    FailureKind.MISSING_ARGUMENT,
    FailureKind.UNEXPECTED_ARGUMENT,
    FailureKind.WRONG_TYPE,
    FailureKind.INVALID_VALUE,
]

Error = Any
"""jsonschema's ValidationError, whose stubs allow every field to be unset."""


@dataclass(frozen=True)
class _Fault:
    kind: FailureKind
    path: Path
    expected: str
    got: str


def check(call: Call, tools: Mapping[str, Tool]) -> Failure | None:
    """Return what is wrong with a call, or None. Without tools any call is right."""
    if not tools:
        return None
    if call.name not in tools:
        got = f'"{excerpt(call.name)}"'
        return Failure(FailureKind.UNKNOWN_TOOL, call.name_span, _nearest(call.name, tools), got, "$.name")
    try:
        errors = list(tools[call.name].validator.iter_errors(call.arguments))
    except RecursionError:  # a schema that refers to itself, on deep arguments
        got = described(call.arguments)
        fault = _Fault(FailureKind.INVALID_VALUE, (), "arguments that are less deep", got)
        return _failure(call, fault)
    faults = [_failure(call, fault) for error in errors for fault in _faults(error)]
    return min(
        faults, key=lambda fault: (_ORDER.index(fault.kind), fault.span, fault.json_path), default=None
    )


def _failure(call: Call, fault: _Fault) -> Failure:
    place = fault.path
    if fault.kind is FailureKind.MISSING_ARGUMENT:
        place = place[:-1]
    span = call.span(place, with_name=fault.kind is FailureKind.UNEXPECTED_ARGUMENT)
    return Failure(fault.kind, span, fault.expected, fault.got, json_path(("arguments", *fault.path)))


def _nearest(name: str, tools: Mapping[str, Tool]) -> str:
    near = difflib.get_close_matches(name[:MAX_NAME_CHARS], tools, n=3)
    return " or ".join(near) if near else f"one of {listed(tools)}"


def _faults(error: Error) -> Iterator[_Fault]:
    path: Path = tuple(error.absolute_path)
    value, wanted = error.instance, error.validator_value
    match error.validator:
        case "required":
            name = next(name for name in wanted if name not in value)
            yield _Fault(FailureKind.MISSING_ARGUMENT, (*path, name), _argument(error, name), names_of(value))
        case "additionalProperties":
            names, extra = error.schema.get("properties", {}), _extra_name(error)
            expected = f"only {listed(names)}" if names else "no arguments"
            yield _Fault(FailureKind.UNEXPECTED_ARGUMENT, (*path, extra), expected, described(value[extra]))
        case "unevaluatedProperties":
            yield _Fault(FailureKind.UNEXPECTED_ARGUMENT, path, "no other names", names_of(value))
        case "type":
            yield _Fault(FailureKind.WRONG_TYPE, path, _types([error]), described(value))
        case "anyOf" | "oneOf" if error.context:
            yield from _faults_of_choice(error)
        case "enum":
            expected = f"one of {listed(map(literal, wanted))}"
            yield _Fault(FailureKind.INVALID_VALUE, path, expected, described(value))
        case None:
            yield _Fault(FailureKind.INVALID_VALUE, path, "nothing", described(value))
        case keyword:
            yield _Fault(FailureKind.INVALID_VALUE, path, f"{keyword} {literal(wanted)}", described(value))


def _faults_of_choice(error: Error) -> Iterator[_Fault]:
    # of `anyOf` and `oneOf`: only branches whose type fits say something useful about the value
    context: Sequence[Error] = error.context or ()
    branches = [list(branch) for _, branch in groupby(context, key=lambda inner: inner.schema_path[0])]
    fitting = [branch for branch in branches if not any(map(_wrong_type_itself, branch))]
    path: Path = tuple(error.absolute_path)
    if not fitting:
        expected = _types(filter(_wrong_type_itself, context))
        yield _Fault(FailureKind.WRONG_TYPE, path, expected, described(error.instance))
    elif len(fitting) == 1:
        for inner in fitting[0]:
            yield from _faults(inner)
    else:
        expected = f"one of {len(branches)} forms"
        yield _Fault(FailureKind.INVALID_VALUE, path, expected, described(error.instance))


def _wrong_type_itself(error: Error) -> bool:
    return error.validator == "type" and not error.relative_path


def _types(errors: Iterable[Error]) -> str:
    wanted = [error.validator_value for error in errors]
    names = [name for types in wanted for name in ([types] if isinstance(types, str) else types)]
    return " or ".join(dict.fromkeys(names))


def _extra_name(error: Error) -> str:
    patterns = error.schema.get("patternProperties", {})
    known = error.schema.get("properties", {})
    return next(
        name
        for name in error.instance
        if name not in known and not any(re.search(pattern, name) for pattern in patterns)
    )


def _argument(error: Error, name: str) -> str:
    schema = error.schema.get("properties", {}).get(name)
    return f"{excerpt(name)} ({type_words(schema)})" if schema else excerpt(name)
