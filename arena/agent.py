"""An agent: an engine, a protocol, a prompt and a memory. `act(observation)` gives a decision."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from arena import burden
from arena.engines.base import Completion, Engine, FinishReason, Message, Request, Sampling
from arena.errors import RefusedRequest
from arena.prompt import Briefing, Item, Prompt, Style, build, without_system
from arena.protocol import protocol
from arena.protocol.base import Decision, ReplyProtocol
from arena.records import EpisodeKey
from envs.base import ArenaEnv, Task

_DECODING = {"max_tokens", "temperature", "top_p", "stop"}
_BURDENS = {"offered_tools", "filler_tokens", "result_tokens"}

MAX_REMEMBERED_CHARS = 400
"""How much of a reply without an action stays in the history; a loop of garbage shall not fill it."""


@dataclass(frozen=True)
class AgentSettings:
    """How a contestant is asked. Every field touches output, so all are part of its identity.

    `thought_tokens` come on top of what a reply may have, for models that think before they answer. Where
    `system_role` is off, what a system message says stands before the first user message. `dialect` is how
    its family writes tool calls (`arena.protocol.spoken`), None for plain JSON. `offered_tools`,
    `filler_tokens` and `result_tokens` make requests harder on purpose (`arena.burden`). `own` names the
    settings that the contestant (not its suite) chose: those hold whatever a task asks for.
    """

    protocol: str = "text"
    style: Style = "flat"
    sampling: Sampling = field(default_factory=Sampling)
    history_items: int = 100
    example: bool = True
    context_tokens: int | None = None
    thought_tokens: int = 0
    system_role: bool = True
    dialect: str | None = None
    own: tuple[str, ...] = ()
    offered_tools: int | None = None
    filler_tokens: int | None = None
    result_tokens: int | None = None

    def content(self) -> dict[str, Any]:
        """Return the settings as a contestant's identity holds them: a burden only where there is one."""
        said = asdict(self)
        return {name: value for name, value in said.items() if name not in _BURDENS or value is not None}

    def for_task(self, task: Task | None) -> "AgentSettings":
        """Return how the contestant is asked on a task: as the suite wants it there, but for its own."""
        asked: Mapping[str, Any] = task.asked if task else {}
        wanted = {name: value for name, value in asked.items() if name not in self.own}
        is_granted = task and task.reply_tokens and "max_tokens" not in self.own
        granted = {"max_tokens": task.reply_tokens} if task and is_granted else {}
        decoding = granted | {name: wanted.pop(name) for name in _DECODING & wanted.keys()}
        if isinstance(decoding.get("stop"), list):  # as JSON keeps it
            decoding["stop"] = tuple(decoding["stop"])
        return replace(self, **wanted, sampling=replace(self.sampling, **decoding))


def settings_from_json(said: Mapping[str, Any]) -> AgentSettings:
    """Return the settings that a contestant's identity holds, as `dataclasses.asdict` wrote them.

    Raises `KeyError`, `TypeError` or `ValueError` where they are none.
    """
    known = dict(said)
    sampling = dict(known.pop("sampling"))
    sampling["stop"] = tuple(sampling.get("stop", ()))
    known["own"] = tuple(known.get("own", ()))
    return AgentSettings(**known, sampling=Sampling(**sampling))


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
                raise RefusedRequest(str(error), "leave `expert` out of this match") from None
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
        settings = settings.for_task(env.task)
        self._engine = engine
        self._protocol = protocol("whole" if whole else settings.protocol, settings.dialect)
        self._style: Style = "bare" if whole else settings.style
        self._settings = settings
        self._key = key
        self._window = _smaller(engine.context_tokens, settings.context_tokens)
        self._sampling = replace(
            settings.sampling,
            # repeats of a task differ by their seed, as the tasks' own seeds do
            seed=settings.sampling.seed + key.repeat,
            max_tokens=settings.sampling.max_tokens + settings.thought_tokens,
        )
        own, self._draw = tuple(env.tools()), env.task.hash if env.task else ""
        self._tools = burden.offered(own, settings.offered_tools, self._draw)
        self._offered_only = {*map(burden.name_of, self._tools)} - {*map(burden.name_of, own)}
        self._plain = env.plain_request
        self._oracle = EpisodeOracle(env, self._protocol)
        self._briefing = Briefing(
            instructions=burden.told(env.instructions(), own, self._tools),
            answer=self._protocol.describe(self._tools),
            answer_in_brief=self._protocol.in_brief(),
            example=_example(env, self._protocol) if settings.example else (),
            goal=env.goal(),
            filler=burden.filler(settings.filler_tokens, self._draw),
        )
        self._request = tuple(Message(**message) for message in env.messages())  # type: ignore[arg-type]
        self._history: list[Item] = []
        self._acted = False

    async def act(self, observation: str, on_text: Callable[[str], None] | None = None) -> Thinking:
        """Decide on the next action. Raises `EngineError`; never because of what the reply says."""
        self._see(observation)
        # counting a long prompt's tokens takes a while, in which others shall go on
        prompt = self._prompt() if self._window is None else await asyncio.to_thread(self._prompt)
        request = self._request_of(prompt, on_text)
        (completion,) = await self._engine.complete([request])
        completion = replace(completion, text=_storable(completion.text))
        decision = self.read(completion.text, completion.finish_reason)
        self.remember(completion.text, decision)
        return Thinking(prompt, completion, decision)

    def ask_again(self, observation: str, dropped_items: int) -> tuple[Prompt, Request]:
        """Return the prompt and request of a recorded turn, of which `dropped_items` items did not fit.

        The turns before it have been recalled. Nothing is sent, and no token is counted.
        """
        self._see(observation)
        history = self._history[-self._settings.history_items :][dropped_items:]
        prompt = replace(self._built(history, None), dropped_items=dropped_items)
        return prompt, self._request_of(prompt)

    def read(self, reply: str, finish_reason: FinishReason) -> Decision:
        """Return what the agent's protocol makes of a reply."""
        return self._protocol.parse(reply, finish_reason, self._tools)

    def recall(self, observation: str, reply: str, decision: Decision) -> None:
        """Put a recorded turn into the memory, as if `act` had just been called."""
        self._see(observation)
        self.remember(reply, decision)

    def remember(self, reply: str, decision: Decision) -> None:
        """Add what was done to the history: the action, or the beginning of a reply that gave none."""
        item = remembered(reply, decision)
        if decision.action is not None:
            item = replace(item, text=self._protocol.in_history(decision.action))
        self._history.append(item)
        self._acted = decision.action is not None

    def refusal(self, action: str) -> str | None:
        """Return the observation that answers a call to a tool that is only offered, else None."""
        return burden.refusal(action, self._offered_only) if self._offered_only else None

    def complaint(self, decision: Decision) -> str:
        """Return the observation that answers a reply without an action."""
        assert decision.failure is not None
        return self._protocol.complaint(decision.failure)

    def _request_of(self, prompt: Prompt, on_text: Callable[[str], None] | None = None) -> Request:
        return Request(
            messages=prompt.messages,
            sampling=self._sampling,
            session=self._key.session,
            task=self._key.task,
            task_hash=self._key.task_hash,
            repeat=self._key.repeat,
            turn=self._turn(),
            oracle=self._oracle,
            tools=self._offered(),
            plain=self._plain,
            on_text=on_text,
        )

    def _offered(self) -> tuple[Mapping[str, Any], ...]:
        return self._tools if self._protocol.name == "json" else ()

    def _see(self, observation: str) -> None:
        if self._acted:  # what answers a reply without an action is no result
            draw = f"{self._draw} {self._turn()}"
            observation = burden.padded(observation, self._settings.result_tokens, draw)
        self._history.append(Item("observation", observation, () if self._history else self._request))

    def _turn(self) -> int:
        return sum(item.kind == "observation" for item in self._history) - 1

    def _prompt(self) -> Prompt:
        budget = None if self._window is None else max(1, self._window - self._sampling.max_tokens)
        history = self._history[-self._settings.history_items :]
        return self._built(history, budget)

    def _built(self, history: Sequence[Item], budget: int | None) -> Prompt:
        def count_tokens(messages: Sequence[Message]) -> int:
            return self._engine.count_tokens(messages, self._offered())

        prompt = build(self._briefing, history, self._style, count_tokens, budget)
        return prompt if self._settings.system_role else without_system(prompt)


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
