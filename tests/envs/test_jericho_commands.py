"""What agents say: cleaned text, and tool calls."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.jericho import commands


@pytest.mark.parametrize(
    ("action", "command"),
    [
        ("take lamp", "take lamp"),
        ("  take   lamp\n", "take lamp"),
        ("take lamp, then go north", "take lamp"),
        ("take lamp. go north", "take lamp"),
        ("north, south. east", "north"),
        (" ".join(["word"] * 30), " ".join(["word"] * 20)),
        ("examine café", "examine cafe"),
        ("take keeper\u2019s coat", "take keeper's coat"),
        ("\\help", "help"),
        ("look then ../../evil then script", "look then"),
        ("script /tmp/evil", "script tmp evil"),
        ("take\x00 lamp\x1b[2J", "take lamp 2J"),
        ("🚪 open door", "open door"),
        ("\ud800", ""),
        ("", ""),
    ],
)
def test_an_action_is_cut_as_agentboard_does_and_cleaned_for_the_interpreter(action, command):
    assert commands.clean(action) == command


@given(st.text())
def test_no_order_to_the_interpreter_and_no_path_gets_through(action):
    command = commands.clean(action)
    assert len(command) <= commands.MAX_CHARS
    assert command.isascii()
    assert command.isprintable()
    assert not set(command) & set("\\/.,;|<>~$*")
    assert commands.clean(command) == command


def test_words_of_any_length_are_cut_to_the_bound():
    assert len(commands.clean("a" * 1_000_000)) == commands.MAX_CHARS


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("look", {}, "look"),
        ("go", {"direction": "north"}, "go north"),
        ("take", {"thing": "oil can"}, "take oil can"),
        ("put", {"thing": "key", "preposition": "in", "place": "tin"}, "put key in tin"),
        ("unlock", {"thing": "iron door", "key": "brass key"}, "unlock iron door with brass key"),
        ("check_valid_actions", {}, "check valid actions"),
        ("command", {"text": "set radio to 13"}, "set radio to 13"),
    ],
)
def test_a_call_and_its_text_mean_the_same(name, arguments, text):
    assert commands.call_to_action(name, arguments) == text
    assert commands.action_to_call(text) == {"name": name, "arguments": arguments}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("fly", {}),
        ("look", {"thing": "lamp"}),
        ("take", {}),
        ("take", {"thing": ""}),
        ("take", {"thing": 3}),
        ("take", {"thing": ["lamp"]}),
        ("take", {"thing": "x" * 101}),
        ("go", {"direction": "sideways"}),
        ("put", {"thing": "key", "preposition": "behind", "place": "tin"}),
    ],
)
def test_a_call_that_no_tool_takes_has_no_text(name, arguments):
    assert commands.call_to_action(name, arguments) is None


def test_what_has_no_tool_of_its_own_is_said_by_command():
    for text in ("north", "search coat", "go sideways", "put on gloves", "unlock door"):
        assert commands.action_to_call(text) == {"name": "command", "arguments": {"text": text}}
    assert commands.action_to_call("  ") is None


def test_all_tools_are_valid_json_schema_with_every_argument_required():
    for form in commands.forms().values():
        function = form.schema()["function"]
        jsonschema.Draft202012Validator.check_schema(function["parameters"])
        assert set(function["parameters"]["required"]) == set(function["parameters"]["properties"])
        assert function["description"]


@given(st.text())
def test_a_calls_text_is_read_back_as_a_call_with_the_same_text(action):
    call = commands.action_to_call(action)
    if call is not None:
        text = commands.call_to_action(call["name"], call["arguments"])
        assert text is not None
        assert text.lower() == action.strip().lower()
