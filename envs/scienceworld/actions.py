"""The forms that actions take, as tools and as text."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from envs.base import ToolSchema


@dataclass(frozen=True)
class Form:
    """One row of actions.toml."""

    name: str
    text: str
    description: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    verbs: Sequence[str] = ()
    joints: Sequence[str] = ()
    electrical: bool = False

    @property
    def beginnings(self) -> list[str]:
        """What an action of this form can begin with."""
        return [self.text.partition("{")[0].strip(), *self.verbs]


def forms(*, electrical: bool) -> list[Form]:
    """Return the forms of a task's actions; those for circuits only where the task allows them."""
    return [form for form in _table() if electrical or not form.electrical]


def tools(known: Sequence[Form]) -> tuple[ToolSchema, ...]:
    """Return one tool a form (OpenAI function format)."""
    return tuple(
        {
            "type": "function",
            "function": {
                "name": form.name,
                "description": form.description,
                "parameters": {
                    "type": "object",
                    "properties": {name: _schema(name, what) for name, what in form.arguments.items()},
                    "required": list(form.arguments),
                    "additionalProperties": False,
                },
            },
        }
        for form in known
    )


def to_text(known: Sequence[Form], name: str, arguments: Mapping[str, Any]) -> str | None:
    """Return the text of a tool call, or None where no form has this name and these arguments."""
    form = next((form for form in known if form.name == name), None)
    if form is None or arguments.keys() != form.arguments.keys():
        return None
    words = {key: _word(key, value) for key, value in arguments.items()}
    return form.text.format(**words) if all(words.values()) else None


def to_call(known: Sequence[Form], action: str) -> dict[str, Any] | None:
    """Return the tool call that means the same as a text action, or None.

    Of several words that may join two arguments the last counts, as in `pour cup in art studio in jug`.
    """
    action = " ".join(action.split())
    if action.isascii() and action.isdigit():
        return {"name": "choose", "arguments": {"number": int(action)}} if len(action) < 10 else None
    starts = [(start, form) for form in known for start in form.beginnings if start]
    for start, form in sorted(starts, key=lambda pair: -len(pair[0])):
        if f"{action.lower()} ".startswith(f"{start} "):
            arguments = _arguments(form, action[len(start) :].strip())
            if arguments is not None:
                return {"name": form.name, "arguments": arguments}
    return None


def _arguments(form: Form, rest: str) -> dict[str, Any] | None:
    names = list(form.arguments)
    if len(names) < 2:
        return dict(zip(names, [rest] if rest else [], strict=True)) if bool(rest) == bool(names) else None
    for joint in form.joints:
        first, _, second = rest.rpartition(f" {joint} ")
        if first and second:
            return dict(zip(names, (first, second), strict=True))
    return None


def _word(name: str, value: Any) -> str:
    if name == "number":
        return str(value) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else ""
    return " ".join(value.split()) if isinstance(value, str) else ""


def _schema(name: str, description: str) -> dict[str, Any]:
    number = {"type": "integer", "minimum": 0}
    return (number if name == "number" else {"type": "string"}) | {"description": description}


@cache
def _table() -> tuple[Form, ...]:
    text = files(__package__).joinpath("actions.toml").read_text(encoding="utf-8")
    return tuple(Form(**row) for row in tomllib.loads(text)["action"])
