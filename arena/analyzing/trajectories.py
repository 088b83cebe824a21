"""An agent's own trajectories as passages: what it read and wrote, turn by turn, as its model saw it.

A run's record holds observations and replies, and a hash of each prompt. The prompts are built again by the
agent itself, which is given the recorded replies; where the hash of what comes out is not the recorded one,
the turn is left out and counted.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from arena.agent import Agent, AgentSettings, settings_from_json
from arena.analyzing.models import Opened, check_fast_tokenizer
from arena.analyzing.parts import parts_of_reply, parts_of_tokens
from arena.analyzing.passages import OVERALL, Passage
from arena.engines.base import Completion, Engine, Message, Request
from arena.engines.hf_chat import Chat
from arena.errors import StoreError, UsageError
from arena.plan import read_plan
from arena.records import Episode, EpisodeKey, Turn
from arena.store.reader import RunReader
from envs import registry
from envs.base import ArenaEnv, Task

PROMPT = "prompt"
_FEWEST_PROMPT_TOKENS = 16


def group(kind: str, name: str) -> str:
    """Return the name of a group of tokens: `part:tool name`, `benchmark:pddl`."""
    return f"{kind}:{name}"


@dataclass(frozen=True)
class Trajectory:
    """One turn as the model saw it: the request, the turn as recorded, and where it comes from.

    `protocol` (`json`, `text` or `whole`) and `dialect` are those by which its reply was read.
    """

    request: Request
    turn: Turn
    benchmark: str
    protocol: str
    dialect: str | None
    key: EpisodeKey


@dataclass
class Account:
    """What became of a run's turns: `turns` were read, `unlike` had prompts that could not be built again.

    `cut` turns were longer than the model's context, and lost the beginning of their prompts.
    """

    turns: int = 0
    unlike: int = 0
    cut: int = 0
    benchmarks: dict[str, int] = field(default_factory=dict)


class Recorded(Engine):
    """The recorded replies of one episode; it remembers the last request."""

    def __init__(
        self, turns: Sequence[Turn], chat: Chat | None, context_tokens: int | None, *, with_tools: bool
    ) -> None:
        self._replies = {turn.index: turn for turn in turns}
        self._chat, self._with_tools = chat, with_tools
        self.context_tokens = context_tokens
        self.last: Request | None = None

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return the recorded replies. Raises `StoreError` where the record lacks the one that is due."""
        (self.last,) = requests
        turn = self._replies.get(self.last.turn)
        if turn is None:
            raise StoreError(
                f"the record of {self.last.task} lacks turn {self.last.turn + 1}",
                "was it cut or overwritten?",
            )
        finish_reason = "length" if turn.finish_reason == "length" else "stop"
        return [Completion(turn.reply, finish_reason)]  # type: ignore[arg-type]

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> int:
        """Count as the contestant's own engine did."""
        if not self._chat:
            return super().count_tokens(messages)
        return len(self._chat.encode(messages, tools if self._with_tools else ()))

    def identity(self) -> Mapping[str, Any]:
        """Return nothing: it plays in no run."""
        return {}


def contestant_of(run: Path, name: str | None) -> Mapping[str, Any]:
    """Return what a run's plan says of a contestant, the baseline by default. Raises `UsageError`."""
    plan = read_plan(run)["contestants"]
    for contestant in plan:
        if contestant["name"] == (name or plan[0]["name"]):
            return contestant
    raise UsageError(
        f"{run} has no contestant {name!r}", "it has " + ", ".join(each["name"] for each in plan)
    )


def trajectories(
    run: Path, contestant: Mapping[str, Any], reader: Opened, account: Account
) -> Iterator[Passage]:
    """Yield the turns that a contestant of a run played, as passages for the model `reader` and its like.

    In each, the reply counts overall, by its benchmark and by its parts; of the prompt, the part that is new
    since the turn before counts as `part:prompt`, and not overall. `account` is kept as they are read.
    Raises `UsageError` where there is nothing to read.
    """
    check_fast_tokenizer(reader)
    chat = Chat(reader.loaded.tokenizer)
    before: list[int] = []
    with_tools = gives_tools_to_template(contestant)
    for each in turns_as_sent(run, contestant, chat, reader.loaded.context_tokens, account):
        if not each.turn.reply:
            continue
        prompt = chat.prompt(each.request, with_tools=with_tools)
        passage = _passage(prompt, before if each.turn.index else [], each, chat, reader, account)
        before = prompt
        account.turns += 1
        account.benchmarks[each.benchmark] = account.benchmarks.get(each.benchmark, 0) + 1
        yield passage
    if not account.turns:
        name = contestant["name"]
        if account.unlike:
            raise UsageError(
                f"none of the {account.unlike} prompts of {name} in {run} can be built again",
                "analyse it with the Arena version and the data it was played with, and its own model first",
            )
        raise UsageError(f"{name} has played no turn in {run}", "`arena watch` shows how far it is")


def gives_tools_to_template(contestant: Mapping[str, Any]) -> bool:
    """Tell whether a contestant of a plan had its tools in the chat template."""
    return bool(contestant.get("options", {}).get("tools") == "template")


def turns_as_sent(
    run: Path,
    contestant: Mapping[str, Any],
    chat: Chat,
    context_tokens: int | None,
    account: Account,
    only: EpisodeKey | None = None,
) -> Iterator[Trajectory]:
    """Yield the turns of a contestant's finished episodes with the requests as they were sent.

    `only` this episode, finished or not. Turns whose prompts come out unlike the recorded ones are counted in
    `account` and left out.
    """
    settings = _settings(run, contestant)
    is_hf = contestant["identity"].get("engine", {}).get("engine") == "hf"
    environments: dict[tuple[str, str], ArenaEnv] = {}
    store = RunReader(run)
    try:
        for episode in store.episodes():
            if episode.key != only if only else not _is_finished(episode, contestant["name"]):
                continue
            task, turns = store.task(episode.key.task_hash), store.turns(episode)
            env = _environment(environments, task)
            engine = Recorded(
                turns,
                chat if is_hf else None,
                context_tokens if is_hf else None,
                with_tools=gives_tools_to_template(contestant),
            )
            yield from _episode(episode, task, turns, env, engine, settings, account)
    finally:
        store.close()
        for env in environments.values():
            env.close()


def _is_finished(episode: Episode, contestant: str) -> bool:
    return episode.key.contestant == contestant and episode.status == "done"


def _episode(
    episode: Episode,
    task: Task,
    turns: Sequence[Turn],
    env: ArenaEnv,
    engine: Recorded,
    settings: AgentSettings,
    account: Account,
) -> Iterator[Trajectory]:
    env.reset(seed=episode.key.seed, options={"task": task})
    agent = Agent(engine, settings, env, episode.key)
    asked = settings.for_task(task)
    read_by = ("whole", None) if env.reply_form == "whole" else (asked.protocol, asked.dialect)
    for turn in turns:
        thinking = asyncio.run(agent.act(turn.observation))
        if thinking.prompt.hash != turn.prompt_hash:
            account.unlike += 1
        elif engine.last:
            yield Trajectory(engine.last, turn, task.benchmark, *read_by, episode.key)


def _environment(known: dict[tuple[str, str], ArenaEnv], task: Task) -> ArenaEnv:
    key = task.benchmark, task.source
    if key not in known:
        known[key] = registry.benchmark(task.benchmark).make(task.source)
    return known[key]


def _settings(run: Path, contestant: Mapping[str, Any]) -> AgentSettings:
    try:
        return settings_from_json(contestant["identity"]["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{run}/run.toml does not say how its contestants were asked: {error}") from None


def _passage(
    prompt: list[int],
    before: list[int],
    trajectory: Trajectory,
    chat: Chat,
    reader: Opened,
    account: Account,
) -> Passage:
    turn = trajectory.turn
    encoded = chat.tokenizer(turn.reply, add_special_tokens=False, return_offsets_mapping=True)
    reply, offsets = list(encoded["input_ids"]), list(encoded["offset_mapping"])
    room = reader.loaded.context_tokens
    new = _common_prefix(before, prompt)
    if room and len(prompt) + len(reply) > room:
        account.cut += 1
        reply, offsets = reply[: room - _FEWEST_PROMPT_TOKENS], offsets[: room - _FEWEST_PROMPT_TOKENS]
        dropped = len(prompt) + len(reply) - room
        prompt, new = prompt[dropped:], max(0, new - dropped)
    size = len(prompt) + len(reply)
    places = np.arange(size)
    is_reply = places >= len(prompt)
    parts = parts_of_tokens(parts_of_reply(turn, trajectory.protocol, trajectory.dialect), offsets)
    groups = {
        OVERALL: is_reply,
        group("benchmark", trajectory.benchmark): is_reply,
        group("part", PROMPT): (places >= max(1, new)) & ~is_reply,
    }
    for part in dict.fromkeys(parts):
        mask = np.zeros(size, dtype=bool)
        mask[len(prompt) :] = [each == part for each in parts]
        groups[group("part", part)] = mask
    return Passage(np.asarray([*prompt, *reply], dtype=np.int64), groups)


def _common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    shorter = min(len(first), len(second))
    return next((place for place in range(shorter) if first[place] != second[place]), shorter)
