"""Constrained decoding: whatever a model would like to write, it writes calls of the offered tools."""

import asyncio
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llguidance", reason="constrained decoding needs llguidance")
sys.path.append(str(Path(__file__).parents[2] / "toys"))
from tiny_models import byte_tokenizer, save_tiny

from arena.contestant import enter
from arena.engines.base import Completion, Message, Request, Sampling
from arena.engines.constrained import Grammars, call_schema, response_format
from arena.engines.hf import HfEngine
from arena.engines.openai_http import OpenAIEngine
from arena.engines.registry import make_engine, parse_contestant
from arena.errors import EngineError, Unsupported, UsageError
from arena.protocol import protocol
from arena.suite import SuiteSettings
from envs import registry

TOOLS = (
    {
        "type": "function",
        "function": {
            "name": "go",
            "parameters": {
                "type": "object",
                "properties": {
                    "room": {"type": "string", "enum": ["kitchen", "hall"]},
                    "steps": {"type": "integer", "minimum": 1, "maximum": 3},
                },
                "required": ["room", "steps"],
            },
        },
    },
    {"type": "function", "function": {"name": "stop"}},
)
NOBODY: Any = None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


def request(text: str, tools: tuple[Any, ...] = TOOLS, **sampling: Any) -> Request:
    settings = Sampling(**{"max_tokens": 90, **sampling})
    return Request((Message("user", text),), settings, text, text, 0, 0, NOBODY, tools)


def complete(engine: HfEngine, *requests: Request) -> list[Completion]:
    async def asked() -> list[Completion]:
        await engine.start()
        try:
            return await engine.complete(requests)
        finally:
            await engine.close()

    return asyncio.run(asked())


def test_every_reply_is_a_call_that_the_tools_allow(folder: Path):
    asked = [request(f"A hall {i}.", temperature=float(i % 2), seed=i) for i in range(12)]
    replies = complete(HfEngine(str(folder), constrained="json-schema"), *asked)
    decisions = [protocol("json").parse(reply.text, reply.finish_reason, TOOLS) for reply in replies]
    assert [decision.failure for decision in decisions] == [None] * len(asked)
    assert len({decision.action for decision in decisions}) > 1
    assert {reply.finish_reason for reply in replies} == {"stop"}


def test_without_the_option_the_same_model_writes_no_call(folder: Path):
    (reply,) = complete(HfEngine(str(folder)), request("A hall."))
    assert protocol("json").parse(reply.text, reply.finish_reason, TOOLS).failure


def test_replies_without_tools_are_what_they_are_without_the_option(folder: Path):
    free = request("A hall.", tools=(), max_tokens=12)
    assert (
        complete(HfEngine(str(folder), constrained="json-schema"), free, request("A kitchen."))[0].text
        == complete(HfEngine(str(folder)), free)[0].text
    )


def test_log_probabilities_are_the_models_own(folder: Path):
    """A choice that the grammar made is as improbable to the model as it is."""
    (reply,) = complete(HfEngine(str(folder), constrained="json-schema"), request("A hall.", top_logprobs=1))
    assert reply.choices[0].text == "{"
    assert reply.choices[0].token_id not in reply.choices[0].top


def test_a_reply_cut_by_its_limit_is_truncated(folder: Path):
    (reply,) = complete(HfEngine(str(folder), constrained="json-schema"), request("A hall.", max_tokens=5))
    assert reply.finish_reason == "length"
    assert '{"name": "go"'.replace(" ", "").startswith(reply.text.replace(" ", "")[:5])


def test_the_option_is_part_of_the_identity_and_its_absence_is_not(folder: Path):
    free, constrained = HfEngine(str(folder)), HfEngine(str(folder), constrained="json-schema")
    assert "constrained" not in free.identity()
    assert constrained.identity()["constrained"].startswith("json-schema 2, llguidance ")


def test_a_protocol_without_calls_is_refused_before_the_run(folder: Path):
    spec = parse_contestant(f"hf:{folder},constrained=json-schema")
    with pytest.raises(Unsupported, match="constrained to tool calls"):
        enter(spec, SuiteSettings(protocol="text"))
    contestant, engine = enter(spec, SuiteSettings(protocol="json"))
    assert engine.constrained == contestant.engine_options["constrained"] == "json-schema"


def test_engines_that_cannot_be_constrained_say_so():
    with pytest.raises(UsageError, match="no option 'constrained'"):
        parse_contestant("expert,constrained=json-schema")
    with pytest.raises(UsageError, match="constrained=xml"):
        make_engine("openai:http://127.0.0.1:1/v1#m", {"constrained": "xml"})


def test_a_missing_package_is_said_before_the_model_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("arena.engines.constrained.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="needs the package llguidance"):
        HfEngine("no such model", constrained="json-schema")


def test_a_server_is_asked_for_the_same_schema():
    engine = OpenAIEngine("http://127.0.0.1:1/v1#m", constrained="json-schema")
    assert engine._body(request("A hall."))["response_format"] == response_format(TOOLS)
    assert "response_format" not in engine._body(request("A hall.", tools=()))
    assert "response_format" not in OpenAIEngine("http://127.0.0.1:1/v1#m")._body(request("A hall."))
    with pytest.raises(UsageError, match="exclude each other"):
        OpenAIEngine("http://127.0.0.1:1/v1#m", constrained="json-schema", tools="server")


@pytest.mark.parametrize(
    ("text", "may_come"),
    [
        ('{"name":"go","arguments":{"room"', True),
        ('{"name": "go", "arguments" : {"room"', True),
        ('{"name":  ', False),
        ("{ ", False),
    ],
)
def test_one_space_at_most_stands_round_a_colon_or_a_comma(text: str, may_come: bool):
    tokenizer = byte_tokenizer()
    reply = Grammars(tokenizer, 320, frozenset({256})).reply(TOOLS)
    assert reply is not None
    with nullcontext() if may_come else pytest.raises(EngineError):
        for token in tokenizer(text, add_special_tokens=False).input_ids:
            reply.take(token)


def test_a_call_has_its_tools_own_arguments():
    go, stop = call_schema(TOOLS)["anyOf"]
    assert go["properties"]["name"]["enum"] == ["go"]
    assert go["properties"]["arguments"]["additionalProperties"] is False
    assert stop["properties"]["arguments"] == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }


@pytest.mark.parametrize("benchmark", ["pddl", "tool-query", "tool-operation"])
def test_the_tools_of_our_benchmarks_can_constrain(benchmark: str):
    grammars = Grammars(byte_tokenizer(), 320, frozenset({256}))
    env = registry.benchmark(benchmark).make("bundled")
    seen = set()
    for task in registry.tasks(benchmark)[:60:6]:
        env.reset(seed=0, options={"task": task})
        tools = tuple(env.tools())
        assert tools and grammars.reply(tools) is not None
        seen.add(json.dumps(tools, default=dict))
    env.close()
    assert seen
