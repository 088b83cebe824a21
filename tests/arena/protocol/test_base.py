from typing import Any

import pytest

from arena.errors import UsageError
from arena.protocol import protocol
from arena.protocol.base import Failure, FailureKind, failure_from_json, failure_to_json

FAILURES = [
    Failure(FailureKind.EMPTY, (0, 0), "an action", "nothing"),
    Failure(FailureKind.WRONG_TYPE, (3, 9), "string", "integer 1", "$.arguments.room", None),
    Failure(FailureKind.NOT_JSON, (1, 2), "':'", "x", None, '{"name":"look","arguments":{}}'),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_survives_being_written_and_read(failure: Failure) -> None:
    assert failure_from_json(failure_to_json(failure)) == failure


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "bored"},
        {"span": [2, 1]},
        {"span": [-1, 1]},
        {"span": [0]},
        {"span": ["a", "b"]},
        {"span": [True, True]},
        {"span": None},
        {"expected": 1},
        {"json_path": 1},
        {"repair": {}},
    ],
)
def test_a_record_that_is_no_failure_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a recorded failure"):
        failure_from_json(failure_to_json(FAILURES[1]) | change)


def test_a_record_that_lacks_a_field_is_refused() -> None:
    with pytest.raises(ValueError, match="not a recorded failure"):
        failure_from_json({"kind": "empty"})


@pytest.mark.parametrize("name", ["text", "json"])
def test_a_protocol_is_found_by_its_name(name: str) -> None:
    assert protocol(name).name == name


def test_an_unknown_protocol_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        protocol("jsn")
    assert "jsn" in caught.value.message
    assert caught.value.next_step == "did you mean json?"
