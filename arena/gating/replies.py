"""The turn at which a flipped task was lost: what both sides said there."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.records import Episode, Turn
from arena.report.candidates import models
from arena.report.replies import first_difference
from arena.store.reader import RunReader

MOST_FLIPS = 20
"""So many flipped tasks of a contestant are shown with replies."""


@dataclass(frozen=True)
class Flip:
    """A task that only one side solved, at the first turn where their actions differ (from 0)."""

    contestant: str
    task: str
    kind: str
    turn: int
    observation: str
    base_reply: str
    reply: str


def read_flips(run: Path, document: Mapping[str, Any]) -> list[Flip]:
    """Return each model's flipped tasks (losses first, `MOST_FLIPS` at most) with both replies."""
    found = []
    baseline = document["baseline"]
    with closing(RunReader(run)) as reader:
        heads: dict[tuple[str, str], Episode] = {}
        for head in reader.episodes():
            if head.status == "done":
                heads.setdefault((head.key.contestant, head.key.task_hash), head)
        for name in models(document):
            flips = document["flips"][name]
            rows = [(kind, each) for kind in ("lost", "gained") for each in flips[kind]][:MOST_FLIPS]
            for kind, each in rows:
                base, other = heads.get((baseline, each["hash"])), heads.get((name, each["hash"]))
                if base is not None and other is not None:
                    sides = reader.turns(base), reader.turns(other)
                    found.append(_flip(name, each["task"], kind, *sides))
    return found


def _flip(name: str, task: str, kind: str, base: Sequence[Turn], other: Sequence[Turn]) -> Flip:
    at, theirs, ours = first_difference(base, other)
    seen = ours or theirs
    return Flip(
        *(name, task, kind, at, seen.observation if seen else ""),
        base_reply=theirs.reply if theirs else "(its episode was over)",
        reply=ours.reply if ours else "(its episode was over)",
    )
