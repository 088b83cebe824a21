"""Whose fault, by asking again: what the record alone can't tell of failed turns (`fault.py` has the rest).

*template*: the prompt as rendered by the model's chat template lost something. *engine*: the same request
gets another reply, of the same engine or of another one. *trigger*: with the call forced, does it come?
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from arena.debugging.document import whose
from arena.debugging.fault import Fault
from arena.debugging.opened import OpenedTurn, Run, request_of
from arena.debugging.requests import Rebuilt, recorded_settings
from arena.debugging.rerun import CONSTRAINED, REQUIRED, Again, Asker, asker, complete, judged
from arena.debugging.template import chat_of, lost
from arena.engines.base import Request
from arena.errors import ArenaError
from arena.protocol.quoting import excerpt

_NO_REQUEST = "its request can't be built again"
_NOT_AS_SENT = "a request is not as it was sent, so that no engine is blamed for another reply"


@dataclass(frozen=True)
class Replayed:
    """A failed turn asked again. `fault` is whose it is after all; `again` the same engine's new reply.

    `other` is another engine's, `forced` one that was made to be a call; `notes` say what could not be done.
    """

    opened: OpenedTurn
    fault: Fault | None
    again: Again | None = None
    other: Again | None = None
    forced: Again | None = None
    notes: tuple[str, ...] = ()


def replayed(run: Run, turns: Sequence[OpenedTurn], other: str | None = None) -> list[Replayed]:
    """Return failed turns of one contestant asked again, all at once; `other` is another engine, as typed.

    What the contestant can't do (its log is another harness's, its engine can't be forced) stands in the
    notes. Raises `EngineError` where an engine fails, `UsageError` where `other` is none.
    """
    built = [request_of(run, opened) for opened in turns]
    due = [number for number, each in enumerate(built) if each.request is not None]
    answered = _replayed(run, [turns[n] for n in due], [built[n] for n in due], other)
    found = dict(zip(due, answered, strict=True))
    return [
        found[number] if number in found else Replayed(each, whose(run, each), notes=(_NO_REQUEST,))
        for number, each in enumerate(turns)
    ]


def _replayed(
    run: Run, turns: Sequence[OpenedTurn], built: Sequence[Rebuilt], other: str | None
) -> list[Replayed]:
    if not turns:
        return []
    asked = [
        replace(each.request, session=f"again|{number}") for number, each in enumerate(built) if each.request
    ]
    notes: list[str] = []
    lacks = _lost(turns[0], asked, notes)
    again = _ask(run, turns, asked, notes, None)
    others = _ask(run, turns, asked, notes, other) if other else [None] * len(turns)
    forced = _force(run, turns, asked, notes)
    return [
        Replayed(
            opened,
            _verdict(
                run, opened, lacks[number], again[number], others[number], forced[number], exact=rebuilt.exact
            ),
            again[number],
            others[number],
            forced[number],
            (*notes, *([] if rebuilt.exact else [f"{_NOT_AS_SENT}: {rebuilt.problem}"])),
        )
        for number, (opened, rebuilt) in enumerate(zip(turns, built, strict=True))
    ]


def _verdict(
    run: Run,
    opened: OpenedTurn,
    lacks: str | None,
    again: Again | None,
    other: Again | None,
    forced: Again | None,
    *,
    exact: bool,
) -> Fault | None:
    fault = whose(run, opened)
    if lacks is not None:
        return Fault("template", lacks)
    settings = recorded_settings(opened.contestant)
    is_greedy = settings is not None and settings.sampling.temperature == 0
    # another reply to another prompt is no engine's fault
    if exact and again is not None and is_greedy and not again.same:
        return Fault("engine", f"asked again, the same engine says {excerpt(again.opened.turn.reply)}")
    if exact and other is not None and other.fault is None:
        return Fault("engine", f"another engine says {excerpt(other.opened.turn.reply)}")
    if fault is not None and fault.name == "trigger" and forced is not None:
        comes = "comes" if forced.opened.turn.action is not None else "does not come"
        return replace(fault, why=f"{fault.why}; forced, the call {comes}")
    return fault


def _lost(opened: OpenedTurn, requests: Sequence[Request], notes: list[str]) -> list[str | None]:
    with_tools = opened.contestant.get("options", {}).get("tools") == "template"
    try:
        chat = chat_of(asker(opened).engine)
        return [lost(chat, each, with_tools=with_tools) if chat else None for each in requests]
    except ArenaError as error:
        notes.append(f"its template can't be looked at: {error.message}")
        return [None] * len(requests)


def _ask(
    run: Run, turns: Sequence[OpenedTurn], requests: Sequence[Request], notes: list[str], spec: str | None
) -> Sequence[Again | None]:
    try:
        who = asker(turns[0], spec)
    except ArenaError as error:
        if spec is not None:
            raise
        notes.append(error.message)
        return [None] * len(turns)
    return _answers(run, turns, requests, who)


def _force(
    run: Run, turns: Sequence[OpenedTurn], requests: Sequence[Request], notes: list[str]
) -> Sequence[Again | None]:
    """Ask with the call forced where no call was begun; other turns are left alone."""
    due = [number for number, each in enumerate(turns) if _is_trigger(run, each)]
    answers: list[Again | None] = [None] * len(turns)
    if due:
        try:
            by_server = turns[0].contestant.get("options", {}).get("tools") == "server"
            who = asker(turns[0], options=REQUIRED if by_server else CONSTRAINED)
            found = _answers(run, [turns[n] for n in due], [requests[n] for n in due], who)
        except ArenaError as error:
            notes.append(f"no call can be forced: {error.message}")
            return answers
        for number, each in zip(due, found, strict=True):
            answers[number] = each
    return answers


def _answers(run: Run, turns: Sequence[OpenedTurn], requests: Sequence[Request], who: Asker) -> list[Again]:
    completions = asyncio.run(complete(who.engine, requests))
    return [
        judged(run, opened, completion, request.tools, who.dialect)
        for opened, request, completion in zip(turns, requests, completions, strict=True)
    ]


def _is_trigger(run: Run, opened: OpenedTurn) -> bool:
    fault = whose(run, opened)
    return fault is not None and fault.name == "trigger"
