"""The failed turns of a run as the debugger lists them: groups, whose fault they are, the turns of one."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import fmean

from arena.debugging.document import whose
from arena.debugging.fault import kind_of
from arena.debugging.listing import FailedTurn, Group, all_failed_turns, failed_turns, groups
from arena.debugging.marking import Marked, marked
from arena.debugging.opened import OpenedTurn, Run, open_turn
from arena.debugging.telling import MOST_TRIED, how_telling
from arena.filtering import Filter
from arena.records import EpisodeKey
from tui.debugging.examination import Examination, Place

AROUND_CHARS = 40
COUNTED_AT_ONCE = 10
"""How many failed turns are opened before another question about the run gets its turn."""

Cell = tuple[str, str]
"""Contestant and benchmark."""
GroupKey = tuple[str, str, str]
"""Contestant, benchmark and kind of failure."""


@dataclass(frozen=True)
class Counted:
    """The groups of failed turns, and the mean progress (0..1) of finished episodes, which they cost."""

    baseline: str
    groups: Sequence[Group]
    progress: Mapping[Cell, float]


@dataclass(frozen=True)
class TurnRow:
    """A failed turn in a list: its reply around the failing part, and how it stands beside the baseline's.

    `action` is what had no effect, empty where the reply failed. `same_request`: the baseline answered the
    same request, and its action took effect.
    """

    place: Place
    name: str
    action: str
    reply: Marked
    baseline_won: bool
    same_request: bool
    recovered_after: int | None


@dataclass
class Faults:
    """Whose fault the failed turns of each group are, as far as they are counted."""

    of: dict[GroupKey, Counter[str]] = field(default_factory=dict)
    is_done: bool = False


def count(run: Run, chosen: Filter, kinds: Sequence[str]) -> Counted:
    """Return the groups that a filter leaves, with the progress of their contestants. Raises `UsageError`."""
    progress: dict[Cell, list[float]] = {}
    for episode in run.reader.episodes():
        if episode.status == "done":
            cell = episode.key.contestant, episode.key.task.partition("/")[0]
            progress.setdefault(cell, []).append(episode.progress)
    found = groups(run.db, run.baseline, chosen, kinds)
    return Counted(run.baseline, found, {cell: fmean(values) for cell, values in progress.items()})


def list_turns(run: Run, chosen: Filter, group: Group) -> list[TurnRow]:
    """Return a group's turns, the most telling first; of many, those that come early in their episodes."""
    found = failed_turns(
        run.db,
        chosen,
        contestant=group.contestant,
        benchmark=group.benchmark,
        kinds=(group.kind,),
        earliest_first=True,
        limit=MOST_TRIED,
    )
    opened = [open_turn(run, run.episode_of(each), each.turn) for each in found]
    return [turn_row(each) for each in sorted(opened, key=how_telling, reverse=True)]


def places_of(run: Run, contestant: str) -> list[Place]:
    """Return the first failed turns of a contestant, in recorded order."""
    return [_place(each) for each in failed_turns(run.db, Filter(), contestant=contestant, limit=MOST_TRIED)]


def turn_row(opened: OpenedTurn) -> TurnRow:
    """Return what a list says of a failed turn."""
    turn, beside = opened.turn, opened.baseline
    span = turn.failure.span if turn.failure else (len(turn.reply), len(turn.reply))
    return TurnRow(
        Place(opened.episode.key, turn.index),
        opened.name,
        "" if turn.failure else turn.action or "",
        marked(turn.reply, span, AROUND_CHARS),
        baseline_won=beside is not None and bool(beside.episode.success),
        same_request=beside is not None
        and beside.same_history
        and beside.turn is not None
        and kind_of(beside.turn) is None,
        recovered_after=opened.recovered_after,
    )


async def count_faults(
    examination: Examination, chosen: Filter, kinds: Sequence[str]
) -> AsyncIterator[Faults]:
    """Yield whose fault the failed turns are, more of them each time; other questions are asked between."""
    faults = Faults()
    turns = await examination.ask(lambda run: all_failed_turns(run.db, chosen, kinds=kinds))

    def some(run: Run) -> bool:
        failed: FailedTurn | None = None
        for failed in islice(turns, COUNTED_AT_ONCE):
            fault = whose(run, open_turn(run, run.episode_of(failed), failed.turn))
            group = faults.of.setdefault((failed.contestant, failed.benchmark, failed.kind), Counter())
            group[fault.name if fault else "environment"] += 1
        return failed is not None

    while await examination.ask(some):
        yield faults
    faults.is_done = True
    yield faults


def _place(failed: FailedTurn) -> Place:
    key = EpisodeKey(failed.contestant, failed.task, failed.task_hash, failed.seed, failed.repeat)
    return Place(key, failed.turn)
