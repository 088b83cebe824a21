"""What a request is burdened with on purpose: more tools than its task needs, text that nobody asks about.

Three settings of a contestant or a suite. `offered_tools=32` fills up a task's own tools to 32 with tools of
our other toolkits and of `distractors.toml`; they stand among the others, in an order of the task's own, and
a call to one is answered by a sentence and costs a turn. With fewer tools in all, those that stay are the
same.
`filler_tokens=4000` puts so much text before the first message of a user. `result_tokens=200` puts so many
fields behind each result of an action, under the name `_meta`: only the agent sees them. The environment and
the record know the result alone, so nothing that is scored is touched.
"""

import hashlib
import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from arena.errors import Unsupported, UsageError
from envs.base import ToolSchema, parse_call
from envs.needle.haystack import essays
from envs.tools import schema

TOOLKITS = ("weather", "movie", "academia", "todo", "sheet")
EVERY_TOOLKITS = {"finish", "check_valid_actions"}
"""What all toolkits have is no distractor: whether it is the task's own can't be told from its name."""

WORDS_OF_4_TOKENS = 3
"""What usual tokenizers make of English. Fixed, so that a prompt can be built again without its engine."""
CHARS_OF_A_TOKEN = 4
"""The same of JSON."""


def check_burden(name: str, offered_tools: int | None, protocol: str, style: str) -> None:
    """Raise `Unsupported` where a contestant is to be offered more tools in a form that doesn't show any."""
    if offered_tools is None:
        return
    if protocol != "json":
        raise Unsupported(
            f"{name} plays by the protocol {protocol!r}, which shows no tools", "add protocol=json"
        )
    if style == "terse":
        raise Unsupported(f"{name} is asked in the style 'terse', which shows no tools", "add style=chat")


def offered(own: Sequence[ToolSchema], count: int | None, draw: str) -> tuple[ToolSchema, ...]:
    """Return `count` tools: a task's own, and others among them; just its own where `count` is None.

    `draw` seeds which ones, and their order; more of them contain the fewer. Raises `UsageError` where the
    task has more tools of its own than are to be offered, or none, or there are not as many others.
    """
    if count is None:
        return tuple(own)
    if not own:
        raise UsageError("a task without tools can't be offered more of them", "choose tasks with tools")
    if len(own) > count:
        raise UsageError(f"a task has {len(own)} tools of its own, and {count} are to be offered")
    names = {name_of(tool) for tool in own}
    others = sorted(
        (tool for tool in catalogue() if name_of(tool) not in names), key=lambda tool: _drawn(draw, tool)
    )
    if count > len(own) + len(others):
        raise UsageError(
            f"{count} tools can't be offered: with the task's own there are {len(own) + len(others)}"
        )
    chosen = [*own, *others[: count - len(own)]]
    return tuple(sorted(chosen, key=lambda tool: _drawn(f"order {draw}", tool)))


def told(instructions: str, own: Sequence[ToolSchema], tools: Sequence[ToolSchema]) -> str:
    """Return instructions that list the offered tools as well, if they list a task's own ones in words."""
    names = {name_of(tool) for tool in own}
    more = [tool for tool in tools if name_of(tool) not in names]
    if not more or not all(f"{name}(" in instructions for name in names):
        return instructions
    return "\n\n".join([instructions, *(schema.in_words(tool["function"]) for tool in more)])


def refusal(action: str, offered_only: Collection[str]) -> str | None:
    """Return the observation that answers a call to a tool that is only offered; None for other actions."""
    call = parse_call(action)
    if call is None or call["name"] not in offered_only:
        return None
    return f"ERROR | {call['name']} is not available here."


def was_refused(action: str, outcome: str) -> bool:
    """Tell whether a recorded outcome is a refusal, so that its action never reached an environment."""
    call = parse_call(action)
    return call is not None and outcome == refusal(action, [call["name"]])


def filler(tokens: int | None, draw: str) -> str:
    """Return a text of about so many tokens, in whole sentences; `draw` seeds which."""
    if not tokens:
        return ""
    return essays(f"filler-{draw}", max(1, tokens * WORDS_OF_4_TOKENS // 4)) + "\n\n"


def padded(result: str, tokens: int | None, draw: str) -> str:
    """Return a result with about so many tokens of fields behind it that say nothing of it.

    They are what a service might log beside its answer (`result_log.toml`); `draw` seeds what. More tokens
    contain the fewer.
    """
    if not tokens:
        return result
    said, length = _result_log(), 0
    log: list[Mapping[str, Any]] = []
    while length < tokens * CHARS_OF_A_TOKEN:
        numbers = hashlib.sha256(f"{draw} {len(log)}".encode()).digest()
        step, place, remark = (
            said[name][number % len(said[name])]
            for name, number in zip(("steps", "places", "remarks"), numbers, strict=False)
        )
        log.append({"step": step, "at": place, "took_ms": numbers[3], "remark": remark})
        length += len(json.dumps(log[-1]))
    return f"{result}\n{json.dumps({'_meta': {'note': said['note'], 'log': log}})}"


def name_of(tool: ToolSchema) -> str:
    """Return a tool's name."""
    return str(tool["function"]["name"])


@cache
def _result_log() -> Mapping[str, Any]:
    return tomllib.loads(files("arena").joinpath("result_log.toml").read_text(encoding="utf-8"))


@cache
def catalogue() -> tuple[ToolSchema, ...]:
    """Return all tools that can be offered, each name once."""
    found = {name_of(tool): tool for toolkit in TOOLKITS for tool in schema.tools(toolkit)}
    text = files("arena").joinpath("distractors.toml").read_text(encoding="utf-8")
    for table in tomllib.loads(text).values():
        if isinstance(table, dict):
            found |= {name: _tool(name, *said) for name, said in table.items()}
    return tuple(tool for name, tool in found.items() if name not in EVERY_TOOLKITS)


def _tool(name: str, description: str, *arguments: str) -> ToolSchema:
    properties: dict[str, Mapping[str, Any]] = {}
    required = []
    for argument in arguments:
        argument_name, _, kind = argument.partition(":")
        plain = argument_name.removesuffix("?")
        properties[plain] = {"type": kind, "description": f"The {plain.replace('_', ' ')}."}
        if plain == argument_name:
            required.append(plain)
    parameters = {"type": "object", "properties": properties, "required": required}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


def _drawn(draw: str, tool: ToolSchema) -> str:
    return hashlib.sha256(f"{draw} {name_of(tool)}".encode()).hexdigest()
