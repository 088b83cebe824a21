"""Why an episode ended as it did, in one sentence: where it left the baseline, and what went wrong."""

from collections import Counter
from collections.abc import Sequence

from arena.records import Turn
from tui.playhead import differs
from tui.series import Series
from tui.stage import Staged
from tui.tables import failure_words

MOST_KINDS = 3


def ending_words(series: Series, name: str) -> str:
    """Return how an episode on stage ended and why; empty while it is played or not all of it is here."""
    staged, head = series.stage[name], series.heads.get(series.stage[name].key)
    if head is None or head.status != "done" or not staged.complete or not staged.turns:
        return ""
    turns = staged.turns
    slips = _slips(turns)
    if head.success:
        return " · ".join([f"solved in {_count(len(turns), 'turn')}", *slips])
    parts = slips
    baseline = series.stage[series.card.baseline]
    if staged is not baseline and (parted := _parted(staged, baseline)) is not None:
        parts = [f"leaves the baseline at turn {parted + 1}", *slips]
    if staged.max_steps and len(turns) >= staged.max_steps:
        parts.append(f"out of turns at {staged.max_steps}")
    return " · ".join(parts or [f"ended after {_count(len(turns), 'turn')} short of the goal"])


def _parted(staged: Staged, baseline: Staged) -> int | None:
    both = min(len(staged.turns), len(baseline.turns))
    return next((at for at in range(both) if differs(staged.turns, baseline.turns, at)), None)


def _slips(turns: Sequence[Turn]) -> list[str]:
    kinds = Counter(
        failure_words()[turn.failure.kind] if turn.failure else "no effect"
        for turn in turns
        if turn.failure or not turn.valid
    )
    if not kinds:
        return []
    named = [f"{count} {kind}" for kind, count in kinds.most_common(MOST_KINDS)]
    more = sum(kinds.values()) - sum(count for _, count in kinds.most_common(MOST_KINDS))
    return [f"✗ {', '.join([*named, *([f'{more} more'] if more else [])])}"]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
