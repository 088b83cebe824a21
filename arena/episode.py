"""One contestant on one task: the loop that everything else serves.

A reply either gives an action, which the environment plays, or one typed failure, which costs a turn and is
answered with a sentence that says what was wrong. Each turn is recorded before the next reply is asked for.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from arena.agent import Agent, Thinking
from arena.pace import Pace
from arena.patience import STEP_TIMEOUT_S, within
from arena.protocol.base import Decision, Failure, FailureKind
from arena.protocol.json_reply import diagnose
from arena.records import EpisodeEnded, EpisodeKey, EpisodeStarted, Event, ReplyText, Turn, TurnPlayed
from envs.base import ArenaEnv, Task
from envs.errors import EnvironmentCrashed

Listener = Callable[[Event], None]


class Recorder(Protocol):
    """Where an episode is recorded; each call returns when the record is safe."""

    def begin(self, goal: str, observation: str) -> None:
        """Record the goal and the first observation."""

    def append(self, turn: Turn) -> None:
        """Record one turn."""


class Diverged(Exception):
    """Re-stepping the recorded actions led elsewhere: the recorded attempt can't be continued."""


@dataclass(frozen=True)
class Position:
    """Where an episode stands: what the agent sees next, and what its last turn did."""

    observation: str
    progress: float
    success: bool
    over: bool
    subgoals: Mapping[str, bool]
    scores: Mapping[str, Any] = field(default_factory=dict)
    valid: bool = True
    failure: Failure | None = None
    env_s: float = field(default=0.0, compare=False)


async def play_episode(
    key: EpisodeKey,
    task: Task,
    env: ArenaEnv,
    make_agent: Callable[[ArenaEnv], Agent],
    recorder: Recorder,
    recorded: Sequence[Turn],
    pace: Pace,
    listen: Listener,
    *,
    streaming: bool,
    step_timeout_s: float = STEP_TIMEOUT_S,
) -> EpisodeEnded:
    """Play an episode to its end, from where its recorded turns left off, and return how it ended.

    `streaming` announces replies while they are written (`ReplyText`), which costs the engine some time. An
    environment that gives no answer for `step_timeout_s` has crashed.
    Raises `EngineError` or `EnvironmentCrashed` where the infrastructure failed (the episode is owed again),
    `Diverged` where the recorded turns don't replay, `StoreError` where a turn can't be recorded.
    """
    first, info = await within(step_timeout_s, env.reset, seed=key.seed, options={"task": task})
    agent = make_agent(env)
    recorder.begin(info["goal"], first)
    listen(EpisodeStarted(key, info["goal"], first, task.max_steps, resumed_turns=len(recorded)))
    now = Position(first, info["progress"], info["success"], info["success"], info["subgoals"])
    for turn in recorded:
        now = await _step_again(turn, now, agent, env, step_timeout_s)

    turns = len(recorded)
    while not now.over and turns < task.max_steps:
        await pace(key, turns)
        seen = now.observation
        thinking = await agent.act(seen, _streamer(key, turns, listen) if streaming else None)
        now = await play(
            thinking.decision, thinking.completion.finish_reason, now, agent, env, step_timeout_s
        )
        turn = _turn(turns, seen, thinking, now)
        recorder.append(turn)
        listen(TurnPlayed(key, turn, thinking.completion.estimated_tokens))
        turns += 1
        if now.failure and now.failure.kind is FailureKind.ENVIRONMENT_ERROR:
            raise EnvironmentCrashed(now.failure.got)
    return EpisodeEnded(key, "done", now.progress, now.success, turns)


async def play(
    decision: Decision,
    finish_reason: str,
    before: Position,
    agent: Agent,
    env: ArenaEnv,
    step_timeout_s: float,
) -> Position:
    """Return where an episode stands after a decision; a crash of its environment is a failure there."""
    if decision.action is None:
        complaint = agent.complaint(decision)
        return replace(before, observation=complaint, valid=False, failure=decision.failure, env_s=0.0)
    if refusal := agent.refusal(decision.action):
        return replace(before, observation=refusal, valid=False, failure=None, env_s=0.0)
    began = time.perf_counter()
    try:
        observation, _, terminated, truncated, info = await within(step_timeout_s, env.step, decision.action)
    except EnvironmentCrashed as crash:
        failure = Failure(FailureKind.ENVIRONMENT_ERROR, (0, 0), "an environment that answers", crash.message)
        return replace(
            before, observation="", valid=False, failure=failure, env_s=time.perf_counter() - began
        )
    return Position(
        observation=observation,
        progress=info["progress"],
        success=info["success"],
        over=terminated or truncated,
        subgoals=info["subgoals"],
        scores={key: info[key] for key in ("scores", "grading") if key in info},
        valid=info["valid"],
        failure=diagnose(decision.action, finish_reason) if env.reply_json and not info["valid"] else None,
        env_s=time.perf_counter() - began,
    )


async def _step_again(
    turn: Turn, before: Position, agent: Agent, env: ArenaEnv, step_timeout_s: float
) -> Position:
    decision = Decision(turn.thought, turn.action, turn.failure)
    agent.recall(before.observation, turn.reply, decision)
    now = await play(decision, turn.finish_reason, before, agent, env, step_timeout_s)
    if (now.observation, now.progress, now.valid) != (turn.outcome, turn.progress, turn.valid):
        raise Diverged(f"turn {turn.index} of the recorded attempt does not replay")
    return now


def _turn(index: int, seen: str, thinking: Thinking, now: Position) -> Turn:
    completion, decision = thinking.completion, thinking.decision
    return Turn(
        index=index,
        observation=seen,
        reply=completion.text,
        thought=decision.thought,
        action=decision.action,
        # an environment may crash at a fine decision, or not read a reply: the failure is the position's
        failure=now.failure,
        outcome=now.observation,
        valid=now.valid,
        progress=now.progress,
        success=now.success,
        subgoals=now.subgoals,
        scores=now.scores,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        cached_tokens=completion.cached_tokens,
        thought_tokens=_thought_tokens(thinking),
        latency_s=completion.latency_s,
        env_s=now.env_s,
        prompt_hash=thinking.prompt.hash,
        dropped_items=thinking.prompt.dropped_items,
    )


def _thought_tokens(thinking: Thinking) -> int:
    # engines count the whole reply; the thought's share is estimated by its share of the characters
    reply, thought = thinking.completion.text, thinking.decision.thought
    return round(thinking.completion.completion_tokens * len(thought) / len(reply)) if reply else 0


def _streamer(key: EpisodeKey, turn: int, listen: Listener) -> Callable[[str], None]:
    return lambda text: listen(ReplyText(key, turn, text))
