"""Exports of our own that come back: the run as it was."""

from collections.abc import Callable, Sequence
from pathlib import Path

from arena.deciding import DECIDED
from arena.errors import UsageError
from arena.outside.building import Builder, building
from arena.outside.lines import BadLog
from arena.outside.own import STOPPED, Whole
from arena.outside.own_inspect import read_eval
from arena.outside.own_lines import read_lines
from arena.outside.own_table import read_csv, read_parquet
from arena.records import Notice

READERS = {
    "arena-jsonl": read_lines,
    "arena-inspect": read_eval,
    "arena-csv": read_csv,
    "arena-parquet": read_parquet,
}


def restore(logs: Sequence[tuple[Path, str]], run: Path, on_episode: Callable[[str], None]) -> None:
    """Make a run of exported files (path and format), all of one run. Raises `BadLog` or `UsageError`."""
    with building(run) as builder:
        plans = []
        seen: set[tuple[str, str, int, int]] = set()
        for path, kind in logs:
            plan, episodes = READERS[kind](path)
            plans.append(plan)
            if plan != plans[0]:
                raise UsageError(
                    f"{path} is of another run than {logs[0][0]}", "bring one run back at a time"
                )
            names = {each["name"] for each in plan["contestants"]}
            for episode in episodes:
                _add(builder, episode, names, seen, path)
                on_episode(path.name)
        builder.document = {**plans[0], "run": run.name}
        why = builder.document.pop(STOPPED, None)
        if isinstance(why, str):
            builder.add_notice(Notice(f"decided: {why}", {DECIDED: why}))


def _add(
    builder: Builder, episode: Whole, names: set[str], seen: set[tuple[str, str, int, int]], path: Path
) -> None:
    key = episode.head.key
    if key.contestant not in names:
        raise BadLog(f"{path}: {key.contestant[:40]!a} is not among the plan's contestants")
    if (unique := (key.contestant, key.task_hash, key.seed, key.repeat)) in seen:
        raise BadLog(f"{path}: an episode of {key.task[:80]!a} stands there twice")
    seen.add(unique)
    builder.add_task(episode.task)
    builder.add_episode(episode.head, episode.provenance, episode.turns)
