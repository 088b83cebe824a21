"""A second reading of a run, from its exported JSONL alone and by none of Arena's code: its scores.

    python tests/independent/reading.py EXPORT.jsonl TOOLS.json

TOOLS.json has the tools that each task offers: {task id: {tool's name: JSON Schema of its arguments}}.
Knows the standard library and jsonschema only. A call is valid where the whole reply is one JSON object
(every key once) of a name and arguments that the offered tool's schema takes. Progress is the largest share
of subgoals that was done after any action that took effect; success is all of them.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema

Tools = Mapping[str, Mapping[str, Any]]
"""A tool's name -> the JSON Schema of its arguments."""


def is_valid_call(reply: str, tools: Tools) -> bool:
    """Tell whether a reply is one call that the tools take."""
    try:
        call = json.loads(reply, object_pairs_hook=_every_key_once)
    except ValueError:
        return False
    if not isinstance(call, dict) or set(call) != {"name", "arguments"} or call["name"] not in tools:
        return False
    return jsonschema.Draft202012Validator(tools[call["name"]]).is_valid(call["arguments"])


def _every_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def read(lines: Iterable[str], tools_of: Mapping[str, Tools]) -> dict[str, dict[str, float]]:
    """Return contestant -> {episodes, progress, success, valid_call_rate} over all benchmarks of the file.

    `tools_of` has the tools that each task offers, by the task's id.
    """
    episodes: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    turns: dict[str, list[bool]] = defaultdict(list)
    who, tools = "", {}
    for line in lines:
        row = json.loads(line)
        if "episode" in row:
            who, tools = row["episode"]["contestant"], tools_of[row["episode"]["task"]]
            episodes[who].append((0.0, False))
        elif "turn" in row:
            turn = row["turn"]
            turns[who].append(is_valid_call(turn["reply"], tools))
            if turn["valid"] and turn["subgoals"]:
                done = sum(turn["subgoals"].values()) / len(turn["subgoals"])
                best, solved = episodes[who][-1]
                episodes[who][-1] = max(best, done), solved or done == 1
    return {
        name: {
            "episodes": len(played),
            "progress": sum(progress for progress, _ in played) / len(played),
            "success": sum(solved for _, solved in played) / len(played),
            "valid_call_rate": sum(turns[name]) / len(turns[name]),
        }
        for name, played in episodes.items()
    }


if __name__ == "__main__":
    export, tools_file = Path(sys.argv[1]), Path(sys.argv[2])
    with export.open(encoding="utf-8") as lines:
        print(json.dumps(read(lines, json.loads(tools_file.read_text(encoding="utf-8"))), indent=2))
