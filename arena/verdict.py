"""What a difference to the baseline means, in words. Rates are 0..1 here and points of 100 in the words."""

import math
from dataclasses import dataclass
from typing import Literal

from analysis.power import tasks_to_decide
from analysis.significance import PairedDifference
from arena.words import counted

SIGNIFICANT_P = 0.05
WORTH_RULING_OUT = 0.10
"""An interval that reaches further down than this says nothing that is worth saying."""
MOST_TASKS = 100_000
"""Who needs more tasks than this needs another question."""

Kind = Literal["worse", "better", "looks_worse", "looks_better", "no_loss", "undecided", "no_base"]


@dataclass(frozen=True)
class Verdict:
    """A verdict's kind, its sentence, and for those that are open about how many tasks would decide."""

    kind: Kind
    text: str
    tasks_to_decide: int | None = None


def verdict(difference: PairedDifference, p_holm: float | None = None, comparisons: int = 1) -> Verdict:
    """Say what a difference of rates means.

    It counts where interval and test agree, the test allowing for all `comparisons` of the report (`p_holm`).
    Without a difference that counts, the interval says which drop is ruled out, if that is a small one.
    """
    tasks = counted(difference.pairs, "task")
    if difference.low > 0 or difference.high < 0:
        better = difference.low > 0
        near, far = (difference.low, difference.high) if better else (-difference.high, -difference.low)
        word = "better" if better else "worse"
        said = f"{word} by {points(abs(difference.delta))} points [{points(near)}, {points(far)}]"
        if (difference.p if p_holm is None else p_holm) < SIGNIFICANT_P:
            return Verdict("better" if better else "worse", said)
        needed = needed_tasks(difference, WORTH_RULING_OUT, comparisons)
        doubt = (
            f"{tasks} can't prove it"
            if difference.p >= SIGNIFICANT_P
            else "among so many comparisons that may be chance"
        )
        return Verdict("looks_better" if better else "looks_worse", f"looks {said}, but {doubt}", needed)
    if difference.low >= -WORTH_RULING_OUT:
        drop = points(max(0.0, -difference.low), up=True)
        return Verdict("no_loss", f"no detectable loss; a drop of more than {drop} points is ruled out")
    needed = needed_tasks(difference, WORTH_RULING_OUT, comparisons)
    say = "says" if difference.pairs == 1 else "say"
    return Verdict("undecided", f"undecided: {tasks} {say} too little{would_decide(needed)}", needed)


def can_not(*, is_above_floor: bool) -> str:
    """Return what is said of a base that doesn't clear its floor: more tasks may show that it is above it."""
    return "it isn't shown that the base can do" if is_above_floor else "the base can't do"


def no_base(progress: float, floor: float) -> Verdict:
    """Return the verdict on a benchmark that the baseline itself can't do, or isn't shown to."""
    return Verdict(
        "no_base",
        f"{can_not(is_above_floor=progress > floor)} this benchmark"
        f" (progress {points(progress)}, floor {points(floor)}): no verdict on compression",
    )


def needed_tasks(difference: PairedDifference, worst: float, comparisons: int = 1) -> int | None:
    """Return about how many tasks would decide, to two digits; None where no number that anybody plays would.

    `worst` is the drop that is asked about: enough tasks show a loss (among so many
    `comparisons`), or rule out a drop of that size.
    """
    return rounded_tasks(tasks_to_decide(difference, worst, comparisons), difference.pairs)


def rounded_tasks(needed: float, have: int) -> int | None:
    """Return a number of tasks (more than those that there are) to two digits, or None as `needed_tasks`."""
    if needed > MOST_TASKS:
        return None
    whole = max(math.ceil(needed), have + 1)
    unit = 10 ** max(0, len(str(whole)) - 2)
    return math.ceil(whole / unit) * unit


def would_decide(tasks: int | None) -> str:
    """Return the end of a sentence on an open question."""
    return (
        "; no number of tasks that anybody plays would decide"
        if tasks is None
        else (f"; about {tasks:,} would decide")
    )


def points(rate: float, *, up: bool = False) -> str:
    """Return a rate in points of 100, rounded (`up`: never to less); small ones with one decimal."""
    value = 100 * rate
    unit = 10 if abs(value) < 2 else 1
    whole = math.ceil(value * unit - 1e-9) if up else round(value * unit)
    return f"{whole / unit:g}"
