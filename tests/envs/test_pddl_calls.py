"""Tool calls: the same actions in another form."""

import json

import jsonschema
import pytest

from envs.pddl import DOMAINS
from envs.pddl.env import PDDLEnv
from envs.pddl.tasks import generate

SIZES = {"gripper": 3, "blockworld": 3, "barman": 3, "tyreworld": 5}


def twins(domain: str) -> tuple[PDDLEnv, PDDLEnv]:
    envs = PDDLEnv(), PDDLEnv()
    for env in envs:
        env.reset(options={"task": generate(domain, 11, SIZES[domain])})
    return envs


@pytest.mark.parametrize("domain", DOMAINS)
def test_calls_play_the_same_episode_as_text(domain):
    by_text, by_call = twins(domain)
    for text in ["check valid actions", *by_text.expert()]:
        call = by_call.action_to_call(text)
        assert by_call.step(json.dumps(call)) == by_text.step(text)
    assert by_text._over
    assert by_text._solved


@pytest.mark.parametrize("domain", DOMAINS)
def test_schemas_accept_every_valid_action_and_hold_only_objects_that_fit(domain):
    env, _ = twins(domain)
    tools = {tool["function"]["name"]: tool["function"] for tool in env.tools()}
    assert ("look_around" in tools) == (domain in ("barman", "tyreworld"))
    assert "check_valid_actions" in tools
    for tool in tools.values():
        jsonschema.Draft202012Validator.check_schema(tool["parameters"])
        assert tool["description"]
    for text in env.valid_actions():
        call = env.action_to_call(text)
        jsonschema.validate(call["arguments"], tools[call["name"]]["parameters"])
    if domain == "gripper":
        assert tools["pick"]["parameters"]["properties"]["gripper"]["enum"] == ["left", "right"]


@pytest.mark.parametrize(
    "call",
    [
        {"name": "pickup"},
        {"name": "pickup", "arguments": {"block": "b99"}},
        {"name": "pickup", "arguments": {"block": 1}},
        {"name": "pickup", "arguments": {"block": ["b1"]}},
        {"name": "pickup", "arguments": {"block": "b1", "extra": "b2"}},
        {"name": "grasp", "arguments": {"block": "b1"}},
        {"name": "look_around", "arguments": {}},
        {"name": "check_valid_actions", "arguments": {"all": True}},
    ],
)
def test_a_call_that_is_none_of_the_tools_is_invalid_and_not_read_as_text(call):
    env, _ = twins("blockworld")
    assert env.call_to_action(call["name"], call.get("arguments", {})) is None
    before = env.step("look around")[0]
    assert not env.step(json.dumps(call))[4]["valid"]
    assert env.step("look around")[0] == before


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_example_is_solved_and_can_be_shown_as_calls(domain):
    env, _ = twins(domain)
    (none, first), *steps = env.example()
    assert none == ""
    assert "goal" in first
    assert steps[-1][1].endswith("The goal is reached.")
    assert all(env.action_to_call(text) for text, _ in steps)


def test_prose_means_no_call():
    env, _ = twins("gripper")
    assert env.action_to_call("I would rather not") is None
    assert env.action_to_call("pick ball1") is None
