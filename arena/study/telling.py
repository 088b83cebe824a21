"""The study's example: the turn that shows best what compression did, token by token."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from arena.divergence import comparable, diverge_turn, most_telling, open_pair, tables
from arena.divergence.findings import TurnDivergence
from arena.divergence.telling import Telling
from arena.errors import Unsupported, UsageError
from arena.filtering import parse
from arena.plan import contestant_names, read_plan
from arena.score import read_episodes
from arena.study.family import by_model, families
from arena.study.kept import keep, read_kept, whose

WORTH_SHOWING = "tokens<129 -fail:repeated"
"""A reply that goes round in circles tells little, and takes long to read."""
MOST_READ = 4
"""Each is read by two models, one of them token by token: up to a minute for half a billion parameters."""


def telling_of(run: Path, folder: Path, tell: Callable[[str], None]) -> Mapping[str, Any] | None:
    """Return the most telling turn of a run's compressed contestants as text for a page, or None.

    {contestant, of, heading, tokens, verdict}: whose it is, what was looked through, lines, rows of
    `tables.TOKEN_COLUMNS`, sentences. Of a few turns it is the first whose action changed by compression and
    not by mere numerics. Kept in `folder` (`telling.json`), and made again only when more was played since.
    None where no contestant can be read token by token, or none has played. Raises `ArenaError` where a model
    fails.
    """
    path = folder / "telling.json"
    places = _places(run)
    plan, played = read_plan(run), Counter(each.contestant for each in read_episodes(run))
    among = {plan["contestants"][0]["name"], *(place.key.contestant for place in places)}
    of = whose(plan, {name: played[name] for name in among})
    kept = read_kept(path)
    if kept is not None and kept.get("of") == of:
        return kept
    shown = None
    for place in places[:MOST_READ]:
        tell(f"reading turn {place.turn + 1} of {place.key.contestant} on {place.key.task} token by token")
        turn = diverge_turn(open_pair(run, place.key.contestant), place.key, place.turn)
        if turn.marked and turn.marked.label == "compression":
            shown = turn
            break
        shown = shown or turn
    return keep(path, _told(shown, of)) if shown else None


def _places(run: Path) -> list[Telling]:
    """Return the most telling turn of each that was made of the baseline and has one, the best first."""
    baseline = contestant_names(run)[0]
    beside = next((names for names in by_model(run) if baseline in names), ())
    made = {name for family in families(run) for name in family.compressed.values() if name in beside}
    try:
        readable = [name for name in comparable(run) if name in made]
    except (Unsupported, UsageError):
        return []
    places = []
    for name in readable:
        with suppress(UsageError):  # it has no such turn, or hasn't played
            places.append(most_telling(run, baseline, [name], parse(WORTH_SHOWING, baseline)))
    return sorted(places, key=lambda place: (not place.same_prompt, not place.other_action))


def _told(turn: TurnDivergence, of: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "contestant": turn.key.contestant,
        "of": of,
        "heading": tables.heading(turn),
        "tokens": [list(row) for row in tables.token_rows(turn)],
        "verdict": tables.verdict(turn),
    }
