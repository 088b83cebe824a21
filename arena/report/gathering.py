"""What a report is made of: the episodes of one run or several, of one grading, and where they come from."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain, count, takewhile
from pathlib import Path
from typing import Any

from arena.deciding import random_order, stopped_early
from arena.errors import UsageError
from arena.filtering import parse
from arena.plan import read_plan
from arena.score import EpisodeScore, benchmark_of, read_episodes
from arena.store.files import connect

# a task's data may be long texts: they stay where they are
_TASKS = "SELECT hash, id, json_extract(data, '$.source'), json_extract(data, '$.grading') FROM task"
_FAILED = """
SELECT e.contestant, e.task_hash, e.seed, e.repeat, e.task FROM episode e WHERE e.status = 'error' AND {where}
"""

Key = tuple[str, str, int, int]
"""Contestant, task hash, seed and repeat: what makes an episode of two runs the same one."""


@dataclass(frozen=True)
class TaskFacts:
    """What a report says of a task: its name, where its data come from, and how it is graded."""

    task: str
    source: str
    grading: Mapping[str, str]


@dataclass
class Gathered:
    """The material of a report. The first of `only`, or the first run's first contestant, is the baseline.

    `only` names the contestants that count (empty: all). `agents` says who each contestant is, `called` what
    the report calls a run's contestant of a name and hash; `tasks` maps hashes to facts; `plans` are the
    runs' `run.toml`. `left_out` counts episodes of older gradings by benchmark. `stopped` is why a run was
    stopped early, and `counted` the tasks that count (hashes, in the order in which they are played then): of
    such a run those that were to be played first and are finished, of others all. `failed` (with their
    benchmarks) and `planned` are all runs' episodes, each once: `errors` counts those that failed and no run
    has finished, `unplayed` those planned that are neither finished nor failed in any (not of logs of other
    harnesses, nor under a filter).
    """

    runs: Sequence[Path]
    chosen: str
    only: Sequence[str] = ()
    plans: list[dict[str, Any]] = field(default_factory=list)
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)
    called: dict[tuple[str, str], str] = field(default_factory=dict)
    episodes: list[EpisodeScore] = field(default_factory=list)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: dict[Key, str] = field(default_factory=dict)
    planned: set[Key] = field(default_factory=set)
    tasks: dict[str, TaskFacts] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    stopped: str | None = None
    counted: Collection[str] = ()
    unplayed: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def order(self) -> Sequence[str] | None:
        """The tasks that count, in order, where a run was stopped early."""
        return list(self.counted) if self.stopped else None

    @property
    def contestants(self) -> list[str]:
        """All contestants, the baseline first."""
        return list(self.agents)

    @property
    def baseline(self) -> str:
        """The contestant that all others are compared with."""
        return next(iter(self.agents))


def gather(runs: Sequence[Path], chosen: str = "", only: Sequence[str] = ()) -> Gathered:
    """Read the runs of a report; `chosen` is a filter of their episodes (`arena/filtering.py`).

    Contestants of the same name and hash in several runs are one; those that only share the name get their
    run's name behind it. `only` of them, in that order, where names are given. Raises `UsageError` for a
    broken filter, for names that no run has and where no run is given, `StoreError` where a run can't be
    read.
    """
    if not runs:
        raise UsageError("a report needs a run", "`arena runs` lists those in this folder")
    gathered = Gathered(runs, chosen, only)
    for run in runs:
        _add(gathered, run)
    if only:
        known = gathered.agents
        if missing := [name for name in only if name not in known]:
            raise UsageError(
                f"{' + '.join(run.name for run in runs)} has no contestant {missing[0]!r}",
                f"it has {', '.join(known)}",
            )
        gathered.agents = {name: known[name] for name in only}
    _count_owed(gathered)
    gathered.episodes, gathered.left_out = _of_one_grading(gathered.episodes)
    return gathered


def _add(gathered: Gathered, run: Path) -> None:
    plan = read_plan(run)
    known = {each["name"]: each for each in plan["contestants"]}
    baseline = next(iter([*gathered.only, *gathered.agents, *known]), "")
    chosen = parse(gathered.chosen, baseline)
    episodes = read_episodes(run, chosen)
    called = {name: _called(gathered, run, name, agent) for name, agent in known.items()}
    gathered.plans.append(plan)
    for name, agent in known.items():
        gathered.agents.setdefault(called[name], agent)
    if gathered.only:
        known = {name: agent for name, agent in known.items() if called[name] in gathered.only}
        episodes = [each for each in episodes if each.contestant in known]
    if any(name != new for name, new in called.items()):
        episodes = [replace(each, contestant=called[each.contestant]) for each in episodes]
    _add_episodes(gathered, run, episodes)
    failed = chosen.episodes_where()
    with closing(connect(run)) as db:
        for who, task_hash, seed, repeat, task in db.execute(
            _FAILED.format(where=failed.sql), failed.parameters
        ):
            if who in known:
                gathered.failed[called[who], task_hash, seed, repeat] = benchmark_of(task)
        for task_hash, task, source, grading in db.execute(_TASKS):
            facts = TaskFacts(task, source or "", json.loads(grading or "{}"))
            gathered.tasks.setdefault(task_hash, facts)
        why_stopped = stopped_early(db)
    frozen = plan["plan"]
    first_seed = frozen["settings"].get("seed", 0)
    planned = {
        (called[name], task_hash, first_seed + repeat, repeat)
        for name in known
        for _, task_hash in frozen["tasks"]
        for repeat in range(int(frozen["repeats"]))
    }
    if not gathered.chosen and not plan.get("imported"):
        gathered.planned |= planned
    counted = random_order([task for _, task in frozen["tasks"]], first_seed)
    if why_stopped and len(episodes) < len(planned):
        gathered.stopped = why_stopped
        counted = _begun_in_order(run, counted, list(known), frozen["repeats"])
    # a task of several runs counts once
    gathered.counted = dict.fromkeys([*gathered.counted, *counted])


def _begun_in_order(run: Path, order: Sequence[str], names: Sequence[str], repeats: int) -> list[str]:
    """Return the tasks before the first that somebody has not finished; those that failed are passed over.

    What was finished beyond it was quicker than the rest, and would tilt the comparison.
    """
    with closing(connect(run)) as db:
        finished = db.execute(
            "SELECT contestant, task_hash, COUNT(*) FROM episode WHERE status = 'done' GROUP BY 1, 2"
        )
        done = {(who, task) for who, task, count in finished if count >= repeats}
        failed = {task for (task,) in db.execute("SELECT task_hash FROM episode WHERE status = 'error'")}
    return list(takewhile(lambda task: task in failed or all((who, task) in done for who in names), order))


def _called(gathered: Gathered, run: Path, name: str, agent: Mapping[str, Any]) -> str:
    who = name, agent.get("hash", "")
    if who not in gathered.called:
        gathered.called[who] = name
        if name in gathered.agents:
            gathered.notes.append(f"{name} of {run.name} is another than {name} of {gathered.runs[0].name}")
            gathered.called[who] = _free_name(gathered, name, run)
    return gathered.called[who]


def _free_name(gathered: Gathered, name: str, run: Path) -> str:
    """Return a name that no contestant has: runs in several folders may be called the same."""
    taken = {*gathered.agents, *gathered.called.values()}
    numbers = chain([""], (f" {number}" for number in count(2)))
    return next(free for number in numbers if (free := f"{name} ({run.name}{number})") not in taken)


def _add_episodes(gathered: Gathered, run: Path, episodes: Sequence[EpisodeScore]) -> None:
    have = {_key(each) for each in gathered.episodes}
    new = [each for each in episodes if _key(each) not in have]
    if twice := len(episodes) - len(new):
        gathered.notes.append(f"{twice} episodes of {run.name} were in an earlier run already; those count")
    gathered.episodes += new


def _count_owed(gathered: Gathered) -> None:
    """Count what failed and what was not played; what one run owes, another may have finished."""
    done = {_key(each) for each in gathered.episodes}
    for key, benchmark in gathered.failed.items():
        if key not in done:
            gathered.errors[key[0], benchmark] += 1
    gathered.unplayed = len(gathered.planned - done - gathered.failed.keys())


def _key(episode: EpisodeScore) -> Key:
    return episode.contestant, episode.task_hash, episode.seed, episode.repeat


def _of_one_grading(episodes: Sequence[EpisodeScore]) -> tuple[list[EpisodeScore], dict[str, int]]:
    """Return the episodes of each benchmark's newest grading, and how many of older ones there are."""
    newest: dict[str, int] = {}
    for each in episodes:
        newest[each.benchmark] = max(newest.get(each.benchmark, 0), each.grading_version or 0)
    kept = [each for each in episodes if (each.grading_version or 0) == newest[each.benchmark]]
    every = Counter(each.benchmark for each in episodes)
    every.subtract(Counter(each.benchmark for each in kept))
    return kept, {benchmark: count for benchmark, count in every.items() if count}
