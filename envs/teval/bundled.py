"""Bundled T-Eval tasks: drawn from calls of our own tools (`calls.toml`), in the originals' record format."""

import json
import random
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

TOOLS_SHOWN = 6
COUNTS = {
    "instruct-json": 26,
    "instruct-str": 26,
    "plan-json": 26,
    "plan-str": 26,
    "reason-str": 26,
    "retrieve-str": 26,
    "understand-str": 26,
    "rru-json": 26,
    "review-str": 30,
}
"""How many tasks each subset has; reason, retrieve and understand share the JSON ones of rru."""


@dataclass(frozen=True)
class Call:
    """A call with its slots filled."""

    tool: str
    request: str
    thought: str
    args: Mapping[str, Any]
    result: str


@cache
def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads(files("envs.teval").joinpath(name).read_text(encoding="utf-8"))


@cache
def schemas(toolkit: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the functions of one of our toolkits by their full names, `TOOLKIT.NAME`."""
    text = files("envs.tools").joinpath(f"schemas/{toolkit}.json").read_text(encoding="utf-8")
    functions = [tool["function"] for tool in json.loads(text)]
    return {f"{toolkit}.{function['name']}": function for function in functions}


def calls() -> Sequence[Mapping[str, Any]]:
    """Return the templates of calls."""
    return _read("calls.toml")["calls"]


def record(subset: str, index: int) -> dict[str, Any]:
    """Return a record in T-Eval's format, with ability, form and the gold reply (`expert`) besides."""
    draw = random.Random(f"teval-{subset}-{index}")
    ability, _, form = subset.partition("-")
    ability = "reason_retrieve_understand" if ability == "rru" else ability
    made = _MAKERS[ability](form, index, draw)
    return {
        "ability": ability,
        "form": form,
        "origin_prompt": [{"role": "user", "content": made.pop("prompt").strip()}],
        **made,
    }


def _call(index: int, turn: int) -> Call:
    template = calls()[index % len(calls())]
    slots = {name: values[turn % len(values)] for name, values in template["slots"].items()}
    return Call(
        tool=template["tool"],
        request=template["request"].format(**slots),
        thought=template["thought"].format(**slots),
        args={name: _filled(value, slots) for name, value in template["args"].items()},
        result=template["result"].format(**slots),
    )


def _filled(value: str, slots: Mapping[str, Any]) -> Any:
    name = value.removeprefix("{").removesuffix("}")
    return slots[name] if value == "{" + name + "}" else value.format(**slots)


def _shown(names: Sequence[str], draw: random.Random) -> tuple[str, list[str]]:
    """Return tools in words, some that are not needed among them, and their names."""
    toolkit = schemas(names[0].partition(".")[0])
    others = [name for name in toolkit if name not in names]
    shown = [*names, *draw.sample(others, max(0, min(TOOLS_SHOWN - len(names), len(others))))]
    draw.shuffle(shown)
    lines = [
        f"- {name}({', '.join(toolkit[name]['parameters']['properties'])}): {toolkit[name]['description']}"
        for name in shown
    ]
    return "\n".join(lines), shown


def _prompt(key: str, **filled: Any) -> str:
    return _read("prompts.toml")[key].format(**filled)


def _instruct(form: str, index: int, draw: random.Random) -> dict[str, Any]:
    call = _call(index, draw.randrange(4))
    tools, _ = _shown([call.tool], draw)
    told = {"tools": tools, "request": call.request, "name": call.tool, "arguments": dict(call.args)}
    gold = {"action": call.tool, "args": dict(call.args)}
    if form == "json":
        keys = _read("prompts.toml")["keys"][index % 2]
        reply = json.dumps(
            {keys["thought"]: call.thought, keys["action"]: call.tool, keys["args"]: call.args}
        )
        return {
            "prompt": _prompt("instruct_json", **told, **keys),
            "template": dict(keys),
            "ground_truth": gold,
            "meta_data": {"response_format": "json"},
            "expert": reply,
        }
    marks = _read("prompts.toml")["marks"][index % 2]
    shape = "".join(
        f"{marks[f'{part}_start']} {{}}{marks[f'{part}_end']}" for part in ("thought", "action", "args")
    )
    return {
        "prompt": _prompt("instruct_str", **told, form=shape.format("why", "name of the tool", "arguments")),
        "template": dict(marks),
        "ground_truth": gold,
        "meta_data": {"response_format": "string"},
        "expert": shape.format(call.thought, call.tool, dict(call.args)),
    }


def _plan(form: str, index: int, draw: random.Random) -> dict[str, Any]:
    toolkits = sorted({template["tool"].partition(".")[0] for template in calls()})
    toolkit = toolkits[index % len(toolkits)]
    fitting = [i for i, each in enumerate(calls()) if each["tool"].startswith(f"{toolkit}.")]
    chosen = draw.sample(fitting, min(2 + index % 3, len(fitting)))
    steps = [_call(i, draw.randrange(4)) for i in chosen]
    tools, names = _shown([step.tool for step in steps], draw)
    request = "\n".join(f"{number}. {step.request}" for number, step in enumerate(steps, 1))
    gold = [
        {"id": number, "name": step.tool, "args": str(dict(step.args))} for number, step in enumerate(steps)
    ]
    lines = [f"{number}. {step.tool} {dict(step.args)}" for number, step in enumerate(steps, 1)]
    meta = {"prompt_type": form} | ({"API_list": names} if form == "str" else {})
    return {
        "prompt": _prompt(f"plan_{form}", tools=tools, request=request),
        "ground_truth": gold,
        "meta": meta,
        "expert": json.dumps(gold) if form == "json" else "\n".join(lines),
    }


def _single(ability: str) -> Callable[[str, int, random.Random], dict[str, Any]]:
    def make(form: str, index: int, draw: random.Random) -> dict[str, Any]:
        call = _call(index, draw.randrange(4))
        tools, _ = _shown([call.tool], draw)
        gold = {"thought": call.thought, "name": call.tool, "args": dict(call.args)}
        told = {"tools": tools, "request": call.request, "thought": call.thought, "name": call.tool}
        replies = {"reason": call.thought, "retrieve": call.tool, "understand": str(dict(call.args))}
        return {
            "prompt": _prompt(ability, **told),
            "ground_truth": gold,
            "meta_data": {"response_format": form},
            "expert": replies.get(ability) or json.dumps(gold),
        }

    return make


def _review(form: str, index: int, draw: random.Random) -> dict[str, Any]:
    call = _call(index, draw.randrange(4))
    letter = "ABCDE"[index % 5]
    failures = _read("prompts.toml")["failures"]
    called, arguments, result = call.tool, dict(call.args), call.result
    if letter == "B":
        toolkit = [name for name in schemas(call.tool.partition(".")[0]) if name != call.tool]
        called, result = draw.choice(toolkit), failures["wrong"]
    elif letter == "C":
        arguments, result = {"subject": call.request}, failures["wrong"]
    elif letter == "D":
        result = failures["down"]
    elif letter == "E":
        called, arguments, result = "no tool", {}, failures["nothing"]
    return {
        "prompt": _prompt("review", request=call.request, called=called, arguments=arguments, result=result),
        "template": {},
        "ground_truth": {"answer": letter},
        "meta_data": {"response_format": form},
        "expert": f"Answer: {letter}",
    }


_MAKERS: Mapping[str, Callable[[str, int, random.Random], dict[str, Any]]] = {
    "instruct": _instruct,
    "plan": _plan,
    "reason": _single("reason"),
    "retrieve": _single("retrieve"),
    "understand": _single("understand"),
    "reason_retrieve_understand": _single("reason_retrieve_understand"),
    "review": _review,
}
