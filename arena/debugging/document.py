"""Failed turns as JSON-able rows, and whose fault they are in numbers."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from arena.debugging.fault import FAULTS, Fault, fault_of, kind_of
from arena.debugging.listing import KINDS, REFUSED, all_failed_turns, groups, only_about
from arena.debugging.opened import OpenedTurn, Run, open_turn, tools_of
from arena.debugging.requests import Rebuilt
from arena.debugging.trial import Trial, try_repair
from arena.filtering import Filter
from arena.protocol.quoting import excerpt

FAILURES = tuple(kind for kind in KINDS if kind != REFUSED)
"""Kinds of failed replies; a refused action is none."""

_Key = tuple[str, int, int]
"""Hash of the task, seed, repeat: what contestants are paired by."""


@dataclass(frozen=True)
class FaultCount:
    """How many of a contestant's failed turns are a fault's; `paired` of them on tasks of the baseline's.

    `baseline` are the baseline's on the same tasks.
    """

    contestant: str
    fault: str
    count: int
    paired: int
    baseline: int


def rows(run: Run, chosen: Filter, contestant: str | None, kinds: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield one row a failed turn, in recorded order: the fields of `arena debug --json`.

    Each repair is played in the state of its turn to see whether it would have been right. Raises
    `UsageError` for unknown kinds.
    """
    for failed in all_failed_turns(run.db, chosen, contestant=contestant, kinds=kinds):
        opened = open_turn(run, run.episode_of(failed), failed.turn)
        yield row(opened, whose(run, opened), try_repair(run, opened))


def row(opened: OpenedTurn, fault: Fault | None, trial: Trial | None) -> dict[str, Any]:
    """Return one failed turn as a JSON-able row; `turn` counts from 0, `name` is what `--turn` takes."""
    turn, key = opened.turn, opened.episode.key
    failure = turn.failure
    beside = opened.baseline
    theirs = beside.turn if beside else None
    return {
        "contestant": key.contestant,
        "task": key.task,
        "repeat": key.repeat,
        "turn": turn.index,
        "kind": kind_of(turn),
        "span": list(failure.span) if failure else [0, len(turn.reply)],
        "json_path": failure.json_path if failure else None,
        "expected": failure.expected if failure else "an action that takes effect",
        "got": failure.got if failure else excerpt(turn.action or ""),
        "repair": failure.repair if failure else None,
        "repair_correct": trial.right if trial else None,
        "fault": fault.name if fault else None,
        "fault_why": fault.why if fault else None,
        "name": opened.name,
        "seed": key.seed,
        "protocol": opened.protocol,
        "reply": turn.reply,
        "action": turn.action,
        "finish_reason": turn.finish_reason,
        "recovered_after": opened.recovered_after,
        "baseline": None
        if beside is None or theirs is None
        else {
            "kind": kind_of(theirs),
            "reply": theirs.reply,
            "action": theirs.action,
            "valid": theirs.valid,
            "same_history": beside.same_history,
            "success": beside.episode.success,
        },
    }


def turn_document(
    opened: OpenedTurn, rebuilt: Rebuilt, fault: Fault | None, trial: Trial | None
) -> dict[str, Any]:
    """Return all that is known of one turn: its row, the request, the verdict, the trial, what came after."""
    request = rebuilt.request
    return row(opened, fault, trial) | {
        "request": {
            "exact": rebuilt.exact,
            "problem": rebuilt.problem,
            "messages": [asdict(message) for message in request.messages] if request else None,
        },
        "steps": [
            {"name": step.name, "question": step.question, "answer": step.answer, "said": step.said}
            for step in opened.steps
        ],
        "trial": asdict(trial) if trial else None,
        "outcome": opened.turn.outcome,
        "next": [
            {"turn": turn.index, "kind": kind_of(turn), "reply": turn.reply, "valid": turn.valid}
            for turn in opened.after
        ],
    }


def whose(run: Run, opened: OpenedTurn) -> Fault | None:
    """Return whose fault an opened turn is, as far as the record tells."""
    tools = tools_of(run, opened)[0] if opened.protocol == "json" else ()
    return fault_of(opened.turn, opened.protocol, tools, opened.dialect)


def fault_counts(
    run: Run, chosen: Filter, contestant: str | None = None, kinds: Sequence[str] = ()
) -> list[FaultCount]:
    """Return whose faults the failed turns are, refused actions included; most frequent first in each.

    As in `listing.groups`, what the filter says of episodes chooses those of the contestants; what it says of
    turns holds for the baseline's as well.
    """
    of_baseline: dict[_Key, Counter[str]] = defaultdict(Counter)
    for key, _, fault in _faults(run, only_about(chosen, "turn"), run.baseline, kinds):
        of_baseline[key][fault] += 1
    played_by_baseline = _keys(run, run.baseline, Filter())
    counts: Counter[tuple[str, str]] = Counter()
    paired: Counter[tuple[str, str]] = Counter()
    for key, name, fault in _faults(run, chosen, contestant, kinds):
        counts[name, fault] += 1
        paired[name, fault] += key in played_by_baseline
    found = []
    for name in run.contestants:
        is_baseline = name == run.baseline
        keys = set() if is_baseline else _keys(run, name, only_about(chosen, "episode"))
        theirs: Counter[str] = Counter()
        for key in keys & of_baseline.keys():
            theirs += of_baseline[key]
        found += [
            FaultCount(
                name, fault, counts[name, fault], 0 if is_baseline else paired[name, fault], theirs[fault]
            )
            for fault in sorted(FAULTS, key=lambda fault: -counts[name, fault])
            if counts[name, fault] or (theirs[fault] and contestant in (None, name))
        ]
    return found


def summary(run: Run, chosen: Filter, contestant: str | None, kinds: Sequence[str]) -> dict[str, Any]:
    """Return the counts of `arena debug --summary --json`: groups by kind, and faults."""
    return {
        "run": run.path.name,
        "baseline": run.baseline,
        "groups": [
            asdict(group)
            for group in groups(run.db, run.baseline, chosen, kinds)
            if contestant in (None, group.contestant)
        ],
        "faults": [asdict(each) for each in fault_counts(run, chosen, contestant, kinds)],
    }


def _faults(
    run: Run, chosen: Filter, contestant: str | None, kinds: Sequence[str]
) -> Iterator[tuple[_Key, str, str]]:
    for failed in all_failed_turns(run.db, chosen, contestant=contestant, kinds=kinds):
        opened = open_turn(run, run.episode_of(failed), failed.turn)
        if fault := whose(run, opened):
            yield (failed.task_hash, failed.seed, failed.repeat), failed.contestant, fault.name


def _keys(run: Run, contestant: str, chosen: Filter) -> set[_Key]:
    where = chosen.episodes_where()
    rows = run.db.execute(
        "SELECT e.task_hash, e.seed, e.repeat FROM episode e"  # noqa: S608 - parameters only
        f" WHERE e.contestant = ? AND e.status != 'superseded' AND {where.sql}",
        (contestant, *where.parameters),
    )
    return {(task_hash, seed, repeat) for task_hash, seed, repeat in rows}
