"""What a contestant's pane shows, as plain data: worked out from the series' state, drawn by `widgets.pane`.

All text from outside is clipped and made literal here, so no widget ever sees it raw.
"""

import time
from dataclasses import dataclass
from typing import Literal

from tui.ending import ending_words
from tui.ladder import Ladder
from tui.literal import literal_line
from tui.playhead import Frames, Playhead, differs
from tui.sections import (
    MOST_EARLIER_TURNS,
    Manner,
    Section,
    drawn,
    earlier,
    first_sight,
    played,
    reply_so_far,
)
from tui.series import Flight, Series, Standing
from tui.stage import Cost, Staged

Mood = Literal["good", "bad", "busy", "quiet"]

MOST_RATES = 400
"""How many turns' progress rates a sparkline may show."""


@dataclass(frozen=True)
class HeadData:
    """How an episode stands at the turn that is shown. Rates are 0..1; a curve has one for each turn."""

    is_baseline: bool
    turn: int
    max_steps: int
    status: str
    mood: Mood
    progress: float
    curve: tuple[float, ...]
    baseline_curve: tuple[float, ...]
    ending: str


@dataclass(frozen=True)
class FootData:
    """What an episode and the series have cost, and how the contestant stands in the series, in words.

    `ladder` is how it does against the baseline, `interval` how sure that is; both empty for the baseline.
    """

    episode_cost: str
    standing: str
    series_cost: str
    ladder: str
    interval: str


@dataclass(frozen=True)
class PaneData:
    """All that a pane draws."""

    name: str
    baseline: str
    size: str
    head: HeadData
    sections: tuple[Section, ...]
    streaming: bool
    foot: FootData
    note: str


def frames(series: Series) -> Frames:
    """Return how many frames each contestant's episode on stage has."""
    return {
        name: len(staged.turns) + (series.flights.get(staged.key) is not None and staged.complete)
        for name, staged in series.stage.items()
    }


def pane_data(
    series: Series,
    playhead: Playhead,
    name: str,
    *,
    waits_for: str,
    manner: Manner,
    is_live: bool = True,
) -> PaneData:
    """Return what a contestant's pane shows. `waits_for` says why a turn that could begin does not.

    `manner` says how turns are told. `is_live`: turns are still being played, so it makes a difference
    whether a pane follows.
    """
    staged = series.stage[name]
    count = frames(series)
    frame = playhead.frame(name, count)
    flight = series.flights.get(staged.key) if frame >= len(staged.turns) and frame >= 0 else None
    seen = min(frame + 1, len(staged.turns))
    at_end = staged.complete and frame >= count[name] - 1
    status, mood = _status(series, staged, flight, at_end=at_end, waits_for=waits_for, is_live=is_live)
    baseline = series.stage[series.card.baseline]
    card = series.card.contestants[series.card.names.index(name)]
    standing = series.standings[name]
    rates_from = max(0, seen - MOST_RATES)
    return PaneData(
        name=literal_line(name),
        baseline=literal_line(series.card.baseline),
        size=size_words(card.size_bytes),
        head=HeadData(
            is_baseline=staged is baseline,
            turn=max(frame + 1, 0),
            max_steps=staged.max_steps,
            status=status,
            mood=mood,
            progress=staged.rates[seen - 1] if seen else 0.0,
            curve=tuple(staged.rates[rates_from:seen]),
            baseline_curve=tuple(baseline.rates[rates_from : frame + 1]),
            ending=ending_words(series, name) if at_end else "",
        ),
        sections=tuple(_sections(series, staged, manner, frame, flight)),
        streaming=flight is not None,
        foot=FootData(
            cost_words(staged.cost(seen)),
            standing_words(standing),
            cost_words(standing.cost),
            ladder_words(series.ladder, name),
            interval_words(series.ladder, name),
        ),
        note=_note(playhead, name, count, is_live=is_live),
    )


def _status(
    series: Series, staged: Staged, flight: Flight | None, *, at_end: bool, waits_for: str, is_live: bool
) -> tuple[str, Mood]:
    head = series.heads.get(staged.key)
    if head is None:
        if staged.key.contestant in series.absent:
            return "can't start", "bad"
        return waits_for if is_live else "not played", "quiet"
    if not staged.complete:
        return "reading …", "quiet"
    if not at_end:
        return "history", "quiet"
    if flight is not None:
        return f"thinking {time.monotonic() - flight.since:.0f} s", "busy"
    if head.status == "error":
        return "✗ error, owed", "bad"
    if head.status == "done":
        return ("✓ solved", "good") if head.success else ("✗ not solved", "bad")
    return waits_for, "quiet"


def _note(playhead: Playhead, name: str, count: Frames, *, is_live: bool) -> str:
    if playhead.follows(name) or not is_live:
        return ""
    new = playhead.new_frames(name, count)
    return f"+{new} new {'turn' if new == 1 else 'turns'}, press f" if new else "history, press f to follow"


def _sections(
    series: Series, staged: Staged, manner: Manner, frame: int, flight: Flight | None
) -> list[Section]:
    head, absent = series.heads.get(staged.key), series.absent.get(staged.key.contestant)
    baseline = series.stage[series.card.baseline]
    turns = staged.turns
    shown = min(frame, len(turns) - 1)
    sections: list[Section] = []
    if head is None and absent:
        sections.append(Section("problem", "can't start", drawn(absent)))
    elif flight is not None:
        sections += first_sight(turns[shown].outcome if turns else staged.first_observation)
        sections += reply_so_far(flight.text())
    elif shown >= 0:
        sections += played(turns[shown], manner, unlike=differs(turns, baseline.turns, shown))
    elif staged.first_observation:
        sections += first_sight(staged.first_observation)
    if head is not None and head.error and shown == len(turns) - 1:
        sections.append(Section("problem", "error: this episode is owed", drawn(head.error)))
    before = shown + 1 if flight is not None else shown
    if before > 0:
        sections.append(earlier(turns[max(0, before - MOST_EARLIER_TURNS) : before], manner))
    return sections


def size_words(size_bytes: int | None) -> str:
    """Return a model's size in words; empty where unknown."""
    if not size_bytes:
        return ""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


def cost_words(cost: Cost) -> str:
    """Return tokens, tokens a second and time in words; engines without tokens have time only."""
    parts = [time_words(cost.seconds)]
    if cost.tokens:
        rate = [f"{cost.tokens / cost.seconds:.0f}/s"] if cost.seconds > 0 else []
        parts = [f"{_short(cost.tokens)} tok", *rate, *parts]
    return " · ".join(parts)


def standing_words(standing: Standing) -> str:
    """Return a contestant's record over the series in words."""
    if standing.mean_progress is None:
        return "nothing scored yet"
    return f"{standing.successes}/{standing.episodes} solved · mean {standing.mean_progress:.2f}"


def ladder_words(ladder: Ladder, name: str) -> str:
    """Return how many matches a contestant won and lost against the baseline in words."""
    rung = ladder.rungs.get(name)
    return f"{rung.won} won · {rung.lost} lost · {rung.tied} tied" if rung else ""


def interval_words(ladder: Ladder, name: str) -> str:
    """Return the mean difference to the baseline, in points of progress, with its running interval.

    Empty where the mean has left the interval: that holds for tasks in random order, and those that came
    later were of another kind (a suite plays one benchmark after the other).
    """
    rung = ladder.rungs.get(name)
    if rung is None or not rung.sequence.count:
        return ""
    low, high = rung.sequence.interval
    if low == high or not low <= rung.sequence.mean <= high:
        return ""
    return f"Δ {_points(rung.sequence.mean)} [{_points(low)}, {_points(high)}]"


def _points(rate: float) -> str:
    return f"{100 * rate:+.0f}".replace("-", "\N{MINUS SIGN}")


def time_words(seconds: float) -> str:
    """Return a duration in words, short."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} m"


def _short(number: int) -> str:
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1e3:.0f}k" if number < 1e6 else f"{number / 1e6:.1f}M"
