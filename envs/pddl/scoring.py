"""Scores of a recorded PDDL episode: its actions, played again in the official problem."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from envs.base import Task
from envs.pddl import DOMAINS
from envs.pddl.env import PDDLEnv
from envs.pddl.tasks import tasks

MAX_TURNS = 10_000


def score_row(row: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Score one transcript: `row` has domain, problem_index (from 0, by file name) and turns, each an action.

    Returns `{"turns": [{progress, done, valid}, …]}`, as AgentBoard's environment reports them; its step
    limit is not part of it. Raises `ValueError` where a field is missing or wrong, or a turn follows the
    episode's end; `MissingData` where the official problems are not on this machine.
    """
    domain, index, turns = row.get("domain"), row.get("problem_index"), row.get("turns")
    if not isinstance(domain, str) or domain not in DOMAINS:
        raise ValueError(f"domain must be one of {', '.join(DOMAINS)}")
    if not isinstance(index, int) or isinstance(index, bool):
        raise ValueError("problem_index must be a whole number")
    if not isinstance(turns, list) or len(turns) > MAX_TURNS:
        raise ValueError(f"turns must be a list of at most {MAX_TURNS:,}")
    problems = _official()
    task = problems.get(f"pddl/{domain}/{index}")
    if task is None:
        raise ValueError(f"{domain} has no problem_index {index}")
    env = PDDLEnv("official")
    env.reset(options={"task": replace(task, max_steps=MAX_TURNS + 1)})
    scored: list[dict[str, Any]] = []
    for number, turn in enumerate(turns):
        action = turn.get("action") if isinstance(turn, Mapping) else None
        if not isinstance(action, str):
            raise ValueError(f"turns[{number}].action must be a text")
        if scored and scored[-1]["done"]:
            raise ValueError(f"turns[{number}] follows the end of the episode")
        _, _, done, _, info = env.step(action)
        scored.append({"progress": info["progress"], "done": done, "valid": info["valid"]})
    return {"turns": scored}


@cache
def _official() -> Mapping[str, Task]:
    return {task.id: task for task in tasks("official")}
