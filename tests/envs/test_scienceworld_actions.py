"""The forms of actions, as text and as tools; no Java."""

import pytest
from jsonschema import Draft202012Validator

from envs.scienceworld import actions
from envs.scienceworld.grounding import took_effect

ALL = actions.forms(electrical=True)


def test_each_form_survives_the_way_to_text_and_back():
    for form in ALL:
        arguments = {name: 3 if name == "number" else f"red {name}" for name in form.arguments}
        text = actions.to_text(ALL, form.name, arguments)
        assert text and actions.to_call(ALL, text) == {"name": form.name, "arguments": arguments}


@pytest.mark.parametrize(
    ("action", "canonical"),
    [
        ("look", "look around"),
        ("examine  metal pot", "look at metal pot"),
        ("turn on stove", "activate stove"),
        ("take orange", "pick up orange"),
        ("drop orange", "put down orange"),
        ("go kitchen", "go to kitchen"),
        ("walk through door to kitchen", "go to door to kitchen"),
        ("put cup in sink", "move cup to sink"),
        ("move egg in inventory to red box", "move egg in inventory to red box"),
        ("pour cup in art studio in jug", "pour cup in art studio into jug"),
        ("use thermometer in inventory on substance in metal pot",) * 2,
        ("stir bowl", "mix bowl"),
        ("wait1", "wait1"),
        ("007", "7"),
    ],
)
def test_what_the_simulator_takes_for_the_same_action_is_the_same_tool_call(action, canonical):
    call = actions.to_call(ALL, action)
    assert call and actions.to_text(ALL, call["name"], call["arguments"]) == canonical


@pytest.mark.parametrize(
    "action", ["", "jump", "open", "move cup", "use x", "wait10", "inventory please", "٣"]
)
def test_what_is_no_action_is_no_tool_call(action):
    assert actions.to_call(ALL, action) is None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("fly", {}),
        ("open", {}),
        ("open", {"thing": ""}),
        ("open", {"thing": " \n"}),
        ("open", {"thing": 3}),
        ("open", {"door": "x"}),
        ("open", {"thing": "x", "more": "y"}),
        ("choose", {"number": True}),
        ("choose", {"number": -1}),
        ("choose", {"number": "1"}),
    ],
)
def test_a_call_with_wrong_arguments_has_no_text(name, arguments):
    assert actions.to_text(ALL, name, arguments) is None


def test_braces_in_an_argument_are_just_characters():
    assert actions.to_text(ALL, "open", {"thing": "{0} {thing}"}) == "open {0} {thing}"


def test_tools_are_json_schemas_with_distinct_names():
    tools = actions.tools(ALL)
    for tool in tools:
        Draft202012Validator.check_schema(tool["function"]["parameters"])
    assert len({tool["function"]["name"] for tool in tools}) == len(tools) == 27


def test_circuits_have_tools_only_where_the_task_allows_them():
    names = {form.name for form in actions.forms(electrical=False)}
    assert {form.name for form in ALL} - names == {"connect", "disconnect"}


@pytest.mark.parametrize(
    "observation",
    [
        "No known action matches that input.",
        "The door is already open.",
        "The flower pot 3 is not moveable.",
        "Ambiguous request: Please enter the number …\n0:\tlook at bee\n1:\tlook at bee\n",
        "I'm not sure how to use the stopwatch.",
        "You must disconnect entire objects (such as battery) instead of just single terminals",
    ],
)
def test_a_refusal_is_told_from_its_answer(observation):
    assert not took_effect(observation)


@pytest.mark.parametrize(
    "observation",
    [
        "You move the orange to the bowl.",
        "The stove is now activated.",
        "battery has been disconnected",
        "This room is called the hallway. In it, you see:\n\tthe agent",
        "A note reads:\nThe door is already open.",
    ],
)
def test_an_answer_to_what_was_done_is_no_refusal(observation):
    assert took_effect(observation)
