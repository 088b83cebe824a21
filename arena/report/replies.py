"""Flipped tasks opened: the first turn at which a contestant and its base did not act alike."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.debugging.listing import turn_name
from arena.filtering import Filter, Term, Where
from arena.plan import read_plan
from arena.records import Episode, Turn
from arena.store.reader import RunReader


@dataclass(frozen=True)
class Parting:
    """Where two episodes of a task part.

    `turn` is `TASK#N` as `arena debug RUN --turn` takes it, in `run`, where the contestant is called
    `contestant`. A reply is None where that episode was over already.
    """

    run: str
    contestant: str
    turn: str
    observation: str
    base_reply: str | None
    reply: str | None


def partings(
    runs: Sequence[Path], document: Mapping[str, Any], asked: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Parting]:
    """Return where contestants left the base, by (contestant, task hash), for those that are `asked`.

    `runs` are the report's. Of several repeats those are read that ended differently. Reads the turns of two
    episodes for each; one that is not found in a run is left out.
    """
    found = {}
    with ExitStack() as stack:
        readers = [
            (run, stack.enter_context(closing(RunReader(run))), _own_names(run, document)) for run in runs
        ]
        for name, task_hash in asked:
            base = _episodes(readers, document["baseline"], task_hash)
            other = _episodes(readers, name, task_hash)
            if base and other:
                found[name, task_hash] = _parting(*_most_telling(base, other))
    return found


def first_difference(base: Sequence[Turn], other: Sequence[Turn]) -> tuple[int, Turn | None, Turn | None]:
    """Return the first turn (from 0) at which two episodes of a task act differently, and both sides' turns.

    An episode that is over there has None; where one is the other's beginning, that is right behind it.
    """
    shared = min(len(base), len(other))
    at = next((index for index in range(shared) if base[index].action != other[index].action), shared)
    before, after = (turns[at] if at < len(turns) else None for turns in (base, other))
    return at, before, after


@dataclass(frozen=True)
class _Recorded:
    run: Path
    reader: RunReader
    head: Episode

    def turns(self) -> list[Turn]:
        return self.reader.turns(self.head)


_Readers = Sequence[tuple[Path, RunReader, Mapping[str, str]]]


def _own_names(run: Path, document: Mapping[str, Any]) -> dict[str, str]:
    """Return what the report's contestants are called in a run, by their name in the report."""
    hashes = {name: agent["hash"] for name, agent in document["agents"].items()}
    own = {}
    for each in read_plan(run)["contestants"]:
        for shown, found in hashes.items():
            is_called_so = shown == each["name"] or shown.startswith(f"{each['name']} (")
            if is_called_so and found == each.get("hash", ""):
                own[shown] = each["name"]
    return own


def _episodes(readers: _Readers, contestant: str, task_hash: str) -> list[_Recorded]:
    found = []
    for run, reader, own in readers:
        if contestant in own:
            where = Where("e.contestant = ? AND e.task_hash = ?", (own[contestant], task_hash))
            heads = reader.find_episodes(Filter("", (Term("episode", where),)))
            found += [_Recorded(run, reader, head) for head in heads if head.status == "done"]
    return found


def _most_telling(base: Sequence[_Recorded], other: Sequence[_Recorded]) -> tuple[_Recorded, _Recorded]:
    def alike(pair: tuple[_Recorded, _Recorded]) -> tuple[bool, bool]:
        ours, theirs = (each.head for each in pair)
        return ours.success == theirs.success, ours.key.repeat != theirs.key.repeat

    return min(((ours, theirs) for ours in base for theirs in other), key=alike)


def _parting(base: _Recorded, other: _Recorded) -> Parting:
    ours, theirs = base.turns(), other.turns()
    at, before, after = first_difference(ours, theirs)
    seen = after or before
    key = other.head.key
    return Parting(
        other.run.name,
        key.contestant,
        # what was over has no such turn: its last one is opened
        turn_name(key.task, min(at, max(0, len(theirs) - 1)), key.repeat),
        seen.observation if seen else "",
        before.reply if before else None,
        after.reply if after else None,
    )
