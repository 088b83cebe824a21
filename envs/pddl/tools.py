"""A world's actions as tools: one per operator, named parameters, and only objects that can be meant."""

from collections.abc import Iterator, Mapping
from typing import Any

from envs.base import ToolSchema
from envs.pddl.reading import Reading
from envs.pddl.wording import common
from envs.pddl.world import World


def tools(world: World) -> Iterator[ToolSchema]:
    """Yield the tools (OpenAI function format) of a world; operators that fit no objects have none."""
    for operator, choices in world.choices.items():
        names = world.words.parameters[operator]
        properties = {
            name: {"type": "string", "enum": list(choice)}
            for name, choice in zip(names, choices, strict=True)
        }
        yield _tool(operator, world.words.actions[operator]["description"], properties)
    for name in world.words.extras:
        yield _tool(name, common()[name]["description"], {})


def call_to_action(world: World, name: str, arguments: Mapping[str, Any]) -> str | None:
    """Return the text of a call, or None where a tool's name or arguments are not those of its schema."""
    if name in world.words.extras:
        return None if arguments else common()[name]["text"]
    names = world.words.parameters.get(name)
    if names is None or name not in world.choices or set(arguments) != set(names):
        return None
    given = [arguments[each] for each in names]
    if not all(
        isinstance(value, str) and value in allowed
        for value, allowed in zip(given, world.choices[name], strict=True)
    ):
        return None
    return world.words.action(name, given)


def reading_to_call(world: World, reading: Reading) -> dict[str, Any] | None:
    """Return the call that means the same as a reading, or None where the tool does not take its objects."""
    names = world.words.parameters[reading.operator]
    arguments = dict(zip(names, reading.arguments, strict=True))
    if call_to_action(world, reading.operator, arguments) is None:
        return None
    return {"name": reading.operator, "arguments": arguments}


def _tool(name: str, description: str, properties: Mapping[str, Any]) -> ToolSchema:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            },
        },
    }
