"""Chat messages as turns: what each assistant message answered, said, called, and what came of it.

A message with several tool calls becomes as many turns, since a turn has one action; each has its own call's
result as its outcome. Replies are written as our HTTP engine writes a server's: thoughts in `<think>`, the
call as JSON. Calls are checked against the tools where the log has them, and fail by our taxonomy.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from arena.engines.base import FinishReason
from arena.errors import UsageError
from arena.outside.recorded import list_of, object_of, text_of, whole
from arena.protocol import protocol
from arena.protocol.base import Decision, Failure, FailureKind
from arena.protocol.dialects import decide, marked_dialect
from arena.protocol.quoting import excerpt
from arena.records import Turn

REASONING_FIELDS = ("reasoning_content", "reasoning")


@dataclass(frozen=True)
class Usage:
    """What an assistant message cost, where the log says so."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    latency_s: float = 0.0
    finish_reason: FinishReason = "stop"


@dataclass(frozen=True)
class Conversation:
    """A chat as turns. `has_results` tells whether any tool call has a result (which may be an error)."""

    request: str
    turns: Sequence[Turn]
    has_results: bool


@dataclass(frozen=True)
class _Result:
    text: str
    is_error: bool


@dataclass(frozen=True)
class _Said:
    """A reply and what it means; `was_played` is False of a call that the server took for text."""

    reply: str
    decision: Decision
    was_played: bool = True


def conversation(
    messages: Sequence[Any],
    place: str,
    tools: Sequence[Mapping[str, Any]] = (),
    usages: Mapping[int, Usage] | None = None,
    *,
    given: int = 0,
) -> Conversation:
    """Return a chat as turns; `usages` by the message's place in it. Raises `BadLog` for what is none.

    So many messages were `given`: what an assistant says in them is an example, and no turn.
    """
    checked = [_checked(message, f"{place}, message {number}") for number, message in enumerate(messages)]
    spoken = (i for i, message in enumerate(checked) if i >= given and message["role"] == "assistant")
    first = next(spoken, len(checked))
    request = "\n\n".join(
        filter(None, (content_text(each.get("content"), place)[1] for each in checked[:first]))
    )
    turns: list[Turn] = []
    has_results = False
    for number in range(first, len(checked)):
        message = checked[number]
        if message["role"] != "assistant":
            continue
        usage = (usages or {}).get(number, Usage())
        calls = _calls(message, place)
        results, following = _answers(checked, number + 1, calls, place)
        has_results = has_results or any(results)
        for position, call in enumerate(calls or [None]):
            said = _said(message, call, place, tools, usage, with_content=position == 0)
            result = results[position] if calls else None
            is_last = position == len(calls) - 1 or not calls
            outcome = "\n\n".join(filter(None, [result.text if result else "", following if is_last else ""]))
            seen = turns[-1].outcome if turns else request
            cost = usage if position == 0 else Usage()
            is_error = result is not None and result.is_error
            turns.append(_turn(len(turns), seen, said, outcome, cost, is_error=is_error))
    return Conversation(request, turns, has_results)


def content_text(content: Any, place: str) -> tuple[str, str]:
    """Return a message's thoughts and its text; what is no text is named in brackets."""
    if content is None:
        return "", ""
    if isinstance(content, str):
        return "", whole(content)
    thoughts, texts = [], []
    for part in list_of(content, place, "content"):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "reasoning":
            thoughts.append(str(part.get("reasoning") or part.get("summary") or ""))
        elif kind in ("text", "input_text", "output_text"):
            texts.append(text_of(part.get("text"), place, "a text part"))
        else:
            texts.append(f"[{str(kind)[:20]}]")
    return whole("".join(thoughts)), "\n".join(texts)


def function_format(tool: Any) -> dict[str, Any] | None:
    """Return a tool in OpenAI's function format; None where it is none."""
    if not isinstance(tool, dict):
        return None
    function = tool.get("function", tool)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return None
    kept = {key: function[key] for key in ("name", "description", "parameters") if key in function}
    return {"type": "function", "function": kept}


def _checked(message: Any, place: str) -> dict[str, Any]:
    checked = object_of(message, place, "it")
    if checked.get("role") not in ("system", "developer", "user", "assistant", "tool", "function"):
        text_of(None, place, "its role, one of system, user, assistant and tool,")
    return checked


def _calls(message: Mapping[str, Any], place: str) -> list[Any]:
    """Return an assistant message's calls; OpenAI's older form, `function_call`, is one without an id."""
    calls = list_of(message.get("tool_calls") or [], place, "tool_calls")
    older = message.get("function_call")
    return calls or ([older] if isinstance(older, dict) and older else [])


def _answers(
    messages: Sequence[Mapping[str, Any]], begin: int, calls: Sequence[Any], place: str
) -> tuple[list[_Result | None], str]:
    """Return the result of each call, and what else was said, from `begin` to the assistant's next message.

    A result belongs to the call of its id, else to the next call without one; ids may come again later.
    """
    results: list[_Result | None] = [None] * len(calls)
    ids = [each.get("id") if isinstance(each, dict) else None for each in calls]
    texts = []
    for number in range(begin, len(messages)):
        message = messages[number]
        if message["role"] == "assistant":
            break
        text = content_text(message.get("content"), place)[1]
        free = [at for at, each in enumerate(results) if each is None]
        is_result = message["role"] == "tool" or (message["role"] == "function" and free)
        if not is_result:
            texts.append(text)
            continue
        named = message.get("tool_call_id")
        at = next((at for at in free if named is not None and ids[at] == named), free[0] if free else None)
        if at is not None:
            results[at] = _result(message, text)
    return results, "\n\n".join(filter(None, texts))


def _result(message: Mapping[str, Any], text: str) -> _Result:
    error = message.get("error")
    said = error.get("message") if isinstance(error, dict) else error
    return _Result("\n".join(filter(None, [text, whole(said) if isinstance(said, str) else ""])), bool(error))


def _said(
    message: Mapping[str, Any],
    call: Any,
    place: str,
    tools: Sequence[Mapping[str, Any]],
    usage: Usage,
    *,
    with_content: bool,
) -> _Said:
    thoughts, content = content_text(message.get("content"), place) if with_content else ("", "")
    reasoning = next((message[name] for name in REASONING_FIELDS if isinstance(message.get(name), str)), "")
    thoughts = thoughts or (whole(reasoning) if with_content else "")
    if call is not None:
        reply = _thought(thoughts) + _thought(content.strip()) + _call_text(call, place)
        # Inspect keeps why it could not read a call, not what the model had written
        unread = call.get("parse_error")
        if isinstance(unread, str) and unread:
            failure = Failure(
                FailureKind.NOT_JSON, (0, len(reply)), "arguments that are JSON", excerpt(unread)
            )
            return _Said(reply, Decision(thoughts, failure=failure))
        return _Said(reply, _parsed(protocol("json").parse, reply, usage, tools))
    reply = _thought(thoughts) + content
    dialect = marked_dialect(content)
    if dialect is None:
        return _Said(reply, protocol("whole").parse(reply, usage.finish_reason))
    decision = _parsed(partial(decide, of=dialect), content, usage, tools)
    before = len(reply) - len(content)
    moved = decision.failure
    if moved is not None:
        moved = replace(moved, span=(moved.span[0] + before, moved.span[1] + before))
    thoughts = "\n".join(filter(None, (thoughts, decision.thought)))
    return _Said(reply, replace(decision, thought=thoughts, failure=moved), was_played=False)


def _parsed(
    parse: Callable[..., Decision], reply: str, usage: Usage, tools: Sequence[Mapping[str, Any]]
) -> Decision:
    try:
        return parse(reply, finish_reason=usage.finish_reason, tools=tools)
    except UsageError:  # tools that are no tools: the call is read without them
        return parse(reply, finish_reason=usage.finish_reason)


def _call_text(call: Any, place: str) -> str:
    # OpenAI nests name and arguments (a string) in `function`; Inspect has the name there, arguments beside
    described = object_of(call, place, "a tool call")
    nested = described.get("function")
    source = nested if isinstance(nested, dict) else described
    name = text_of(nested if isinstance(nested, str) else source.get("name"), place, "a tool call's name")
    arguments = source.get("arguments")
    if isinstance(arguments, str):
        # as the model wrote it: the protocol says where it is broken
        written = whole(arguments) or "{}"
    else:
        written = whole(json.dumps({} if arguments is None else arguments, ensure_ascii=False))
    return f'{{"name": {json.dumps(name, ensure_ascii=False)}, "arguments": {written}}}'


def _thought(text: str) -> str:
    return f"<think>{text}</think>\n" if text else ""


def _turn(index: int, seen: str, said: _Said, outcome: str, usage: Usage, *, is_error: bool) -> Turn:
    decision = said.decision
    return Turn(
        index=index,
        observation=seen,
        reply=said.reply,
        thought=decision.thought,
        action=decision.action,
        failure=decision.failure,
        outcome=outcome,
        valid=decision.action is not None and said.was_played and not is_error,
        progress=0.0,
        success=False,
        finish_reason=usage.finish_reason,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
        latency_s=usage.latency_s,
    )
