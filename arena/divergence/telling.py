"""Which turn of a run shows best what compression did to the agent's actions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arena.errors import UsageError
from arena.filtering import Filter
from arena.records import EpisodeKey
from arena.store.files import connect

# How telling a turn is: first of all that both read the very same prompt there, and the baseline did better.
_QUERY = """
SELECT e.contestant, e.task, e.task_hash, e.seed, e.repeat, t.idx,
       u.idx IS NOT NULL AS same_prompt,
       u.idx IS NOT NULL AND u.action IS NOT t.action AS other_action
FROM turn t
JOIN episode e ON e.id = t.episode_id
LEFT JOIN episode b0 ON b0.contestant = ? AND b0.task_hash = e.task_hash AND b0.seed = e.seed
    AND b0.repeat = e.repeat AND b0.status != 'superseded'
LEFT JOIN turn u ON u.episode_id = b0.id AND u.idx = t.idx AND u.prompt_hash = t.prompt_hash
WHERE e.status = 'done' AND e.contestant IN ({names}) AND {where}
ORDER BY
    16 * (u.idx IS NOT NULL AND t.failure_kind IS NOT NULL AND u.failure_kind IS NULL)
    + 8 * (u.idx IS NOT NULL AND t.valid = 0 AND u.valid = 1)
    + 4 * (u.idx IS NOT NULL AND u.action IS NOT t.action)
    + 2 * (COALESCE(b0.success, 0) > e.success)
    + (t.failure_kind IS NOT NULL) DESC,
    t.idx, e.id
LIMIT 1
"""


@dataclass(frozen=True)
class Telling:
    """A turn (from 0) worth looking at; `same_prompt`: the baseline read the same prompt at this turn."""

    key: EpisodeKey
    turn: int
    same_prompt: bool
    other_action: bool


def most_telling(run: Path, baseline: str, contestants: Sequence[str], chosen: Filter) -> Telling:
    """Return the turn, of those that a filter lets through, that shows best what compression did.

    Best is one at which baseline and contestant read the same prompt, the baseline's reply took effect and
    the contestant's did not, in an episode that only the baseline won; early turns come first. Raises
    `UsageError` where nothing is let through.
    """
    where = chosen.turns_where()
    db = connect(run)
    try:
        query = _QUERY.format(names=", ".join("?" * len(contestants)), where=where.sql)
        row = db.execute(query, (baseline, *contestants, *where.parameters)).fetchone()
    finally:
        db.close()
    if row is None:
        raise UsageError(
            f"no turn of {', '.join(contestants)} in {run} is "
            + (f"let through by {chosen.text!r}" if chosen.text else "finished"),
            "choose others" if chosen.text else "`arena watch` shows how far the run is",
        )
    key = EpisodeKey(row["contestant"], row["task"], row["task_hash"], row["seed"], row["repeat"])
    return Telling(key, row["idx"], bool(row["same_prompt"]), bool(row["other_action"]))
