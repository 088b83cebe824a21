"""The request of a recorded turn, built again as it was sent.

A run keeps observations, replies and a hash of each prompt, not the prompts. The agent itself builds them
again from its task and its recorded turns; where the hash of what comes out is another, that is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arena.agent import Agent, AgentSettings, settings_from_json
from arena.debugging.stage import CannotReplay, Stage
from arena.engines.base import Completion, Engine, Request
from arena.protocol.base import Decision
from arena.records import EpisodeKey, Turn
from envs.base import Task


@dataclass(frozen=True)
class Rebuilt:
    """A turn's request. `exact`: its prompt's hash is the recorded one. `problem` says why it is not.

    Without a `request` it could not be built at all.
    """

    request: Request | None
    exact: bool
    problem: str = ""


class _Nobody(Engine):
    """Stands where an agent needs an engine that it never asks."""

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        raise NotImplementedError

    def identity(self) -> Mapping[str, Any]:
        raise NotImplementedError


def recorded_settings(contestant: Mapping[str, Any]) -> AgentSettings | None:
    """Return how a contestant of a plan was asked; None where it does not say (other harnesses' logs)."""
    try:
        return settings_from_json(contestant["identity"]["settings"])
    except (KeyError, TypeError, ValueError):
        return None


def rebuilt(
    stage: Stage,
    contestant: Mapping[str, Any],
    key: EpisodeKey,
    task: Task,
    before: Sequence[Turn],
    turn: Turn,
) -> Rebuilt:
    """Return the request of `turn`, which `before` are the turns before; raises nothing."""
    settings = recorded_settings(contestant)
    if settings is None:
        return Rebuilt(None, exact=False, problem="the log does not hold how the model was asked")
    try:
        env, _ = stage.begin(task, key.seed)
    except CannotReplay as reason:
        return Rebuilt(None, exact=False, problem=str(reason))
    agent = Agent(_Nobody(), settings, env, key)
    for earlier in before:
        agent.recall(earlier.observation, earlier.reply, recorded_decision(earlier))
    prompt, request = agent.ask_again(turn.observation, turn.dropped_items)
    exact = prompt.hash == turn.prompt_hash
    problem = "" if exact else "what was sent had another hash: another version of Arena, or a shortened text"
    return Rebuilt(request, exact, problem)


def recorded_decision(turn: Turn) -> Decision:
    """Return what a recorded reply meant. The failure of a reply that was played is its environment's."""
    return Decision(turn.thought, turn.action, None if turn.action is not None else turn.failure)
