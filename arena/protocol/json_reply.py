"""What is wrong with a whole reply that was to be JSON: the taxonomy for benchmarks that score replies.

Such a benchmark (T-Eval's JSON forms) reads replies as leniently as its original does and scores them itself;
a reply that it could not read is named here as a tool call would be, so that failures count together.
"""

from arena.protocol.base import Failure, FailureKind
from arena.protocol.loops import repeated
from arena.protocol.quoting import described, excerpt
from arena.protocol.repair import repaired_json
from arena.protocol.strict_json import NotJson, read


def diagnose(reply: str, finish_reason: str = "stop") -> Failure:
    """Return the failure of a reply that its benchmark could not read; raises nothing, whatever the reply."""
    start = min((at for at in (reply.find("{"), reply.find("[")) if at >= 0), default=-1)
    if loop := repeated(reply.rstrip()):
        return loop
    if start < 0:
        return Failure(FailureKind.NO_ACTION, (0, len(reply)), "a JSON value", excerpt(reply.strip()))
    try:
        document = read(reply, start)
    except NotJson as error:
        fixed = repaired_json(reply[start:])
        if error.cut and finish_reason == "length":
            span = (start, len(reply))
            return Failure(FailureKind.TRUNCATED, span, error.expected, "the token limit", repair=fixed)
        return Failure(FailureKind.NOT_JSON, error.span, error.expected, error.got, repair=fixed)
    expected = "the form that the request asks for"
    return Failure(FailureKind.WRONG_SHAPE, document.span, expected, described(document.value), "$")
