"""Logs of Inspect (UKGovernmentBEIS/inspect_ai, log schema version 2): `.eval` archives and `.json` files.

An `.eval` archive has `header.json` (of an evaluation that broke off: `_journal/start.json`) and one
`samples/ID_epoch_N.json` a sample. Of a sample, its messages become turns, its model events give tools,
tokens and seconds, and an epoch is a repeat.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.outside.archive import Archive
from arena.outside.conversation import Usage, conversation, function_format
from arena.outside.lines import BadLog, parsed, whole_file
from arena.outside.recorded import Recorded, flat_scores, list_of, object_of, text_of, whole

SCHEMA_VERSIONS = (1, 2)
KEPT_SETTINGS = ("temperature", "top_p", "max_tokens", "seed", "stop_seqs", "reasoning_effort")
"""Of an evaluation's model: what may be told. Arguments of the model itself may hold keys."""

_ATTACHMENT = "attachment://"
ARENA = "arena"
"""Name in the metadata under which our own exports keep what Inspect has no field for."""


def read_inspect(path: Path, score: str | None = None) -> Iterator[Recorded]:
    """Yield a log's samples. `score` names the score that is their progress (default: the log's first)."""
    header, samples = open_log(path)
    evaluation = object_of(header.get("eval"), str(path), "eval")
    benchmark = text_of(evaluation.get("task"), str(path), "eval.task").rpartition("/")[2] or "inspect"
    model = evaluation.get("model") if isinstance(evaluation.get("model"), str) else ""
    settings = evaluation.get("model_generate_config")
    identity = {
        "model": model,
        **{
            key: settings[key]
            for key in KEPT_SETTINGS
            if isinstance(settings, dict) and settings.get(key) is not None
        },
    }
    chosen = score
    for place, sample in samples:
        theirs = _scores(sample, place)
        chosen = chosen or next(iter(theirs), None)
        yield _recorded(sample, place, theirs, chosen, benchmark, whole(str(model)), identity)


def open_log(path: Path) -> tuple[dict[str, Any], Iterator[tuple[str, dict[str, Any]]]]:
    """Return a log's header, and its samples with their places. Raises `BadLog`."""
    if path.suffix == ".eval":
        return _header(path), _archived_samples(path)
    log = object_of(whole_file(path), str(path), "it")
    _check_version(log, path)
    samples = list_of(log.get("samples") or [], str(path), "samples")
    places = ((f"{path}, sample {number}", each) for number, each in enumerate(samples))
    return log, ((place, object_of(each, place, "it")) for place, each in places)


def _header(path: Path) -> dict[str, Any]:
    with Archive(path) as archive:
        for name in ("header.json", "_journal/start.json"):
            if name in archive.names:
                header = _member(archive, name)
                _check_version(header, path)
                return header
    raise BadLog(f"{path} is no log of Inspect: it has no header.json")


def _check_version(header: Mapping[str, Any], path: Path) -> None:
    if header.get("version", 1) not in SCHEMA_VERSIONS:
        raise BadLog(
            f"{path} has Inspect's log schema {str(header.get('version'))[:20]}, this Arena reads 1 and 2",
            "`inspect log convert` of an older Inspect may help",
        )


def _archived_samples(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with Archive(path) as archive:
        for name in archive.names:
            if name.startswith("samples/") and name.endswith(".json"):
                yield f"{path}, {name!a}", _member(archive, name)


def _member(archive: Archive, name: str) -> dict[str, Any]:
    value, problem = parsed(archive.read(name))
    place = f"{archive.path}, {name!a}"
    if problem:
        raise BadLog(f"{place} is {problem}")
    return object_of(value, place, "it")


def _scores(sample: Mapping[str, Any], place: str) -> dict[str, float]:
    scores = object_of(sample.get("scores") or {}, place, "scores")
    return flat_scores(
        {name: each.get("value") if isinstance(each, dict) else each for name, each in scores.items()}, place
    )


def _recorded(
    sample: Mapping[str, Any],
    place: str,
    theirs: Mapping[str, float],
    chosen: str | None,
    benchmark: str,
    model: str,
    identity: Mapping[str, Any],
) -> Recorded:
    attachments = sample.get("attachments")
    messages = _resolved(list_of(sample.get("messages") or [], place, "messages"), attachments)
    events = list_of(sample.get("events") or [], place, "events")
    model_events = [each for each in events if isinstance(each, dict) and each.get("event") == "model"]
    usages = _usages(model_events)
    by_place = {
        number: usages[message["id"]]
        for number, message in enumerate(messages)
        if isinstance(message, dict) and isinstance(message.get("id"), str) and message["id"] in usages
    }
    chat = conversation(messages, place, _tools(model_events), by_place, given=_given(messages))
    progress = theirs.get(chosen) if chosen else None
    error = sample.get("error")
    epoch = sample.get("epoch", 1)
    if not isinstance(epoch, int) or not 1 <= epoch <= 10_000:
        raise BadLog(f"{place}: epoch is no number from 1 to 10,000")
    return Recorded(
        contestant=model,
        benchmark=benchmark,
        index=whole(str(sample.get("id", ""))),
        content=_hash_of(sample.get("input"), attachments),
        turns=chat.turns,
        repeat=epoch - 1,
        first_observation=chat.request,
        progress=progress,
        success=progress == 1,
        theirs=theirs,
        grading={"by": chosen} if chosen else {},
        has_grounding=chat.has_results,
        has_tokens=bool(by_place),
        has_turns=bool(chat.turns),
        error=whole(str(error.get("message", error) if isinstance(error, dict) else error))[:1000]
        if error
        else "",
        model=identity,
    )


def _given(messages: Sequence[Any]) -> int:
    """Return how many messages come before the model's first own.

    Inspect marks what a sample brings along, few-shot answers too; a solver's system message may stand first.
    """
    own = (
        number
        for number, each in enumerate(messages)
        if isinstance(each, dict) and each.get("role") == "assistant" and each.get("source") != "input"
    )
    return next(own, len(messages))


def _hash_of(asked: Any, attachments: Any) -> str:
    """Return the hash of a sample's input; of messages, roles and texts only (ids are drawn by chance)."""
    if isinstance(asked, list):
        asked = [
            [each.get("role"), each.get("content")]
            for each in _resolved(asked, attachments)
            if isinstance(each, dict)
        ]
    text = json.dumps(asked, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _resolved(messages: Sequence[Any], attachments: Any) -> list[Any]:
    """Return messages with the long texts that the log keeps apart (`attachment://HASH`) put back."""
    known = attachments if isinstance(attachments, dict) else {}

    def text(value: Any) -> Any:
        if isinstance(value, str) and value.startswith(_ATTACHMENT):
            return known.get(value.removeprefix(_ATTACHMENT), value)
        return value

    def part(value: Any) -> Any:
        return {key: text(each) for key, each in value.items()} if isinstance(value, dict) else text(value)

    found: list[Any] = []
    for message in messages:
        if not isinstance(message, dict):
            found.append(message)
            continue
        content = message.get("content")
        content = [part(each) for each in content] if isinstance(content, list) else text(content)
        found.append({**message, "content": content})
    return found


def _usages(model_events: Sequence[Mapping[str, Any]]) -> dict[str, Usage]:
    """Return what each assistant message cost, by its id."""
    usages = {}
    for event in model_events:
        output = event.get("output")
        choices = output.get("choices") if isinstance(output, dict) else None
        first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        message = first.get("message")
        usage = output.get("usage") if isinstance(output, dict) else None
        if isinstance(message, dict) and isinstance(message.get("id"), str) and isinstance(usage, dict):
            usages[message["id"]] = Usage(
                prompt_tokens=_count(usage.get("input_tokens")),
                completion_tokens=_count(usage.get("output_tokens")),
                cached_tokens=_count(usage.get("input_tokens_cache_read")),
                latency_s=_seconds(event.get("working_time")),
                finish_reason="length"
                if first.get("stop_reason") in ("max_tokens", "model_length")
                else "stop",
            )
    return usages


def _tools(model_events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for event in model_events:
        tools = event.get("tools")
        for each in map(function_format, tools if isinstance(tools, list) else ()):
            if each:
                found.setdefault(each["function"]["name"], each)
    return list(found.values())


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else 0


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e9 else 0.0
