"""The contract of an engine: requests in, completions out, many at once."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

FinishReason = Literal["stop", "length"]
Style = Literal["flat", "chat", "terse", "bare"]
"""How a prompt is put together: see `arena.prompt`."""
Capability = Literal["logprobs", "tools", "constrained", "seed", "stream"]


@dataclass(frozen=True)
class Message:
    """One chat message. `role` is system, user or assistant."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Sampling:
    """How replies are decoded. Every field touches output, so it is part of a contestant's identity."""

    max_tokens: int = 100
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    top_logprobs: int = 0


class Oracle(Protocol):
    """What engines that read no prompt may ask: the environment, seen through the agent's protocol."""

    def expert_reply(self, turn: int) -> str:
        """Return the reply that plays the expert's action of this turn (numbered from 0)."""

    def valid_replies(self) -> Sequence[str]:
        """Return the replies whose actions would take effect now."""


@dataclass(frozen=True)
class Request:
    """One reply wanted: the conversation so far, how to decode, and which turn of which episode it is.

    `session` names the episode, for engines that keep state (KV cache) between its turns; `task`, `repeat`
    and `turn` (from 0) say where it stands, for replay, `task_hash` which of several tasks of that name.
    `on_text`, where given, is called with each new piece of text as it comes, from any thread. `plain` asks
    for the messages' text as it is, without the chat template, of engines that have one.
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    session: str
    task: str
    repeat: int
    turn: int
    oracle: Oracle
    tools: tuple[Mapping[str, Any], ...] = ()
    plain: bool = False
    task_hash: str = ""
    on_text: Callable[[str], None] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class TokenChoice:
    """One generated token, its log-probability, and the best alternatives (token id -> log-probability)."""

    token_id: int
    text: str
    logprob: float
    top: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Completion:
    """A reply. `cached_tokens` of the `prompt_tokens` were not computed again (KV cache of the session).

    `estimated_tokens` (prompt, reply) is the engine's guess where its server says nothing of tokens.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    latency_s: float = 0.0
    token_ids: tuple[int, ...] = ()
    choices: tuple[TokenChoice, ...] = ()
    estimated_tokens: tuple[int, int] | None = None


class Engine(ABC):
    """A source of completions.

    Continuous: `complete` may be called while earlier calls are still running; an engine that batches does
    so across calls, so that no episode waits for another's turn. Life: `start`, any number of `complete`
    and `release`, `close`. `start` does the slow work and raises `EngineError` where it can't be done.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    exclusive: ClassVar[bool] = False
    """True where the engine fills this machine (a model in process): such engines run one after another."""
    constrained: str | None = None
    """How replies are constrained to calls of the offered tools (`engines.constrained`), where they are."""
    concurrency: int = 8
    """How many episodes in flight it makes good use of."""
    context_tokens: int | None = None
    """Longest prompt plus reply in tokens; None where unknown or unlimited. Known after `start`."""

    async def start(self) -> None:  # noqa: B027 - most scripted engines have nothing to start
        """Get ready to complete. Raises `EngineError`."""

    @abstractmethod
    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return one completion for each request, in order. Raises `EngineError`."""

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> int:
        """Return the length in tokens of a prompt with these messages, and tools where the engine adds them.

        Engines without a tokenizer estimate 4 characters a token.
        """
        return sum(len(message.content) + 16 for message in messages) // 4

    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """Return what makes this engine's output its own: weights' hash, template's hash, build. JSON-able.

        Never a path, a port or anything else that may change between two equal runs. Called before `start`.
        """

    def preferred_style(self) -> Style | None:
        """Return the prompt style that the model was made for, where it says so. Called before `start`."""
        return None

    def size_bytes(self) -> int | None:
        """Return the model's size on disk, or None where there is no model or it is elsewhere."""
        return None

    async def release(self, session: str) -> None:  # noqa: B027 - nor state to forget
        """Forget what is kept for an episode (its KV cache)."""

    async def close(self) -> None:  # noqa: B027
        """Give back memory, connections and processes."""
