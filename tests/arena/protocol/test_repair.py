from typing import Any

import pytest

from arena.protocol import repair
from arena.protocol.tools import toolbox

LOOK = '{"name":"look","arguments":{}}'


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "look", "arguments": {',
        "{'name': 'look', 'arguments': {}}",
        '{"name": "look", "arguments": {},}',
        '{"name": "look", "parameters": {}',
        '{"type": "function", "function": {"name": "look", "arguments": "{"',
        '[{"name": "look"',
    ],
)
def test_a_broken_call_is_mended(tools: list[Any], text: str) -> None:
    assert repair.repaired_text(text, toolbox(tools)) == LOOK


@pytest.mark.parametrize(
    "text",
    [
        "",
        "look",
        "{",
        '{"tool": "look", "args": {',
        '{"name": "fly", "arguments": {',
        '{"name": "move", "arguments": {',
        '{"name": "look", "arguments": [',
        '{"name": ["look"], "arguments": {',
        "[" * 2000,
        "{" * 2000,
        '{"a":' * 700,
        '{"name": "look", "arguments": {"a": ' + "9" * 400,
        '{"name": "look", "arguments": {}' + " " * repair.MAX_CHARS,
    ],
)
def test_what_can_not_become_a_call_that_the_tools_allow_has_no_repair(tools: list[Any], text: str) -> None:
    assert repair.repaired_text(text, toolbox(tools)) is None


@pytest.mark.parametrize("stumble", [ValueError, IndexError, RecursionError, AttributeError])
def test_a_repair_that_stumbles_is_no_repair(
    monkeypatch: pytest.MonkeyPatch, tools: list[Any], stumble: type[Exception]
) -> None:
    def fall(*_: Any, **__: Any) -> None:
        raise stumble("!")

    monkeypatch.setattr(repair, "repair_json", fall)
    assert repair.repaired_text('{"name": "look", "arguments": {', toolbox(tools)) is None


def test_a_repair_reads_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch, tools: list[Any]) -> None:
    text = '{"name": "look", "arguments": {'
    monkeypatch.setattr(repair, "MAX_READS", len(text) * 5)
    assert repair.repaired_text(text, toolbox(tools)) == LOOK
    monkeypatch.setattr(repair, "MAX_READS", len(text) // 2)
    assert repair.repaired_text(text, toolbox(tools)) is None
