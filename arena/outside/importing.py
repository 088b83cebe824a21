"""Bringing logs of other harnesses in: each becomes a contestant's episodes in one run of our store."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from arena import __version__
from arena.errors import UsageError
from arena.outside.building import Builder, building
from arena.outside.formats import Log, find_logs, read_log
from arena.outside.lines import BadLog
from arena.outside.pairing import By, Pairing
from arena.outside.recorded import Recorded, whole
from arena.outside.restoring import READERS, restore
from arena.records import Episode, EpisodeKey, Turn
from arena.store.files import SCHEMA_VERSION

SUITE = "imported"
MAX_NAME_CHARS = 100


@dataclass(frozen=True)
class Imported:
    """What an import brought in. `contestants` maps names to episodes, the baseline first.

    `tasks` counts all tasks, `paired` those that every contestant has;
    `unmatched` maps contestants to their tasks that not all others have, `missing` to what their logs lack,
    `progress_is` benchmarks to the score that is taken as progress. `notes` are for a person.
    """

    contestants: Mapping[str, int]
    tasks: int
    paired: int
    unmatched: Mapping[str, int]
    missing: Mapping[str, Sequence[str]]
    progress_is: Mapping[str, str]
    notes: Sequence[str]


@dataclass
class _State:
    """What is known of the logs read so far."""

    pairing: Pairing
    episodes: dict[str, int] = field(default_factory=dict)
    models: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    missing: dict[str, dict[str, int]] = field(default_factory=dict)
    progress_is: dict[str, dict[str, None]] = field(default_factory=dict)
    """Which scores are taken as a benchmark's progress, the first log's first: one, unless logs differ."""
    off_scale: dict[tuple[str, str], None] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)


def _nobody(log: str) -> None:
    """Nobody looks on."""


def import_logs(
    logs: Sequence[str],
    run: Path,
    by: By = "auto",
    score: str | None = None,
    encoder: str | None = None,
    on_episode: Callable[[str], None] = _nobody,
) -> Imported | None:
    """Read logs, `[NAME=]PATH` each, into a new run directory; the first's contestant is the baseline.

    `score` names the log's score that is taken as progress. Exports of our own come back as they were,
    without a summary (None). Raises `BadLog` where a log can't be read or
    holds no episodes, `UsageError` where `run` is taken or one contestant has a task twice; no part of a run
    is left behind then.
    """
    found = [log for text in logs for log in find_logs(text)]
    own = [log for log in found if log.format in READERS]
    if own:
        if len(own) != len(found):
            raise UsageError(
                f"{own[0].path} is an export of Arena, the others are not",
                "an exported run comes back by itself",
            )
        restore([(log.path, log.format) for log in own], run, on_episode)
        return None
    state = _State(Pairing(by))
    with building(run) as builder:
        for log in found:
            _read(log, read_log(log, score, encoder), state, builder, on_episode)
        for contestant, benchmark in state.off_scale:
            builder.drop_progress(contestant, benchmark)
            counts = state.missing.setdefault(contestant, {})
            counts["progress"] = counts.get("progress", 0) + 1
        imported = _summary(state)
        builder.document = _document(run.name, state, imported)
    return imported


def _read(
    log: Log, episodes: Iterable[Recorded], state: _State, builder: Builder, on_episode: Callable[[str], None]
) -> None:
    count = 0
    for episode in _named(log, episodes):
        task, repeat = state.pairing.place(episode)
        builder.add_task(task)
        head, provenance, turns = _stored(
            log, episode, EpisodeKey(episode.contestant, task.id, task.hash, repeat, repeat)
        )
        builder.add_episode(head, provenance, turns)
        _count(state, episode)
        state.formats.setdefault(episode.contestant, log.format)
        count += 1
        on_episode(log.path.name)
    if not count:
        raise BadLog(f"{log.path} holds no episodes")
    state.sources.append({"file": whole(log.path.name), "format": log.format, "episodes": count})


def _named(log: Log, episodes: Iterable[Recorded]) -> Iterator[Recorded]:
    for episode in episodes:
        name = log.name or episode.contestant or log.path.stem
        plain = "".join(char if char.isprintable() else "_" for char in name)[:MAX_NAME_CHARS]
        benchmark = "".join(char if char.isprintable() and char != "/" else "_" for char in episode.benchmark)
        yield replace(episode, contestant=plain, benchmark=benchmark[:MAX_NAME_CHARS] or "log")


def _stored(log: Log, episode: Recorded, key: EpisodeKey) -> tuple[Episode, dict[str, Any], Sequence[Turn]]:
    turns = list(episode.turns)
    progress = episode.progress if episode.progress is not None and 0 <= episode.progress <= 1 else 0.0
    success = episode.success and episode.progress is not None
    if turns:
        grading = dict(episode.grading)
        scores = grading.pop("scores", None)
        noted = {"scores": scores} if scores else {}
        noted |= {"theirs": dict(episode.theirs)} if episode.theirs else {}
        noted |= {"grading": grading} if grading else {}
        turns[-1] = replace(turns[-1], progress=progress, success=success, scores=noted)
    provenance: dict[str, Any] = {
        "imported": log.format,
        "log": whole(log.path.name),
        "absent": episode.absent,
        "theirs": dict(episode.theirs),
        "grading": {name: value for name, value in episode.grading.items() if name != "scores"},
    }
    if episode.grounding is not None:
        provenance["grounding"] = episode.grounding
    head = Episode(
        id=0,
        key=key,
        status="error" if episode.error else "done",
        attempt=1,
        goal=episode.goal,
        first_observation=episode.first_observation,
        turns=len(turns),
        progress=progress,
        success=success,
        error=episode.error,
    )
    return head, provenance, turns


def _count(state: _State, episode: Recorded) -> None:
    name = episode.contestant
    state.episodes[name] = state.episodes.get(name, 0) + 1
    state.models.setdefault(name, episode.model)
    if not episode.error:
        for measure in episode.absent:
            counts = state.missing.setdefault(name, {})
            counts[measure] = counts.get(measure, 0) + 1
    by = episode.grading.get("by") or episode.grading.get("scoring")
    if by:
        state.progress_is.setdefault(episode.benchmark, {}).setdefault(str(by))
    if episode.progress is not None and not 0 <= episode.progress <= 1:
        state.off_scale[name, episode.benchmark] = None


def _summary(state: _State) -> Imported:
    names = list(state.episodes)
    pairing = state.pairing
    notes = []
    if pairing.clashes:
        notes.append(
            f"{pairing.clashes} episodes were asked otherwise than their ids' tasks, so they don't pair by id"
        )
    if pairing.renamed:
        notes.append(f"{pairing.renamed} episodes were matched by what was asked, their ids differ")
    notes += [
        f"{name}: scores of {benchmark} go beyond 0..1, so they are kept and not compared"
        for name, benchmark in state.off_scale
    ]
    notes += [
        f"{benchmark}: progress is not the same score in all logs ({', '.join(scores)}): choose by --score"
        for benchmark, scores in state.progress_is.items()
        if len(scores) > 1
    ]
    return Imported(
        contestants=dict(state.episodes),
        tasks=len(pairing.tasks),
        paired=pairing.paired(names),
        unmatched=dict(pairing.unmatched(names)),
        missing={name: list(counts) for name, counts in state.missing.items()},
        progress_is={benchmark: next(iter(scores)) for benchmark, scores in state.progress_is.items()},
        notes=notes,
    )


def _document(run: str, state: _State, imported: Imported) -> dict[str, Any]:
    contestants = []
    for name in imported.contestants:
        identity = {"imported": state.formats[name], **state.models[name]}
        text = json.dumps(identity, sort_keys=True)
        contestants.append(
            {
                "name": name,
                "spec": f"imported:{state.formats[name]}",
                "options": {},
                "hash": hashlib.sha256(text.encode()).hexdigest()[:16],
                "identity": identity,
            }
        )
    return {
        "schema": SCHEMA_VERSION,
        "run": run,
        "arena": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "imported": {
            "logs": state.sources,
            "paired_by": state.pairing.by,
            "paired": imported.paired,
            "unmatched": dict(imported.unmatched),
            "missing": {name: list(measures) for name, measures in imported.missing.items()},
            "progress_is": dict(imported.progress_is),
            "notes": list(imported.notes),
        },
        "plan": {
            "suite": SUITE,
            "settings": {"seed": 0},
            "repeats": state.pairing.repeats,
            "contestants": [[each["name"], each["hash"]] for each in contestants],
            "tasks": [[task.id, task.hash] for task in state.pairing.tasks.values()],
        },
        "contestants": contestants,
    }
