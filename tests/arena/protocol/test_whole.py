"""The `whole` protocol: what of a reply is scored."""

import pytest

from arena.protocol import protocol
from arena.protocol.base import FailureKind


@pytest.mark.parametrize(
    ("reply", "action"),
    [
        ("        return x\n", "        return x\n"),
        ("<think>hm</think>\n\n    return x", "    return x"),
        ("a line\n<think>then", "a line\n"),
    ],
)
def test_white_space_at_the_edges_is_part_of_the_reply(reply: str, action: str) -> None:
    assert protocol("whole").parse(reply).action == action


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("", FailureKind.EMPTY),
        (" \n", FailureKind.EMPTY),
        ("<think>hm</think>\n ", FailureKind.EMPTY),
        (" \n<think>hm", FailureKind.UNFINISHED_THOUGHT),
    ],
)
def test_blanks_are_no_reply(reply: str, kind: FailureKind) -> None:
    decision = protocol("whole").parse(reply)
    assert decision.failure is not None and decision.failure.kind is kind
