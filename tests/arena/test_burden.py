import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena import burden
from arena.agent import Agent, AgentSettings
from arena.contestant import enter
from arena.engines.base import Message
from arena.engines.registry import parse_contestant
from arena.episode import Position, play
from arena.errors import Unsupported, UsageError
from arena.prompt import Briefing, Item, build
from arena.protocol.tools import toolbox
from arena.records import EpisodeKey
from arena.suite import SuiteSettings, expand, parse_suite
from envs import registry
from envs.tools import schema

sys.path.append(str(Path(__file__).parent))
from playing import AnsweringEngine


def names(tools: Sequence[dict]) -> set[str]:
    return {burden.name_of(tool) for tool in tools}


def words(messages: Sequence[Message]) -> int:
    return sum(len(message.content.split()) for message in messages)


@pytest.mark.parametrize("toolkit", burden.TOOLKITS)
def test_every_toolkit_can_be_filled_up_to_128_tools_with_names_and_schemas_of_their_own(toolkit: str):
    own = schema.tools(toolkit)
    tools = burden.offered(own, 128, "task")
    assert len(tools) == len(names(tools)) == 128
    assert names(own) <= names(tools)
    assert [tool for tool in tools if burden.name_of(tool) in names(own)] != list(tools[: len(own)])
    assert len(toolbox(tools)) == 128  # compiles them all


def test_fewer_tools_are_among_the_more_in_the_same_order_and_another_task_draws_others():
    own = schema.tools("academia")
    few, many = burden.offered(own, 16, "a"), burden.offered(own, 64, "a")
    assert [tool for tool in many if burden.name_of(tool) in names(few)] == list(few)
    assert names(burden.offered(own, 16, "b")) != names(few)


def test_no_count_leaves_a_tasks_own_tools_as_they_are():
    assert burden.offered(schema.tools("todo"), None, "a") == schema.tools("todo")


@pytest.mark.parametrize(("toolkit", "count"), [("sheet", 20), ("weather", 1000)])
def test_too_few_or_more_than_there_are_is_refused(toolkit: str, count: int):
    with pytest.raises(UsageError):
        burden.offered(schema.tools(toolkit), count, "a")
    with pytest.raises(UsageError, match="without tools"):
        burden.offered((), 8, "a")


def test_instructions_that_list_the_tools_in_words_list_the_others_too():
    own = schema.tools("academia")
    tools = burden.offered(own, 12, "a")
    told = burden.told(f"Papers.\n\n{schema.described('academia')}", own, tools)
    assert all(f"{name}(" in told for name in names(tools))
    assert burden.told("Move the blocks.", own, tools) == "Move the blocks."


def test_a_filler_has_about_so_many_tokens_and_is_the_same_for_the_same_draw():
    text = burden.filler(400, "a")
    assert 300 <= len(text.split()) <= 330
    assert text == burden.filler(400, "a") != burden.filler(400, "b")
    assert burden.filler(None, "a") == ""


@pytest.mark.parametrize("style", ["flat", "chat", "terse", "bare"])
def test_a_filler_stands_before_the_first_message_of_the_user_and_is_not_dropped(style: str):
    briefing = Briefing("rules", "answer", "brief", (), "goal", filler="FILLER ")
    history = [Item("observation", "one two three"), Item("action", "go"), Item("observation", "here")]
    for budget in (None, 12 if style == "bare" else 1):
        users = [m for m in build(briefing, history, style, words, budget).messages if m.role == "user"]
        assert users[0].content.startswith("FILLER ")
        assert sum("FILLER" in message.content for message in users) == 1


@given(st.integers(1, 600), st.integers(1, 600), st.text(max_size=40), st.text(max_size=10))
def test_a_result_is_padded_by_about_so_many_tokens_of_json_behind_it(
    few: int, more: int, result: str, draw: str
):
    few, more = sorted((few, more))
    padded = burden.padded(result, more, draw)
    assert padded.startswith(f"{result}\n")
    added = padded.removeprefix(f"{result}\n")
    entries = json.loads(added)["_meta"]["log"]
    assert 4 * more <= len(added) < 4 * more + 400
    assert entries[: len(less := _log(burden.padded(result, few, draw)))] == less
    assert burden.padded(result, None, draw) == result


def _log(padded: str) -> list[dict]:
    return json.loads(padded.rpartition("\n")[2])["_meta"]["log"]


def test_results_are_padded_otherwise_from_draw_to_draw():
    assert burden.padded("ok", 100, "a") == burden.padded("ok", 100, "a") != burden.padded("ok", 100, "b")


def padded_request(result_tokens: int | None, turns: int = 3) -> tuple[list[str], list[str]]:
    """Return what an agent is told of its goal, its results and a complaint, and what its record holds."""
    env = registry.benchmark("pddl").make()
    task = expand(parse_suite('name = "s"\n[[tasks]]\nbenchmark = "pddl"\n', "s"), 1)[0]
    seen, info = env.reset(seed=0, options={"task": task})
    key = EpisodeKey("a", task.id, task.hash, 0, 0)
    settings = AgentSettings(protocol="json", style="chat", result_tokens=result_tokens)
    agent = Agent(AnsweringEngine(lambda request: ""), settings, env, key)
    now = Position(seen, info["progress"], False, False, info["subgoals"])
    recorded = [seen]
    for index in range(turns):
        reply = "I can't" if index == 1 else agent._oracle.expert_reply(index)
        decision = agent.read(reply, "stop")
        agent.recall(now.observation, reply, decision)
        now = asyncio.run(play(decision, "stop", now, agent, env, 10.0))
        recorded.append(now.observation)
    _, request = agent.ask_again(now.observation, 0)
    return [message.content for message in request.messages if message.role == "user"], recorded


def test_the_results_of_actions_are_padded_and_nothing_else_and_the_record_holds_none():
    plain, recorded = padded_request(None)
    told, recorded_too = padded_request(60)
    assert recorded == recorded_too
    assert ["_meta" in text for text in told] == [False, True, False, True]
    assert [text.partition('\n{"_meta"')[0] for text in told] == plain


@pytest.mark.parametrize("option", ["protocol=text", "style=terse"])
def test_more_tools_are_refused_where_no_tools_are_shown(option: str):
    suite = SuiteSettings(protocol="json")
    with pytest.raises(Unsupported):
        enter(parse_contestant(f"expert,offered_tools=32,{option}"), suite)


def test_a_burden_is_part_of_a_contestants_identity_only_where_there_is_one():
    suite = SuiteSettings(protocol="json")
    plain, _ = enter(parse_contestant("expert"), suite)
    burdened, _ = enter(parse_contestant("expert,filler_tokens=100"), suite)
    assert not {"offered_tools", "filler_tokens", "result_tokens"} & plain.identity["settings"].keys()
    assert burdened.identity["settings"]["filler_tokens"] == 100
    assert plain.hash != burdened.hash


@pytest.mark.parametrize("protocol", ["json", "text"])
def test_tools_that_an_engine_is_given_are_counted_when_a_prompt_is_fitted(protocol: str):
    class Counting(AnsweringEngine):
        context_tokens = 4000

        def count_tokens(self, messages: Sequence[Message], tools: Sequence = ()) -> int:
            counted.add(len(tools))
            return 1

    counted: set[int] = set()

    task = expand(parse_suite('name = "s"\n[[tasks]]\nbenchmark = "pddl"\n', "s"), 1)[0]
    env = registry.benchmark("pddl").make()
    first, _ = env.reset(seed=0, options={"task": task})
    engine = Counting(lambda request: "")
    settings = AgentSettings(protocol=protocol, style="chat")
    agent = Agent(engine, settings, env, EpisodeKey("a", task.id, task.hash, 0, 0))
    agent.recall(first, "I can't", agent.read("I can't", "stop"))
    asyncio.run(agent.act("No action."))
    (asked,) = engine.asked
    assert bool(asked.tools) == (protocol == "json")
    assert counted == {len(asked.tools)}


def test_a_call_to_a_tool_that_is_only_offered_costs_a_turn_and_changes_nothing():
    suite = parse_suite('name = "s"\n[[tasks]]\nbenchmark = "pddl"\nsubset = "gripper-small"\n', "s")
    task = expand(suite, 1)[0]
    env = registry.benchmark("pddl").make()
    first, info = env.reset(seed=0, options={"task": task})
    key = EpisodeKey("a", task.id, task.hash, 0, 0)
    agent = Agent(
        AnsweringEngine(lambda request: ""),
        AgentSettings(protocol="json", style="chat", offered_tools=128),
        env,
        key,
    )
    free = (
        burden.name_of(tool)
        for tool in burden.offered(env.tools(), 128, task.hash)
        if not tool["function"]["parameters"].get("required")
    )
    reply = json.dumps({"name": (name := next(free)), "arguments": {}})
    decision = agent.read(reply, "stop")
    assert decision.failure is None
    before = Position(first, info["progress"], False, False, info["subgoals"])
    after = asyncio.run(play(decision, "stop", before, agent, env, 10.0))
    assert (after.observation, after.valid, after.progress) == (
        f"ERROR | {name} is not available here.",
        False,
        before.progress,
    )
    assert burden.was_refused(str(decision.action), after.observation)
    assert not burden.was_refused(str(decision.action), "ERROR | unknown")
    assert agent.refusal('{"name": "nobody_offered_this", "arguments": {}}') is None
