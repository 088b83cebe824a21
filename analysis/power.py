"""Power: how small a difference so many tasks can show, and how many tasks one takes."""

import math

import numpy as np
from scipy import optimize, stats

from analysis.significance import CONFIDENCE, Z_ALPHA, PairedDifference

POWER = 0.8
_Z_POWER = float(stats.norm.ppf(POWER))


def usual_deviation(sd: float, pairs: int) -> float:
    """Return the standard deviation to plan with; where none was seen, that of half a task that differs.

    Half a task is what Jeffreys' prior adds to a share.
    """
    return sd if sd > 0 else math.sqrt(0.5 / (pairs + 1))


def detectable_difference(sd: float, pairs: int) -> float | None:
    """Return the smallest true difference of means that `pairs` tasks would show in 4 of 5 runs.

    `sd` is the standard deviation of a task's difference. Two-sided paired t-test at 5 %, power 80 %
    (noncentral t; Cohen 1988, chapter 2). None where even a difference of 1 would often go unseen.
    """
    if pairs < 2:
        return None
    sd = usual_deviation(sd, pairs)
    critical = stats.t.isf((1 - CONFIDENCE) / 2, pairs - 1)

    def lacking(difference: float) -> float:
        shift = difference / sd * math.sqrt(pairs)
        power = stats.nct.sf(critical, pairs - 1, shift) + stats.nct.cdf(-critical, pairs - 1, shift)
        return float(np.nan_to_num(power, nan=1.0)) - POWER

    if lacking(1.0) < 0:
        return None
    # beyond ten standard errors the power is 1 (and the noncentral t of scipy is no longer exact)
    return float(optimize.brentq(lacking, 0.0, min(1.0, 10 * sd / math.sqrt(pairs) + 10 * sd / pairs)))


def detectable_rate_difference(discordant: float, pairs: int) -> float | None:
    """Return the smallest true difference of success rates that `pairs` tasks would show in 4 of 5 runs.

    `discordant` is the share (0..1) of tasks that only one of the two solves; a larger difference than that
    needs as many tasks that differ. McNemar's test at 5 %, power 80 % (Connor 1987). None where even a
    difference of 1 would often go unseen.
    """

    def lacking(difference: float) -> float:
        share = max(discordant, difference, 0.5 / (pairs + 1))
        reach = Z_ALPHA * math.sqrt(share) + _Z_POWER * math.sqrt(max(0.0, share - difference**2))
        return difference * math.sqrt(pairs) - reach

    if lacking(1.0) < 0:
        return None
    return float(optimize.brentq(lacking, 1e-9, 1.0))


def tasks_needed(sd: float, distance: float, comparisons: int = 1) -> float:
    """Return how many tasks show a mean difference of `distance` in 4 of 5 runs; infinite where it is 0.

    Normal approximation with Guenther's correction (1981) for the t-test: ((z_a + z_b) sd / d)^2 + z_a^2 / 2.
    `comparisons`: among so many it is to be shown, the first by Holm's correction.
    """
    if distance <= 0:
        return math.inf
    z = _z(comparisons)
    return ((z + _Z_POWER) * sd / distance) ** 2 + z**2 / 2


def tasks_to_decide(difference: PairedDifference, worst: float, comparisons: int = 1) -> float:
    """Return about how many tasks would show a loss, or rule out a drop of more than `worst` (in 0..1).

    Supposes that the difference is what it looks like now: more tasks then exclude either 0 or -`worst`,
    whichever is further from it. Infinite where neither ever would. A loss is to be shown among so many
    `comparisons`; what is ruled out is read off an interval, which allows for none but its own.
    """
    return min(_to_show_loss(difference, comparisons), tasks_to_rule_out(difference, worst))


def tasks_to_gate(difference: PairedDifference, worst: float, comparisons: int = 1) -> float:
    """Return about how many tasks would decide on an allowed drop of `worst`.

    That is, show a loss (among so many `comparisons`) where the difference is beyond it, else rule that drop
    out; if the difference is what it looks like now.
    """
    if difference.delta < -worst:
        return _to_show_loss(difference, comparisons)
    return tasks_to_rule_out(difference, worst)


def tasks_to_rule_out(difference: PairedDifference, worst: float) -> float:
    """Return about how many tasks would rule out a drop of more than `worst`, if delta is as it looks.

    However little tasks differ, so many are needed against a rare loss of all: 1 - (alpha/2)^(1/n) <= worst.
    """
    needed = _needed(difference, difference.delta + worst, difference.delta - difference.low)
    return max(needed, tasks_without_a_difference(worst))


def tasks_without_a_difference(share: float) -> float:
    """Return how many tasks without a difference rule out that more than a share (0..1) of others differ.

    That is n of 1 - (alpha/2)^(1/n) = share (Clopper & Pearson 1934), as `analysis.significance` has it.
    """
    return math.log((1 - CONFIDENCE) / 2) / math.log1p(-share)


def _to_show_loss(difference: PairedDifference, comparisons: int) -> float:
    return _needed(difference, -difference.delta, difference.high - difference.delta, comparisons)


def _needed(difference: PairedDifference, distance: float, reach: float, comparisons: int = 1) -> float:
    """Return how many tasks bring an interval that reaches so far (in 0..1) within `distance`.

    What widens an interval beyond its deviation is what few tasks can't rule out (`macro_difference`): that
    shrinks as their number grows.
    """
    if distance <= 0:
        return math.inf
    needed = tasks_needed(usual_deviation(difference.sd, difference.pairs), distance, comparisons)
    return max(needed, difference.pairs * reach / distance)


def _z(comparisons: int) -> float:
    return float(stats.norm.isf((1 - CONFIDENCE) / 2 / comparisons))
