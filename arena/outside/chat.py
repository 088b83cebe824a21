"""Chat transcripts with tool calls in OpenAI's form, one a line (JSONL).

A line is `{"messages": […]}`, the assistant's among them, or a logged exchange `{"request": {"messages": …,
"tools": …, "model": …}, "response": {"choices": [{"message": …}], "usage": …}}`. Read besides, where they are
there: `id`, `model`, `tools`, `task` (what the chat is about: the benchmark's name here), and a score: the
file's first number among `score`, `reward`, `success`, `scores` (an object of numbers) or the one that is
named.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arena.outside.conversation import Usage, conversation, function_format
from arena.outside.lines import values
from arena.outside.recorded import Recorded, flat_scores, list_of, object_of, whole

SCORE_FIELDS = ("score", "reward", "success")


def is_chat(row: Any) -> bool:
    """Tell whether a row is a transcript."""
    return isinstance(row, dict) and ("messages" in row or {"request", "response"} <= row.keys())


def read_chats(path: Path, score: str | None = None) -> Iterator[Recorded]:
    """Yield the transcripts of a file. Raises `BadLog`.

    `score` names the score that is their progress (default: the first that any of them has, for all).
    """
    chosen = score
    for line, value in values(path):
        place = f"{path}:{line}"
        row = object_of(value, place, "a transcript")
        request = object_of(row.get("request") or row, place, "request")
        messages = list(list_of(request.get("messages"), place, "messages"))
        response = row.get("response")
        usages: dict[int, Usage] = {}
        if isinstance(response, dict):
            message, usage = _answer(response, place)
            usages = {len(messages): usage} if usage else {}
            messages.append(message)
        tools = request.get("tools") or row.get("tools") or []
        known = [each for each in map(function_format, list_of(tools, place, "tools")) if each]
        chat = conversation(messages, place, known, usages)
        theirs = _scores(row, place)
        chosen = chosen or next(iter(theirs), None)
        progress = theirs.get(chosen) if chosen else None
        model = row.get("model") or request.get("model")
        yield Recorded(
            contestant=whole(model) if isinstance(model, str) else path.stem,
            benchmark=whole(str(row["task"])).replace("/", "-")
            if isinstance(row.get("task"), str)
            else "chat",
            index=whole(str(row["id"])) if isinstance(row.get("id"), str | int) else "",
            content=_hash_of_request(messages),
            turns=chat.turns,
            first_observation=chat.request,
            progress=progress,
            success=progress == 1,
            theirs=theirs,
            grading={"by": chosen} if chosen else {},
            has_grounding=chat.has_results,
            has_tokens=bool(usages),
            has_turns=bool(chat.turns),
            model={"model": whole(model)} if isinstance(model, str) else {},
        )


def _answer(response: Mapping[str, Any], place: str) -> tuple[dict[str, Any], Usage | None]:
    choices = list_of(response.get("choices"), place, "response.choices")
    first = object_of(choices[0] if choices else None, place, "response.choices[0]")
    message = object_of(first.get("message"), place, "response.choices[0].message")
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return message, None
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    prompt_tokens, completion_tokens = (
        each if isinstance(each, int) and 0 <= each < 2**40 else 0 for each in counts
    )
    finish = "length" if first.get("finish_reason") == "length" else "stop"
    return message, Usage(prompt_tokens, completion_tokens, finish_reason=finish)  # type: ignore[arg-type]


def _scores(row: Mapping[str, Any], place: str) -> dict[str, float]:
    given = {name: row[name] for name in SCORE_FIELDS if name in row}
    many = row.get("scores")
    return flat_scores(given | (many if isinstance(many, dict) else {}), place)


def _hash_of_request(messages: list[Any]) -> str:
    """Return the hash of what was asked: roles and contents up to the first message of the assistant."""
    asked = []
    for message in messages:
        if not isinstance(message, dict) or message.get("role") == "assistant":
            break
        asked.append([message.get("role"), message.get("content")])
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
