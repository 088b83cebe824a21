"""What is remembered of a contest: turns, episodes, and the events by which they become known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from arena.protocol.base import Failure

EpisodeStatus = Literal["running", "done", "error", "superseded"]


@dataclass(frozen=True)
class EpisodeKey:
    """Which episode: unique in a run. `task_hash` is the task's content hash, `task` its name."""

    contestant: str
    task: str
    task_hash: str
    seed: int
    repeat: int

    @property
    def unique(self) -> tuple[str, str, int, int]:
        """What tells the episode from all others of its run: content, not the task's name."""
        return self.contestant, self.task_hash, self.seed, self.repeat

    @property
    def session(self) -> str:
        """Name of the episode for engines that keep state between its turns.

        Without the contestant, which has an engine of its own: what is drawn by chance shall not depend on
        how a contestant is called.
        """
        return f"{self.task_hash}|{self.seed}|{self.repeat}"


@dataclass(frozen=True)
class Turn:
    """One observation -> reply -> action -> outcome.

    `index` counts from 0. `outcome` is the observation that the action led to (the next turn's
    `observation`). `progress` is the progress rate after the turn (running maximum), `valid` the grounding:
    did the action take effect. `scores` holds the benchmark's own scores and how they were computed (scoring,
    encoder), where it has such. `prompt_hash` identifies the request as sent; `dropped_items` history items
    did not fit in the context window.
    """

    index: int
    observation: str
    reply: str
    thought: str
    action: str | None
    failure: Failure | None
    outcome: str
    valid: bool
    progress: float
    success: bool
    subgoals: Mapping[str, bool] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    thought_tokens: int = 0
    latency_s: float = 0.0
    env_s: float = 0.0
    prompt_hash: str = ""
    dropped_items: int = 0


@dataclass(frozen=True)
class Episode:
    """One contestant on one task: the head of its turns.

    `progress` and `success` are those of the last turn; `turns` counts them; `attempt` counts from 1 (an
    attempt that is played anew is kept as superseded). `error` says why an attempt is owed again.
    """

    id: int
    key: EpisodeKey
    status: EpisodeStatus
    attempt: int
    goal: str
    first_observation: str
    turns: int = 0
    progress: float = 0.0
    success: bool = False
    error: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0


@dataclass(frozen=True)
class EpisodeStarted:
    """An episode begins (or goes on after a crash: `resumed_turns` turns are already recorded)."""

    key: EpisodeKey
    goal: str
    observation: str
    max_steps: int
    resumed_turns: int = 0


@dataclass(frozen=True)
class ReplyText:
    """A new piece of the reply that is being written. Only engines that stream send it."""

    key: EpisodeKey
    turn: int
    text: str


@dataclass(frozen=True)
class TurnPlayed:
    """A turn is over and recorded.

    `estimated_tokens` (prompt, reply) is known while it is played, where its engine's server counts none.
    """

    key: EpisodeKey
    turn: Turn
    estimated_tokens: tuple[int, int] | None = None


@dataclass(frozen=True)
class EpisodeEnded:
    """An episode is over: done (and scored), or an error that is owed again."""

    key: EpisodeKey
    status: EpisodeStatus
    progress: float
    success: bool
    turns: int
    error: str = ""


@dataclass(frozen=True)
class Notice:
    """Something that a person should know, such as a contestant that can't start."""

    text: str
    details: Mapping[str, Any] = field(default_factory=dict)


Event = EpisodeStarted | ReplyText | TurnPlayed | EpisodeEnded | Notice
