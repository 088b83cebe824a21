"""A recorded turn asked again: of another engine, with another prompt, several times; the run stays."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from arena.agent import EpisodeOracle
from arena.debugging.document import whose
from arena.debugging.fault import Fault
from arena.debugging.opened import OpenedTurn, Run, request_of
from arena.debugging.stage import CannotReplay
from arena.debugging.trial import Trial, try_action
from arena.engines.base import Completion, Engine, Message, Request
from arena.engines.registry import make_engine, parse_contestant
from arena.errors import UsageError
from arena.protocol import protocol
from arena.protocol.verdict import Step, steps

CONSTRAINED = "constrained=json-schema"
REQUIRED = "tool_choice=required"
"""How a server that gets the tools is made to reply with a call."""
_DECODING = {"max_tokens", "temperature", "top_p", "stop", "seed"}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Asker:
    """Who is asked: an engine (not started), and the decoding and dialect that differ from the recorded."""

    spec: str
    engine: Engine
    decoding: Mapping[str, Any]
    dialect: str | None


@dataclass(frozen=True)
class Again:
    """A new reply to a turn's request, judged as the recorded one was. `turn` is what it would have been.

    `trial` is what the environment makes of its action; None where it gave none. `same` tells whether it is
    the recorded reply, word for word.
    """

    opened: OpenedTurn
    trial: Trial | None
    fault: Fault | None
    same: bool

    @property
    def steps(self) -> Sequence[Step]:
        """The protocol's questions of the new reply."""
        return self.opened.steps


def asker(opened: OpenedTurn, spec: str | None = None, options: str = "") -> Asker:
    """Return who is asked: the contestant as recorded, or `spec`, a contestant as typed.

    `options` (`name=value,…`) come on top. Raises `UsageError` for specs, options and engines that don't
    exist, such as those of other harnesses' logs, and `EngineError` for models that can't be read.
    """
    typed = spec or _recorded_spec(opened)
    meant = parse_contestant(f"{typed},{options}" if options else typed)
    decoding = {name: value for name, value in meant.settings.items() if name in _DECODING}
    dialect = meant.settings.get("dialect", opened.dialect)
    return Asker(spec or meant.spec, make_engine(meant.spec, meant.engine_options), decoding, dialect)


def edited(request: Request, file: Path) -> Request:
    """Return a request with the prompt of a file: JSON messages, or a text in place of the last message.

    The messages are `[{"role": "user", "content": "…"}, …]`, as `--turn … --json` prints them. Raises
    `UsageError` where the file holds none.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} can't be read: {error}") from None
    if file.suffix != ".json":
        *before, last = request.messages
        return replace(request, messages=(*before, Message(last.role, text)))
    try:
        found = json.loads(text)
        messages = tuple(Message(each["role"], each["content"]) for each in found)
    except (ValueError, TypeError, KeyError, RecursionError):
        messages = ()
    if not messages or not all(m.role in _ROLES and isinstance(m.content, str) for m in messages):
        raise UsageError(
            f"{file} holds no messages", 'write [{"role": "user", "content": "…"}, …], as --json prints them'
        )
    return replace(request, messages=messages)


def ask_again(
    run: Run, opened: OpenedTurn, who: Asker, *, times: int = 1, prompt: Path | None = None
) -> list[Again]:
    """Return the replies to a turn's request, asked `times` times with seeds from the recorded one on.

    Raises `UsageError` where the request can't be built again, `EngineError` where the engine can't answer.
    """
    rebuilt = request_of(run, opened)
    if rebuilt.request is None:
        raise UsageError(f"{opened.name} can't be asked again: {rebuilt.problem}")
    request = edited(rebuilt.request, prompt) if prompt else rebuilt.request
    request = replace(request, oracle=_oracle(run, opened))
    sampling = replace(request.sampling, **who.decoding)
    requests = [
        replace(request, session=f"again|{number}", sampling=replace(sampling, seed=sampling.seed + number))
        for number in range(times)
    ]
    completions = asyncio.run(complete(who.engine, requests))
    return [judged(run, opened, completion, request.tools, who.dialect) for completion in completions]


def judged(
    run: Run,
    opened: OpenedTurn,
    completion: Completion,
    tools: Sequence[Mapping[str, Any]],
    dialect: str | None,
) -> Again:
    """Return what a new reply to a turn's request means, and what the environment makes of it."""
    reader = protocol(opened.protocol, dialect)
    decision = reader.parse(completion.text, completion.finish_reason, tools)
    trial = None if decision.action is None else try_action(run, opened, decision.action)
    valid = trial is not None and trial.valid
    turn = replace(
        opened.turn,
        reply=completion.text,
        thought=decision.thought,
        action=decision.action,
        failure=decision.failure,
        valid=valid,
        outcome=trial.outcome if trial else reader.complaint(decision.failure) if decision.failure else "",
        finish_reason=completion.finish_reason,
        latency_s=completion.latency_s,
        completion_tokens=completion.completion_tokens,
    )
    new = replace(
        opened,
        turn=turn,
        dialect=dialect,
        steps=steps(opened.protocol, turn.reply, turn.action, turn.failure, turn.valid),
    )
    return Again(new, trial, whose(run, new), completion.text == opened.turn.reply)


async def complete(engine: Engine, requests: Sequence[Request]) -> list[Completion]:
    """Return an engine's replies; it is started before and closed after. Raises `EngineError`."""
    try:
        await engine.start()
        return await engine.complete(requests)
    finally:
        await engine.close()


def _recorded_spec(opened: OpenedTurn) -> str:
    contestant = opened.contestant
    name, spec = contestant["name"], str(contestant.get("spec", ""))
    if not spec or spec.startswith("imported:"):
        raise UsageError(f"{name} was not played here, so it can't be asked again", "say who: --with SPEC")
    if spec.startswith("openai:") and urlsplit(spec.removeprefix("openai:")).hostname not in LOOPBACK:
        # the file may come from anyone, and the server gets the prompt and the API key
        raise UsageError(f"{name} is on another machine", "if you trust the address in run.toml: --with SPEC")
    # nor may a file decide that a model's own code is run
    options = {k: v for k, v in contestant.get("options", {}).items() if k != "trust_remote_code"}
    typed = (value if isinstance(value, str) else json.dumps(value) for value in options.values())
    pairs = (f"{name}={value}" for name, value in zip(options, typed, strict=True))
    return ",".join(each.replace(",", "\\,") for each in (f"again={spec}", *pairs))


def _oracle(run: Run, opened: OpenedTurn) -> EpisodeOracle:
    try:
        env = run.stage.replay(opened.task, opened.episode.key.seed, opened.before)
    except CannotReplay as reason:
        raise UsageError(f"{opened.name} can't be played up to: {reason}") from None
    return EpisodeOracle(env, protocol(opened.protocol, opened.dialect))
