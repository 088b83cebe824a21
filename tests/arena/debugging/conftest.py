"""A run in which one contestant fails in every way that there is, beside the expert."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from arena.contestant import Contestant, agent_settings
from arena.debugging.opened import Run
from arena.engines.base import Completion, Engine, Request
from arena.engines.expert import ExpertEngine
from arena.plan import Plan
from arena.run import play_run
from arena.suite import expand, parse_suite

TASK = "pddl/gripper/0"
SUITE = f"""
name = "crafted"
[settings]
protocol = "json"
[[tasks]]
benchmark = "pddl"
ids = ["{TASK}"]
max_steps = 40
"""


def move(to_room: str, from_room: str = "study") -> str:
    return json.dumps({"name": "move", "arguments": {"from_room": from_room, "to_room": to_room}})


# what is said, how it ends, which failure it is, whose fault; the contestant stands in the study throughout
CRAFTED: Sequence[tuple[str, str, str, str]] = [
    ("", "stop", "empty", "trigger"),
    ("<think>where to", "stop", "unfinished_thought", "trigger"),
    ("I would go to the kitchen now.", "stop", "no_action", "trigger"),
    (move("kitchen")[:-1], "stop", "not_json", "json"),
    (move("hall", "kitchen")[:-1], "stop", "not_json", "json"),
    (move("kitchen")[:20], "length", "truncated", "json"),
    ("Well then. " + move("kitchen"), "stop", "trailing_text", "parser"),
    (move("kitchen") + '}}"', "stop", "trailing_text", "json"),
    (
        move("kitchen") + "\nObservation: You are in the kitchen.\nAction: " + move("hall"),
        "stop",
        "trailing_text",
        "stop",
    ),
    (move("kitchen").replace("arguments", "parameters"), "stop", "wrong_shape", "parser"),
    ('{"tool": "move"}', "stop", "wrong_shape", "schema"),
    ('{"name": "fly", "arguments": {}}', "stop", "unknown_tool", "schema"),
    ('{"name": "move", "arguments": {"to_room": "kitchen"}}', "stop", "missing_argument", "schema"),
    (move("kitchen")[:-2] + ', "speed": 3}}', "stop", "unexpected_argument", "schema"),
    (move("kitchen").replace('"kitchen"', "3"), "stop", "wrong_type", "schema"),
    (move("attic"), "stop", "invalid_value", "schema"),
    ('{"name": "' + "mo" * 60, "length", "repeated", "json"),
    ('<tool_call {"name": "move"', "stop", "not_json", "marker"),
    ("<tool_call><tool_call>", "stop", "not_json", "marker"),
    (move("hall", "kitchen"), "stop", "refused", "decision"),
]


class Crafted(Engine):
    """Says the crafted replies, then goes to the kitchen and says nothing more."""

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return [self._reply(request.turn) for request in requests]

    def _reply(self, turn: int) -> Completion:
        if turn < len(CRAFTED):
            text, reason, *_ = CRAFTED[turn]
            return Completion(text, reason)  # type: ignore[arg-type]
        return Completion(move("kitchen") if turn == len(CRAFTED) else "", "stop")

    def identity(self) -> Mapping[str, Any]:
        return {"engine": "crafted"}


def play(run: Path, engines: Mapping[str, Engine], suite_text: str = SUITE, **own: Any) -> Path:
    suite = parse_suite(suite_text, "crafted")
    settings = agent_settings(suite.settings, own)
    from dataclasses import asdict

    contestants = [
        Contestant(name, "crafted", {}, settings, {"engine": {"engine": name}, "settings": asdict(settings)})
        for name in engines
    ]
    plan = Plan(suite, contestants, expand(suite), suite.settings.repeats)
    tally = asyncio.run(play_run(plan, run, engines, lambda event: None))
    assert not tally.errors
    return run


@pytest.fixture(scope="session")
def crafted_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("crafted") / "run"
    return play(run, {"base": ExpertEngine(), "broken": Crafted()})


@pytest.fixture
def examined(crafted_run: Path):
    with Run(crafted_run) as run:
        yield run
