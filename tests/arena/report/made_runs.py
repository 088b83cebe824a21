"""Recorded runs made to measure: who scored what on which task."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import tomli_w

from arena.protocol.base import Failure, FailureKind
from arena.records import EpisodeEnded, EpisodeKey, Notice, Turn
from arena.store.files import create_database
from arena.store.writer import RunWriter
from envs.base import Task

UNPLAYED = -1.0

Scores = Mapping[str, Mapping[str, Sequence[float | None]]]
"""Contestant -> benchmark -> progress of each task; None: an error; UNPLAYED, or too short: not played."""


def task(benchmark: str, index: int, source: str = "bundled") -> Task:
    return Task(f"{benchmark}/{index}", benchmark, None, source, 0, 9, "easy", {"n": index})


def make_run(
    run: Path,
    scores: Scores,
    *,
    engines: Mapping[str, str] | None = None,
    constrained: Sequence[str] = (),
    sizes: Mapping[str, int] | None = None,
    gradings: Mapping[str, int] | None = None,
    failures: Mapping[str, FailureKind] | None = None,
    sources: Mapping[str, str] | None = None,
    reply: str = "pick up {name}",
    planned: int = 0,
    decided: str = "",
    repeats: int = 1,
) -> Path:
    """Write a run. `planned` tasks a benchmark were planned at least; `repeats` scores are of one task.

    Contestants of the same engine are twins where one is `constrained`.
    """
    run.mkdir(parents=True)
    create_database(run)
    writer = RunWriter(run)
    tasks: dict[str, Task] = {}
    for table in scores.values():
        for benchmark, values in table.items():
            for index in range(max(planned, -(-len(values) // repeats))):
                each = task(benchmark, index, (sources or {}).get(benchmark, "bundled"))
                tasks[each.id] = each
    writer.add_tasks(tasks.values())
    for name, table in scores.items():
        for benchmark, values in table.items():
            for index, progress in enumerate(values):
                if progress == UNPLAYED:
                    continue
                played = tasks[f"{benchmark}/{index // repeats}"]
                repeat = index % repeats
                key = EpisodeKey(name, played.id, played.hash, repeat, repeat)
                grading = (gradings or {}).get(name, 1)
                recorder, _ = writer.begin(key, {"grading_version": grading})
                recorder.begin("win", "look")
                if progress is None:
                    recorder.fail(key, "no answer")
                    continue
                recorder.append(_turn(name, progress, (failures or {}).get(name), reply))
                recorder.end(EpisodeEnded(key, "done", progress, progress == 1, 1))
    if decided:
        writer.note(Notice("stopped", {"decided": decided}))
    writer.close()
    document = {
        "run": run.name,
        "arena": "0",
        "created": "2026-01-01",
        "packages": {"torch": "2"},
        "plan": {
            "suite": "made",
            "settings": {"seed": 0},
            "repeats": repeats,
            "contestants": [[name, f"hash-{name}"] for name in scores],
            "tasks": [[each.id, each.hash] for each in tasks.values()],
        },
        "contestants": [
            {
                "name": name,
                "spec": name,
                "hash": f"hash-{name}",
                "identity": {
                    "engine": {"engine": (engines or {}).get(name, "hf")}
                    | ({"constrained": "json-schema"} if name in constrained else {})
                },
                **({"size_bytes": sizes[name]} if sizes and name in sizes else {}),
            }
            for name in scores
        ],
    }
    (run / "run.toml").write_text(tomli_w.dumps(document))
    return run


def _turn(name: str, progress: float, kind: FailureKind | None, reply: str) -> Turn:
    failure = None if kind is None else Failure(kind, (0, 1), "a call", "prose")
    action = None if kind else f"act {progress}"
    text = reply.replace("{name}", name)
    return Turn(
        *(0, "look", text, "", action, failure, "ok", kind is None, progress, progress == 1),
        completion_tokens=5,
        latency_s=0.5,
    )
