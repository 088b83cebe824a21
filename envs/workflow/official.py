"""Official WorfBench tasks, from the user's copy of its gold workflows.

Files, in the folder that `envs.datasets.official_folder("worfbench")` names, for each kind of task:
`KIND.json`, or `KIND/graph_eval.json` as in the repository's `gold_traj`. A file is a list of records with
`conversations` (role and content of system, user, assistant; the last is gold). Where `eval_prompt.py` (the
repository's `prompts/eval_prompt.py`) lies beside them, its `two_shot_example` is shown as the paper does;
it is read as data and never run. A record that stands twice is two tasks, as the original counts it.
"""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from envs.base import Task, copies_apart
from envs.datafile import array_items, text_of
from envs.datasets import how_to_import, official_folder
from envs.errors import BadData, MissingData

KINDS = ("wikihow", "toolbench", "toolalpaca", "lumos", "alfworld", "webshop", "os")
HELD_OUT = ("seal_tools", "intercodesql")
REPLY_TOKENS = 1024
MAX_CHARS = 200_000
YOUR_TURN = "Now it's your turn.\n"
"""Put before each user message behind the examples (WorfBench, node_eval.py, build_message)."""

Message = Mapping[str, str]


def official_tasks() -> list[Task]:
    """Return all tasks of the kinds of which there is a file. Raises `MissingData` or `BadData`."""
    folder = official_folder("worfbench")
    examples = _examples(folder / "eval_prompt.py")
    found: list[Task] = []
    for kind in (*KINDS, *HELD_OUT):
        path = next(
            (p for p in (folder / f"{kind}.json", folder / kind / "graph_eval.json") if p.is_file()), None
        )
        if path:
            found += _tasks(kind, path, examples.get(kind, ()))
    if not found:
        raise MissingData(f"{folder} holds no gold workflows (KIND.json)", how_to_import("worfbench"))
    return list(copies_apart(found))


def _tasks(kind: str, path: Path, examples: Sequence[Message]) -> list[Task]:
    tasks = []
    for index, (line, record) in enumerate(array_items(path)):
        system, *turns, gold = _conversation(record, f"{path}:{line}")
        if examples:
            turns = [
                {"role": turn["role"], "content": YOUR_TURN + turn["content"]}
                if turn["role"] == "user"
                else turn
                for turn in turns
            ]
        messages = [system, *examples, *turns]
        edges = gold["content"].count("(")
        tasks.append(
            Task(
                id=f"worfbench/{kind}/{index}",
                benchmark="worfbench",
                subset=kind,
                source="official",
                seed=0,
                max_steps=1,
                difficulty="easy" if edges <= 5 else "hard",
                data={"messages": messages, "gold": gold["content"]},
                reply_tokens=REPLY_TOKENS,
            )
        )
    return tasks


def _conversation(record: Any, place: str) -> list[Message]:
    turns = record.get("conversations") if isinstance(record, dict) else None
    if not isinstance(turns, list) or len(turns) < 3:
        raise BadData(f"{place} has no conversations of system, user and assistant")
    messages = [_message(turn, place) for turn in turns]
    if messages[-1]["role"] != "assistant":
        raise BadData(f"{place}: the last of the conversations is not the assistant's (gold)")
    return messages


def _message(turn: Any, place: str) -> Message:
    role, content = (turn.get("role"), turn.get("content")) if isinstance(turn, dict) else (None, None)
    if role not in ("system", "user", "assistant") or not isinstance(content, str):
        raise BadData(f"{place}: a message lacks a role or a content that is text")
    if len(content) > MAX_CHARS:
        raise BadData(f"{place}: a message is longer than {MAX_CHARS:,} characters")
    return {"role": role, "content": content}


def _examples(path: Path) -> Mapping[str, Sequence[Message]]:
    if not path.is_file():
        return {}
    try:
        program = ast.parse(text_of(path)[:MAX_CHARS])
        value = next(
            ast.literal_eval(statement.value)
            for statement in program.body
            if isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Name)
            and statement.targets[0].id == "two_shot_example"
        )
        return {kind: [_message(turn, str(path)) for turn in turns] for kind, turns in value.items()}
    except StopIteration:
        raise BadData(f"{path} has no two_shot_example") from None
    except (SyntaxError, ValueError, TypeError, AttributeError, MemoryError, RecursionError) as error:
        raise BadData(f"{path}: two_shot_example is not plain data: {error}"[:300]) from None
