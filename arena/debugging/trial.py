"""Would it have been right? An action played in the state in which a failed turn was, and what came of it.

An action is right where it takes effect and either makes progress or is the very action of the baseline or
the benchmark's expert in the same state; where neither tells, taking effect is enough. So a failure of form
(the repaired call is right) is told from a failure of decision (it is not).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from arena.burden import refusal
from arena.debugging.opened import OpenedTurn, Run, tools_of
from arena.debugging.stage import CannotReplay, step, was_played
from arena.records import Turn
from envs.base import ArenaEnv, parse_call
from envs.errors import EnvsError


@dataclass(frozen=True)
class Trial:
    """What an action would have done. `right` is None where it can't be said, for the reason in `problem`.

    `same_as` says whose action it is, `told` what they did instead (text or canonical JSON), where they tell.
    """

    action: str
    right: bool | None
    valid: bool = False
    progress_before: float = 0.0
    progress: float = 0.0
    outcome: str = ""
    same_as: Literal["baseline", "expert"] | None = None
    told: str | None = None
    problem: str = ""


def try_action(run: Run, opened: OpenedTurn, action: str) -> Trial:
    """Return what an action would have done in the state that an opened turn was in; raises nothing."""
    task, seed = opened.task, opened.episode.key.seed
    # asked first: it sets up the environment that is played in
    offered_only = tools_of(run, opened)[1] if opened.protocol == "json" else frozenset()
    try:
        env = run.stage.replay(task, seed, opened.before)
        before = opened.before[-1].progress if opened.before else 0.0
        if not_there := refusal(action, offered_only):
            return Trial(action, False, False, before, before, not_there)
        outcome, info = step(env, action)
        valid, progress = bool(info["valid"]), float(info["progress"])
        same_as, told = None, None  # type: Literal["baseline", "expert"] | None, str | None
        if valid:
            same_as, told = _told(run, opened, env, action, makes_progress=progress > before)
    except CannotReplay as reason:
        return Trial(action, None, problem=str(reason))
    right = valid and (progress > before or same_as is not None or told is None)
    return Trial(action, right, valid, before, progress, outcome, same_as, told)


def try_repair(run: Run, opened: OpenedTurn) -> Trial | None:
    """Return what the repaired call of a failed turn would have done; None where there is no repair."""
    failure = opened.turn.failure
    return None if failure is None or failure.repair is None else try_action(run, opened, failure.repair)


def baseline_action(opened: OpenedTurn) -> str | None:
    """Return what the baseline did in the state that an opened turn was in, where it was in it."""
    if opened.baseline is None:
        return None
    done, theirs = _effects(opened.before), _effects(opened.baseline.turns)
    return theirs[len(done)] if len(theirs) > len(done) and theirs[: len(done)] == done else None


def _told(
    run: Run, opened: OpenedTurn, env: ArenaEnv, action: str, *, makes_progress: bool
) -> tuple[Literal["baseline", "expert"] | None, str | None]:
    baseline = baseline_action(opened)
    if baseline is not None and _meaning(env, baseline) == _meaning(env, action):
        return "baseline", baseline
    if makes_progress:  # right already: the expert, which may have to think for long, is not asked
        return None, baseline
    expert = _expert_action(run, opened)
    if expert is not None and _meaning(env, expert) == _meaning(env, action):
        return "expert", expert
    return None, expert if baseline is None else baseline


def _expert_action(run: Run, opened: OpenedTurn) -> str | None:
    env = run.stage.replay(opened.task, opened.episode.key.seed, opened.before)
    try:
        return next(iter(env.expert()), None)
    except (NotImplementedError, EnvsError):
        return None


def _meaning(env: ArenaEnv, action: str) -> str:
    """Return an action in its text form, so that a call and a line that mean the same are the same."""
    call = parse_call(action)
    if call is None:
        return action.strip()
    text = env.call_to_action(call["name"], call["arguments"])
    return json.dumps(call, sort_keys=True) if text is None else text


def _effects(turns: Sequence[Turn]) -> list[str]:
    return [str(turn.action) for turn in turns if was_played(turn) and turn.valid]
