"""Turns asked again, and what only that tells: template, engine and trigger."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from arena.debugging.opened import open_turn, request_of
from arena.debugging.replaying import replayed
from arena.debugging.rerun import Asker, ask_again, asker, edited
from arena.debugging.template import lost
from arena.engines.base import Message, Request, Sampling
from arena.engines.openai_http import OpenAIEngine
from arena.errors import UsageError

from .conftest import TASK, Crafted


class Tokenizer:
    """Letters are tokens."""

    def decode(self, ids: str) -> str:
        return ids


class Template:
    """A chat template that writes the messages which it lets through."""

    tokenizer = Tokenizer()

    def __init__(self, *, drops: str | None = None) -> None:
        self.drops = drops

    def prompt(self, request, *, with_tools: bool) -> str:
        texts = [message.content for message in request.messages if message.role != self.drops]
        tools = json.dumps(request.tools) if with_tools and self.drops != "tools" else ""
        return " \n ".join([*texts, tools])


@pytest.fixture
def turn(examined):
    return open_turn(examined, examined.episode("broken", TASK), 3)


def test_the_same_engine_asked_again_gives_the_recorded_reply(examined, turn):
    (answer,) = ask_again(examined, turn, Asker("crafted", Crafted(), {}, None))
    assert answer.same
    assert answer.fault.name == "json"
    assert answer.trial is None


def test_another_contestants_action_is_judged_in_the_state_of_the_turn(examined, turn):
    answers = ask_again(examined, turn, asker(turn, "expert"), times=2)
    assert [(each.same, each.trial.right, each.fault) for each in answers] == [(False, True, None)] * 2
    assert all(step.answer == "yes" for step in answers[0].steps)


def test_each_time_is_asked_with_a_seed_and_a_session_of_its_own(examined, turn):
    class Listening(Crafted):
        async def complete(self, requests):
            self.asked = requests
            return await super().complete(requests)

    engine = Listening()
    ask_again(examined, turn, Asker("crafted", engine, {"temperature": 0.7}, None), times=3)
    assert [request.sampling.seed for request in engine.asked] == [0, 1, 2]
    assert len({request.session for request in engine.asked}) == 3
    assert {request.sampling.temperature for request in engine.asked} == {0.7}


def test_a_prompt_from_a_file_replaces_the_messages_or_the_last_one(examined, turn, tmp_path: Path):
    request = request_of(examined, turn).request
    text = tmp_path / "prompt.txt"
    text.write_text("Now?")
    assert edited(request, text).messages == (*request.messages[:-1], Message("user", "Now?"))
    messages = tmp_path / "prompt.json"
    messages.write_text('[{"role": "system", "content": "Rules."}]')
    assert edited(request, messages).messages == (Message("system", "Rules."),)


@pytest.mark.parametrize(
    "text", ["[]", "{", "3", '[{"role": "user"}]', '[{"role": "x", "content": "y"}]', "[[]]"]
)
def test_a_file_without_messages_is_refused(examined, turn, tmp_path: Path, text: str):
    file = tmp_path / "prompt.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="holds no messages"):
        edited(request_of(examined, turn).request, file)


@pytest.mark.parametrize("spec", ["imported:chat", "", "openai:https://elsewhere.example/v1#m"])
def test_who_was_played_elsewhere_is_not_asked_on_the_word_of_a_run_file(turn, spec: str):
    with pytest.raises(UsageError) as refused:
        asker(replace(turn, contestant={**turn.contestant, "spec": spec}))
    assert "--with" in refused.value.next_step


def test_a_run_file_cannot_have_a_models_own_code_run(turn):
    contestant = {**turn.contestant, "spec": "hf:smollm2", "options": {"trust_remote_code": True}}
    assert not asker(replace(turn, contestant=contestant)).engine._trust_remote_code


def test_a_template_that_keeps_everything_has_lost_nothing(examined, turn):
    request = request_of(examined, turn).request
    assert lost(Template(), request, with_tools=True) is None
    assert lost(Template(drops="tools"), request, with_tools=False) is None


@pytest.mark.parametrize(
    ("drops", "said"),
    [
        ("tools", "the tool move"),
        ("assistant", "a past reply"),
        ("user", "an observation"),
        ("system", "the rules"),
    ],
)
def test_what_a_template_drops_is_named(examined, turn, drops: str, said: str):
    # without the rules, which name the tools as well
    request = request_of(examined, turn).request
    request = replace(request, messages=(Message("system", "Play."), *request.messages[1:]))
    assert said in lost(Template(drops=drops), request, with_tools=True)


def test_another_engine_with_another_reply_makes_it_the_engines_fault(examined, turn):
    contestant = {**turn.contestant, "spec": "expert"}
    (found,) = replayed(examined, [replace(turn, contestant=contestant)])
    assert found.fault.name == "engine"
    assert not found.again.same


def test_another_reply_to_another_prompt_is_no_engines_fault(examined, turn):
    later = replace(turn.turn, prompt_hash="0" * 16)  # as of another version of Arena
    contestant = {**turn.contestant, "spec": "expert"}
    (found,) = replayed(examined, [replace(turn, turn=later, contestant=contestant)])
    assert not found.again.same
    assert found.fault.name == "json"
    assert "not as it was sent" in " ".join(found.notes)


def test_a_turn_whose_request_is_gone_leaves_the_others_to_be_asked(examined, turn):
    gone = replace(turn, task=replace(turn.task, benchmark="gone"))
    contestant = {**turn.contestant, "spec": "expert"}
    turns = [replace(each, contestant=contestant) for each in (gone, turn)]
    unasked, asked = replayed(examined, turns)
    assert unasked.again is None
    assert unasked.notes == ("its request can't be built again",)
    assert asked.fault.name == "engine"


def test_where_no_call_was_begun_a_forced_one_is_asked_for_or_it_is_said_why_not(examined):
    prose = open_turn(examined, examined.episode("broken", TASK), 2)
    (found,) = replayed(examined, [replace(prose, contestant={**prose.contestant, "spec": "random"})])
    assert found.forced is None
    assert "no call can be forced" in " ".join(found.notes)


def test_a_server_that_gets_the_tools_is_made_to_call_one():
    request = Request((Message("user", "Go."),), Sampling(), "s", "t", 0, 0, oracle=None, tools=({"x": 1},))
    forced = OpenAIEngine("http://localhost:1/v1#m", tools="server", tool_choice="required")
    assert forced._body(request)["tool_choice"] == "required"
    assert "tool_choice" not in OpenAIEngine("http://localhost:1/v1#m", tools="server")._body(request)
    assert forced.identity()["tool_choice"] == "required"
    with pytest.raises(UsageError, match="require"):
        OpenAIEngine("http://localhost:1/v1#m", tool_choice="required")


def test_a_log_of_another_harness_keeps_the_fault_that_the_record_tells(examined, turn):
    contestant = {"name": "broken", "spec": "imported:chat", "identity": {}}
    (found,) = replayed(examined, [replace(turn, contestant=contestant)])
    assert found.fault.name == "json"
    assert found.notes
