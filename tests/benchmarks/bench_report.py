"""What a report of 100,000 episodes takes, beside reading them once, and how it grows.

Run it: `python tests/benchmarks/bench_report.py [EPISODES]`. Synthetic runs, their databases filled without
playing: 5 contestants on 4 benchmarks, 4 turns an episode, a quarter of the episodes with a failed one. Times
are of the processor; each is also said as a multiple of what reading the episodes takes, which nothing can
spare. Up to 2,000 tasks are resampled, which takes seconds; beyond, numbers of tasks cost next to nothing.
"""

import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import tomli_w

from arena.report.document import report_document
from arena.report.html import html_page
from arena.score import read_episodes
from arena.store.files import create_database
from arena.store.writer import RunWriter
from envs.base import Task

CONTESTANTS = ("base", "w8", "w4", "w3", "w2")
BENCHMARKS = ("alpha", "beta", "gamma", "delta")
TURNS = 4


def fill(run: Path, episodes: int) -> None:
    """Write a run: each contestant after the base scores a little less than the one before."""
    draw = random.Random(0)
    run.mkdir()
    create_database(run)
    count = episodes // len(CONTESTANTS) // len(BENCHMARKS)
    tasks = [
        Task(f"{name}/{index}", name, None, "bundled", 0, 9, "easy", {"n": index})
        for name in BENCHMARKS
        for index in range(count)
    ]
    writer = RunWriter(run)
    writer.add_tasks(tasks)
    writer.close()
    with sqlite3.connect(run / "run.sqlite") as db:
        for rank, name in enumerate(CONTESTANTS):
            for task in tasks:
                _add(db, draw, name, rank, task)
    db.close()
    agents = [[name, f"hash-{name}"] for name in CONTESTANTS]
    plan = {
        "suite": "made",
        "settings": {"seed": 0},
        "repeats": 1,
        "contestants": agents,
        "tasks": [[task.id, task.hash] for task in tasks],
    }
    known = [
        {"name": name, "spec": name, "hash": each, "identity": {"engine": {"engine": "hf"}}}
        for name, each in agents
    ]
    document = {"run": run.name, "arena": "0", "created": "", "packages": {}, "plan": plan}
    (run / "run.toml").write_text(tomli_w.dumps(document | {"contestants": known}))


def _add(db: sqlite3.Connection, draw: random.Random, name: str, rank: int, task: Task) -> None:
    progress = min(1.0, draw.randint(0, 5 + rank) / 5)
    progress = round(1 - progress, 3) if task.benchmark == "alpha" else float(progress < 0.5)
    (number,) = db.execute(
        "INSERT INTO episode (contestant, task_hash, task, seed, repeat, attempt, status, turns, progress,"
        " success, provenance, started_at) VALUES (?, ?, ?, 0, 0, 1, 'done', ?, ?, ?, ?, 0) RETURNING id",
        (name, task.hash, task.id, TURNS, progress, progress == 1, '{"grading_version": 1}'),
    ).fetchone()
    kind = draw.choice(("not_json", "no_action", "unknown_tool")) if draw.random() < 0.25 else None
    failure = json.dumps({"kind": kind, "span": [0, 2], "expected": "a call", "got": "prose"})
    db.executemany(
        "INSERT INTO turn (episode_id, idx, reply, thought, action, failure_kind, failure, outcome, valid,"
        " progress, success, subgoals, scores, finish_reason, prompt_tokens, completion_tokens,"
        " cached_tokens, thought_tokens, latency_s, env_s, prompt_hash, dropped_items)"
        " VALUES (?, ?, 'go', '', ?, ?, ?, 'ok', ?, ?, 0, '{}', '{}', 'stop', 9, 9, 0, 0, 0.1, 0, '', 0)",
        [
            (
                number,
                index,
                *((None, kind, failure, 0) if kind and index == 1 else ("go", None, None, 1)),
                progress,
            )
            for index in range(TURNS)
        ],
    )


def timed(work: Callable[[], object]) -> float:
    """Return the processor's seconds."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Print a table."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        for episodes in (most // 10, most):
            run = Path(folder) / f"run-{episodes}"
            fill(run, episodes)
            document: dict = {}
            reading = timed(lambda: read_episodes(run))  # noqa: B023
            rows = {
                "reading the episodes": reading,
                "the document, reading included": timed(lambda: document.update(report_document(run))),  # noqa: B023
                "the page, from the document": timed(lambda: html_page(document, [run])),  # noqa: B023
            }
            print(f"{episodes:,} episodes of {TURNS} turns")
            for what, seconds in rows.items():
                print(f"  {what:40}{seconds:8.2f} s{seconds / reading:8.1f} x reading", flush=True)


if __name__ == "__main__":
    main()
