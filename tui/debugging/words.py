"""What came of an action that was tried, and of the turns after a failed one, in words."""

from arena.debugging.fault import kind_of
from arena.debugging.opened import OpenedTurn
from arena.debugging.trial import Trial
from arena.records import Turn
from tui.literal import literal_line

LINE_CHARS = 400


def judged(trial: Trial) -> str:
    """Say in words what came of an action that was tried."""
    if trial.right is None:
        return f"nobody can say whether it is right: {literal_line(trial.problem, LINE_CHARS)}"
    if not trial.valid:
        return f"wrong: it has no effect ({literal_line(trial.outcome)})"
    if trial.same_as:
        return f"right: it is the {trial.same_as}'s own"
    if trial.progress > trial.progress_before:
        return f"right: it makes progress, {trial.progress_before:.0%} to {trial.progress:.0%}"
    if trial.right:
        return "right as far as anyone can tell: it takes effect"
    return f"wrong: it takes effect, but what was called for is {literal_line(trial.told or '', LINE_CHARS)}"


def recovery(opened: OpenedTurn) -> str:
    """Say in words whether a contestant found its way back after a turn."""
    if kind_of(opened.turn) is None:
        return "nothing had failed"
    if not opened.after:
        return "that was the last turn"
    if opened.recovered_after is None:
        return f"no action took effect in the {len(opened.after)} turns after it"
    turns = "the next turn" if opened.recovered_after == 1 else f"{opened.recovered_after} turns later"
    return f"recovered {turns}"


def said(turn: Turn) -> str:
    """Return what a turn came to: its action, or its reply where that gave none."""
    return turn.reply if turn.action is None else turn.action
