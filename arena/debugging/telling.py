"""The failed turn that tells most of a contestant and a kind of failure: where only the model differs.

Best is one where contestant and baseline had seen and done the same until then, the baseline's action took
effect, and it went on to succeed: one request, two replies.
"""

from arena.debugging.listing import failed_turns
from arena.debugging.opened import OpenedTurn, Run, open_turn
from arena.debugging.trial import baseline_action
from arena.filtering import Filter

MOST_TRIED = 200
"""How many failed turns are looked at, those that come earliest in their episodes first."""


def most_telling(run: Run, contestant: str, kind: str, chosen: Filter | None = None) -> OpenedTurn | None:
    """Return the most telling failed turn of a contestant and kind that a filter lets through, or None.

    Failing the best, it is one where the baseline was in the same state, else the earliest one where the
    baseline succeeded, else the first. Raises `UsageError` for an unknown kind.
    """
    chosen = chosen or Filter()
    best: tuple[int, OpenedTurn] | None = None
    for failed in failed_turns(
        run.db, chosen, contestant=contestant, kinds=(kind,), earliest_first=True, limit=MOST_TRIED
    ):
        opened = open_turn(run, run.episode_of(failed), failed.turn)
        rank = how_telling(opened)
        if best is None or rank > best[0]:
            best = rank, opened
        if rank == _BEST:
            break
    return best[1] if best else None


def is_telling(opened: OpenedTurn) -> bool:
    """Tell whether an opened turn answers the same request as the baseline's, which went well."""
    return how_telling(opened) == _BEST


_BEST = 3


def how_telling(opened: OpenedTurn) -> int:
    """Return how much a failed turn tells, from 0 to 3: one request and two replies are best."""
    beside = opened.baseline
    if beside is None or not beside.episode.success:
        return 0
    if beside.same_history and beside.turn is not None and beside.turn.valid:
        return _BEST
    return 2 if baseline_action(opened) is not None else 1
