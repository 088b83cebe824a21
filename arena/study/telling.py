"""The study's example: the turn that shows best what compression did, token by token."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from arena.divergence import comparable, diverge_turn, most_telling, open_pair, tables
from arena.errors import Unsupported, UsageError
from arena.filtering import parse
from arena.plan import contestant_names
from arena.study.family import families
from arena.study.kept import keep, read_kept


def telling_of(run: Path, folder: Path, tell: Callable[[str], None]) -> Mapping[str, Any] | None:
    """Return the most telling turn of a run's compressed contestants as text for a page, or None.

    {contestant, heading, tokens, verdict}: lines, rows of `tables.TOKEN_COLUMNS`, sentences. Kept in `folder`
    (`telling.json`), and not made again. None where no contestant can be read token by token, or none has
    played. Raises `ArenaError` where a model fails.
    """
    path = folder / "telling.json"
    if (kept := read_kept(path)) is not None:
        return kept
    baseline = contestant_names(run)[0]
    made = {name for family in families(run) for name in family.compressed.values()}
    try:
        whose = [name for name in comparable(run) if name in made]
        if not whose:
            return None
        found = most_telling(run, baseline, whose, parse("", baseline))
    except (Unsupported, UsageError):
        return None
    tell(f"reading turn {found.turn + 1} of {found.key.contestant} on {found.key.task} token by token")
    turn = diverge_turn(open_pair(run, found.key.contestant), found.key, found.turn)
    return keep(
        path,
        {
            "contestant": found.key.contestant,
            "heading": tables.heading(turn),
            "tokens": [list(row) for row in tables.token_rows(turn)],
            "verdict": tables.verdict(turn),
        },
    )
