"""What an agent may say: its text as a command to the game, and its tool calls as text."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from envs.base import ToolSchema

MAX_WORDS = 20
"""AgentBoard's bound on a command (agentboard/tasks/jericho.py, `parse_action`)."""
MAX_CHARS = 160
"""Ours; the interpreter's buffer ends at 198."""
MAX_ARGUMENT_CHARS = 100


def clean(action: str) -> str:
    """Return the command that an action means.

    As AgentBoard: what stands before the first comma and then before the first full stop, its first 20 words.
    More than AgentBoard: it also ends at `MAX_CHARS`; accents fall off letters; and what is no letter, digit,
    blank, hyphen, quote, `?` or `!` becomes a blank. Backslashes are orders to the interpreter (some make it
    loop for ever), and slashes could name files: it writes transcripts to files named like the command.
    """
    first = action[: 100 * MAX_CHARS].split(",")[0].split(".")[0]
    plain = unicodedata.normalize("NFKD", first.replace("\u2019", "'"))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    words = re.sub(r"[^A-Za-z0-9'\"?!-]+", " ", plain).split()
    return " ".join(words[:MAX_WORDS])[:MAX_CHARS].strip()


def asks_for_list(action: str) -> bool:
    """Tell whether an action asks for the valid actions, by AgentBoard's rule."""
    said = action.lower()
    return "check" in said and "action" in said


@dataclass(frozen=True)
class Form:
    """One tool: `text` is its command with `{argument}` gaps, `arguments` their JSON Schemas by name."""

    name: str
    text: str
    description: str
    arguments: Mapping[str, Mapping[str, Any]]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Match the commands of this form, with the arguments as groups."""
        pieces = re.split(r"\{(\w+)\}", self.text)
        for index in range(1, len(pieces), 2):
            allowed = self.arguments[pieces[index]].get("enum", ())
            choice = "|".join(map(re.escape, allowed)) or r"\S(?:.*\S)?"
            pieces[index] = f"(?P<{pieces[index]}>{choice})"
        return re.compile("".join(pieces), re.IGNORECASE)

    def schema(self) -> ToolSchema:
        """Return the tool in OpenAI's function format."""
        parameters = {
            "type": "object",
            "properties": {name: {"type": "string", **schema} for name, schema in self.arguments.items()},
            "required": list(self.arguments),
            "additionalProperties": False,
        }
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


@cache
def forms() -> Mapping[str, Form]:
    """Return all tools by name, those with fixed words first; the last takes any command."""
    rows = _tables()["tool"]
    return {
        row["name"]: Form(row["name"], row["text"], row["description"], row.get("arguments", {}))
        for row in rows
    }


def call_to_action(name: str, arguments: Mapping[str, Any]) -> str | None:
    """Return the text of a tool call, or None where no tool has this name or these arguments."""
    form = forms().get(name)
    if form is None or set(arguments) != set(form.arguments):
        return None
    for argument, value in arguments.items():
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_ARGUMENT_CHARS:
            return None
        if value not in form.arguments[argument].get("enum", (value,)):
            return None
    return form.text.format(**{argument: value.strip() for argument, value in arguments.items()})


def action_to_call(action: str) -> dict[str, Any] | None:
    """Return the tool call that means the same as a text action, or None where it is no command at all."""
    text = action.strip()
    for form in forms().values():
        if match := form.pattern.fullmatch(text):
            arguments = match.groupdict()
            if call_to_action(form.name, arguments) is not None:
                return {"name": form.name, "arguments": arguments}
    return None


def candidates(seen: Sequence[str], loose: Sequence[str]) -> list[str]:
    """Return the commands worth trying on things in sight, of which the loose ones can be in hand."""
    table = _tables()["candidates"]
    listed = list(table["plain"])
    listed += [text.format(thing=thing) for text in table["one"] for thing in seen]
    pairs = [(held, thing) for held in loose for thing in seen if held != thing]
    return listed + [text.format(held=held, thing=thing) for text in table["two"] for held, thing in pairs]


@cache
def wording() -> Mapping[str, Any]:
    """Return the texts that agents read, by name."""
    return _tables()["wording"]


@cache
def _tables() -> Mapping[str, Any]:
    return tomllib.loads(files("envs.jericho").joinpath("commands.toml").read_text(encoding="utf-8"))
