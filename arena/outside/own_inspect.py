"""Our runs as logs of Inspect: one `.eval` archive a contestant and benchmark (log schema version 2).

A task is a sample, a repeat an epoch; turns are messages, calls tool calls; progress and success are scores.
What Inspect has no field for lies in the metadata under `arena`, so that a run comes back as it was.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from arena.outside.inspect_log import ARENA, open_log
from arena.outside.own import (
    Whole,
    checked_plan,
    head_record,
    read_run,
    task_of,
    task_record,
    turn_record,
    whole_of,
)
from arena.outside.recorded import list_of, object_of
from arena.records import Turn
from envs.base import parse_call

Json = dict[str, Any]


def write_evals(run: Path, folder: Path) -> list[Path]:
    """Write a run's logs into a folder, and return them. Files of the same names are replaced."""
    plan, episodes = read_run(run)
    groups: dict[tuple[str, str], _Writer] = {}
    try:
        for episode in episodes:
            key = episode.head.key.contestant, episode.task.benchmark
            if key not in groups:
                groups[key] = _Writer(folder / f"{_file_name(*key)}.eval", *key, plan)
            groups[key].add(episode)
    finally:
        for writer in groups.values():
            writer.close()
    return [writer.path for writer in groups.values()]


def is_own_log(path: Path) -> bool:
    """Tell whether a log of Inspect is an export of ours. Raises `BadLog`."""
    header, _ = open_log(path)
    return _plan_in(header) is not None


def read_eval(path: Path) -> tuple[Json, Iterator[Whole]]:
    """Return the plan of an exported run, and the episodes of it that this log holds. Raises `BadLog`."""
    header, samples = open_log(path)
    return checked_plan(_plan_in(header), str(path)), _episodes(samples)


def _plan_in(header: Mapping[str, Any]) -> Any:
    evaluation = header.get("eval")
    metadata = evaluation.get("metadata") if isinstance(evaluation, dict) else None
    ours = metadata.get(ARENA) if isinstance(metadata, dict) else None
    return ours.get("plan") if isinstance(ours, dict) else None


def _episodes(samples: Iterator[tuple[str, Json]]) -> Iterator[Whole]:
    for place, sample in samples:
        metadata = object_of(sample.get("metadata"), place, "metadata")
        ours = object_of(metadata.get(ARENA), place, "metadata.arena")
        task = task_of(ours.get("task"), place)
        turns = list_of(ours.get("turns"), place, "metadata.arena.turns")
        yield whole_of(ours.get("episode"), turns, {task.hash: task}, place)


class _Writer:
    """Writes one log while its samples come."""

    def __init__(self, path: Path, contestant: str, benchmark: str, plan: Json) -> None:
        self.path = path
        self._who, self._benchmark, self._plan = contestant, benchmark, plan
        self._zip = ZipFile(path, "w", ZIP_DEFLATED)
        self._ids: dict[str, None] = {}
        self._names: set[tuple[str, int]] = set()
        self._summaries: list[Json] = []
        self._progress: list[float] = []
        self._success: list[bool] = []

    def add(self, episode: Whole) -> None:
        """Write an episode as a sample."""
        head, epoch = episode.head, episode.head.key.repeat + 1
        sample_id = head.key.task
        if (sample_id, epoch) in self._names:
            sample_id = f"{sample_id}~{head.key.task_hash[:8]}"
        self._names.add((sample_id, epoch))
        self._ids[sample_id] = None
        sample = _sample(sample_id, epoch, episode, self._who)
        self._put(f"samples/{sample_id}_epoch_{epoch}.json", sample)
        kept = ("id", "epoch", "input", "target", "scores")
        summary = {name: sample[name] for name in kept} | {"completed": head.status == "done"}
        self._summaries.append(summary | ({"error": head.error} if head.error else {}))
        if head.status == "done":
            self._progress.append(head.progress)
            self._success.append(head.success)

    def close(self) -> None:
        """Write what stands beside the samples."""
        self._put("summaries.json", self._summaries)
        self._put("header.json", self._header())
        self._zip.close()

    def _put(self, name: str, value: Any) -> None:
        self._zip.writestr(name, json.dumps(value, ensure_ascii=False, allow_nan=False))

    def _header(self) -> Json:
        created = str(self._plan.get("created") or datetime.now(UTC).isoformat(timespec="seconds"))
        means: dict[str, Sequence[float]] = {"progress": self._progress, "success": self._success}
        scores = [
            {
                "name": name,
                "scorer": name,
                "params": {},
                "metrics": {"mean": {"name": "mean", "value": sum(values) / len(values), "params": {}}},
            }
            for name, values in means.items()
            if values
        ]
        return {
            "version": 2,
            "status": "success",
            "eval": {
                "created": created,
                "task": self._benchmark,
                "task_id": self._benchmark,
                "task_version": 0,
                "task_attribs": {},
                "task_args": {},
                "dataset": {
                    "name": self._benchmark,
                    "samples": len(self._ids),
                    "sample_ids": list(self._ids),
                    "shuffled": False,
                },
                "model": f"{ARENA}/{self._who}",
                "model_generate_config": {},
                "model_args": {},
                "config": {"epochs": max((epoch for _, epoch in self._names), default=1)},
                "packages": {"arena": str(self._plan.get("arena", ""))},
                "metadata": {ARENA: {"plan": self._plan}},
            },
            "plan": {"name": "plan", "steps": [], "config": {}},
            "results": {
                "total_samples": len(self._summaries),
                "completed_samples": len(self._progress),
                "scores": scores,
            },
            "stats": {"started_at": created, "completed_at": created, "model_usage": {}},
        }


def _sample(sample_id: str, epoch: int, episode: Whole, model: str) -> Json:
    head, turns = episode.head, episode.turns
    messages = _messages(episode, model)
    usage = {
        "input_tokens": sum(turn.prompt_tokens for turn in turns),
        "output_tokens": sum(turn.completion_tokens for turn in turns),
    }
    usage["total_tokens"] = usage["input_tokens"] + usage["output_tokens"]
    sample: Json = {
        "id": sample_id,
        "epoch": epoch,
        "input": head.first_observation,
        "target": "",
        "messages": messages,
        "output": _output(messages, turns, model, usage),
        "scores": {},
        "metadata": {
            ARENA: {
                "episode": head_record(episode),
                "turns": [turn_record(turn) for turn in turns],
                "task": task_record(episode.task),
            }
        },
        "store": {},
        "events": [],
        "model_usage": {f"{ARENA}/{model}": usage},
        "attachments": {},
    }
    if head.status == "done":
        sample["scores"] = {
            "progress": {"value": head.progress},
            "success": {"value": "C" if head.success else "I"},
        }
    if head.error:
        sample["error"] = {"message": head.error, "traceback": head.error, "traceback_ansi": head.error}
    return sample


def _messages(episode: Whole, model: str) -> list[Json]:
    messages: list[Json] = []
    asked = "\n\n".join(filter(None, [episode.head.goal, episode.head.first_observation]))
    messages.append({"id": "0", "role": "user", "content": asked, "source": "input"})
    for turn in episode.turns:
        call = parse_call(turn.action) if turn.action and turn.action.startswith("{") else None
        said: Json = {
            "id": f"{turn.index}a",
            "role": "assistant",
            "content": turn.reply,
            "source": "generate",
        }
        said["model"] = f"{ARENA}/{model}"
        answer: Json = {"id": f"{turn.index}o", "role": "user", "content": turn.outcome}
        if call:
            call_id = f"call_{turn.index}"
            function = {
                "id": call_id,
                "function": call["name"],
                "arguments": call["arguments"],
                "type": "function",
            }
            said["tool_calls"] = [function]
            answer |= {"role": "tool", "tool_call_id": call_id, "function": call["name"]}
        messages += [said, answer]
    return messages


def _output(messages: Sequence[Json], turns: Sequence[Turn], model: str, usage: Json) -> Json:
    said = [message for message in messages if message["role"] == "assistant"]
    if not said:
        return {"model": f"{ARENA}/{model}", "choices": [], "completion": ""}
    stop = "max_tokens" if turns[-1].finish_reason == "length" else "stop"
    return {
        "model": f"{ARENA}/{model}",
        "choices": [{"message": said[-1], "stop_reason": stop}],
        "completion": said[-1]["content"],
        "usage": usage,
    }


def _file_name(contestant: str, benchmark: str) -> str:
    plain = "".join(char if char.isalnum() or char in "-_." else "_" for char in f"{contestant}_{benchmark}")
    mark = hashlib.sha256(f"{contestant}\n{benchmark}".encode()).hexdigest()[:6]
    return f"{plain[:80].lstrip('.')}_{mark}"
