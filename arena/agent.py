"""An agent: an engine, a protocol, a prompt and a memory. `act(observation)` gives a decision."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from arena.engines.base import Completion, Engine, Message, Request, Sampling
from arena.errors import EngineError
from arena.prompt import Briefing, Item, Prompt, Style, build
from arena.protocol import protocol
from arena.protocol.base import Decision, ReplyProtocol
from arena.records import EpisodeKey
from envs.base import ArenaEnv

MAX_REMEMBERED_CHARS = 400
"""How much of a reply without an action stays in the history; a loop of garbage shall not fill it."""


@dataclass(frozen=True)
class AgentSettings:
    """How a contestant is asked. Every field touches output, so all are part of its identity."""

    protocol: str = "text"
    style: Style = "flat"
    sampling: Sampling = field(default_factory=Sampling)
    history_items: int = 100
    example: bool = True
    context_tokens: int | None = None


@dataclass(frozen=True)
class Thinking:
    """How a decision came about: the request as sent, the reply, and what the protocol made of it."""

    prompt: Prompt
    completion: Completion
    decision: Decision


class EpisodeOracle:
    """What the environment of one episode can tell an engine that reads no prompt (`engines.base.Oracle`)."""

    def __init__(self, env: ArenaEnv, protocol: ReplyProtocol) -> None:
        self._env = env
        self._protocol = protocol
        self._plan: Sequence[str] | None = None

    def expert_reply(self, turn: int) -> str:
        """Return the reply that plays the expert's action of this turn; empty after the last."""
        if self._plan is None:
            # a plan made in mid-episode (after a resume) begins at this turn
            try:
                self._plan = [""] * turn + list(self._env.expert())
            except NotImplementedError as error:
                raise EngineError(str(error), "leave `expert` out of this match") from None
        return self._reply(self._plan[turn]) if turn < len(self._plan) else ""

    def valid_replies(self) -> list[str]:
        """Return the replies whose actions would take effect now; none where nobody can list them."""
        try:
            actions = self._env.valid_actions()
        except NotImplementedError:
            return []
        return [reply for reply in map(self._try_reply, actions) if reply is not None]

    def _try_reply(self, action: str) -> str | None:
        try:
            return self._reply(action)
        except ValueError:  # an action that this protocol can't say is no reply that one could give
            return None

    def _reply(self, action: str) -> str:
        call = self._env.action_to_call(action) if self._protocol.name == "json" else None
        return self._protocol.render(action, call)


class Agent:
    """A contestant's mind for one episode. Its environment must have been reset: it gives the briefing."""

    def __init__(self, engine: Engine, settings: AgentSettings, env: ArenaEnv, key: EpisodeKey) -> None:
        whole = env.reply_form == "whole"
        self._engine = engine
        self._protocol = protocol("whole" if whole else settings.protocol)
        self._style: Style = "bare" if whole else settings.style
        self._settings = settings
        self._key = key
        self._window = _smaller(engine.context_tokens, settings.context_tokens)
        granted = env.task.reply_tokens if env.task else None
        self._sampling = replace(
            settings.sampling,
            # repeats of a task differ by their seed, as the tasks' own seeds do
            seed=settings.sampling.seed + key.repeat,
            max_tokens=granted or settings.sampling.max_tokens,
        )
        self._tools = tuple(env.tools())
        self._plain = env.plain_request
        self._oracle = EpisodeOracle(env, self._protocol)
        self._briefing = Briefing(
            instructions=env.instructions(),
            answer=self._protocol.describe(self._tools),
            answer_in_brief=self._protocol.in_brief(),
            example=_example(env, self._protocol) if settings.example else (),
            goal=env.goal(),
        )
        self._request = tuple(Message(**message) for message in env.messages())  # type: ignore[arg-type]
        self._history: list[Item] = []

    async def act(self, observation: str, on_text: Callable[[str], None] | None = None) -> Thinking:
        """Decide on the next action. Raises `EngineError`; never because of what the reply says."""
        self._see(observation)
        # counting a long prompt's tokens takes a while, in which others shall go on
        prompt = self._prompt() if self._window is None else await asyncio.to_thread(self._prompt)
        request = Request(
            messages=prompt.messages,
            sampling=self._sampling,
            session=self._key.session,
            task=self._key.task,
            repeat=self._key.repeat,
            turn=self._turn(),
            oracle=self._oracle,
            tools=self._tools if self._protocol.name == "json" else (),
            plain=self._plain,
            on_text=on_text,
        )
        (completion,) = await self._engine.complete([request])
        completion = replace(completion, text=_storable(completion.text))
        decision = self._protocol.parse(completion.text, completion.finish_reason, self._tools)
        self.remember(completion.text, decision)
        return Thinking(prompt, completion, decision)

    def recall(self, observation: str, reply: str, decision: Decision) -> None:
        """Put a recorded turn into the memory, as if `act` had just been called."""
        self._see(observation)
        self.remember(reply, decision)

    def remember(self, reply: str, decision: Decision) -> None:
        """Add what was done to the history: the action, or the beginning of a reply that gave none."""
        self._history.append(remembered(reply, decision))

    def complaint(self, decision: Decision) -> str:
        """Return the observation that answers a reply without an action."""
        assert decision.failure is not None
        return self._protocol.complaint(decision.failure)

    def _see(self, observation: str) -> None:
        self._history.append(Item("observation", observation, () if self._history else self._request))

    def _turn(self) -> int:
        return sum(item.kind == "observation" for item in self._history) - 1

    def _prompt(self) -> Prompt:
        budget = None if self._window is None else max(1, self._window - self._sampling.max_tokens)
        history = self._history[-self._settings.history_items :]
        return build(self._briefing, history, self._style, self._engine.count_tokens, budget)


def remembered(reply: str, decision: Decision) -> Item:
    """Return what stays in an agent's history of a reply: its action, or its beginning where it gave none."""
    text = decision.action
    return Item("action", " ".join(reply[:MAX_REMEMBERED_CHARS].split()) if text is None else text)


def _storable(text: str) -> str:
    # lone surrogates (half an escaped character in a server's JSON) are no text: UTF-8 can't hold them
    return text.encode("utf-8", "replace").decode("utf-8")


def _smaller(*limits: int | None) -> int | None:
    return min(filter(None, limits), default=None)


def _example(env: ArenaEnv, protocol: ReplyProtocol) -> Sequence[tuple[str, str]]:
    if protocol.name != "json":
        return env.example()
    shown = []
    for action, observation in env.example():
        call = env.action_to_call(action) if action else None
        if action and call is None:
            return ()  # an example that can't be written as calls would teach the wrong form
        shown.append((protocol.render(action, call) if action else "", observation))
    return shown
