"""What a contestant's pane shows, as plain data: worked out from the series' state, drawn by `widgets.pane`.

All text from outside is clipped and made literal here, so no widget ever sees it raw.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from arena.protocol import thought
from arena.protocol.base import Failure
from arena.records import Turn
from tui.literal import clipped, literal, literal_line
from tui.playhead import Frames, Playhead, differs, failed
from tui.series import Cost, Flight, Series, Staged, Standing
from tui.tables import failure_words

SectionKind = Literal["observation", "thought", "reply", "valid", "failed", "outcome", "problem", "earlier"]
Mood = Literal["good", "bad", "busy", "quiet"]

MOST_EARLIER_TURNS = 50
CURSOR = "▌"
NOTHING = "(nothing)"


@dataclass(frozen=True)
class Section:
    """A titled piece of a turn; `mark` and `tag` are words at the end of its title. All of it is literal."""

    kind: SectionKind
    title: str
    text: str
    mark: str = ""
    tag: str = ""


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


@dataclass(frozen=True)
class FootData:
    """What an episode and the series have cost, and how the contestant stands in the series, in words."""

    episode_cost: str
    standing: str
    series_cost: str


@dataclass(frozen=True)
class PaneData:
    """All that a pane draws."""

    name: str
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
    series: Series, playhead: Playhead, name: str, *, waits_for: str, is_live: bool = True
) -> PaneData:
    """Return what a contestant's pane shows. `waits_for` says why a turn that could begin does not.

    `is_live`: turns are still being played, so it makes a difference whether a pane follows.
    """
    staged = series.stage[name]
    count = frames(series)
    frame = playhead.frame(name, count)
    flight = series.flights.get(staged.key) if frame >= len(staged.turns) and frame >= 0 else None
    turns = staged.turns[: frame + 1]
    at_end = frame >= count[name] - 1
    status, mood = _status(series, staged, flight, at_end=at_end, waits_for=waits_for, is_live=is_live)
    baseline = series.stage[series.card.baseline]
    card = series.card.contestants[series.card.names.index(name)]
    standing = series.standings[name]
    return PaneData(
        name=literal_line(name, 60),
        size=size_words(card.size_bytes),
        head=HeadData(
            is_baseline=staged is baseline,
            turn=max(frame + 1, 0),
            max_steps=staged.max_steps,
            status=status,
            mood=mood,
            progress=turns[-1].progress if turns else 0.0,
            curve=tuple(turn.progress for turn in turns),
            baseline_curve=tuple(turn.progress for turn in baseline.turns[: frame + 1]),
        ),
        sections=tuple(_sections(series, staged, baseline, flight, turns)),
        streaming=flight is not None,
        foot=FootData(cost_words(_cost(turns)), standing_words(standing), cost_words(standing.cost)),
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
    series: Series, staged: Staged, baseline: Staged, flight: Flight | None, turns: Sequence[Turn]
) -> list[Section]:
    head = series.heads.get(staged.key)
    absent = series.absent.get(staged.key.contestant)
    sections: list[Section] = []
    if head is None and absent:
        sections.append(Section("problem", "can't start", drawn(absent)))
    elif flight is not None:
        seen = turns[-1].outcome if turns else staged.first_observation
        sections += [Section("observation", "observation", drawn(seen)), *_reply_so_far(flight.text())]
    elif turns:
        sections += _played(turns[-1], unlike=differs(staged.turns, baseline.turns, turns[-1].index))
    elif staged.first_observation:
        sections.append(Section("observation", "observation", drawn(staged.first_observation)))
    if head is not None and head.error and len(turns) == len(staged.turns):
        sections.append(Section("problem", "error: this episode is owed", drawn(head.error)))
    earlier = turns if flight is not None else turns[:-1]
    if earlier:
        recent = reversed(earlier[-MOST_EARLIER_TURNS:])
        sections.append(Section("earlier", "earlier", "\n".join(_earlier(turn) for turn in recent)))
    return sections


def _reply_so_far(text: str) -> list[Section]:
    reading = thought.split(text)
    sections = [Section("thought", "thought", drawn(reading.thought))] if reading.thought else []
    return [*sections, Section("reply", "reply", drawn(reading.body.strip()) + CURSOR)]


def _played(turn: Turn, *, unlike: bool) -> list[Section]:
    sections = [Section("observation", "observation", drawn(turn.observation))]
    if turn.thought:
        sections.append(Section("thought", "thought", drawn(turn.thought)))
    sections.append(Section("reply", "reply", drawn(_without_thoughts(turn)) or NOTHING))
    tag = "≠ baseline" if unlike else ""
    if turn.failure is not None:
        sections.append(Section("failed", "action", drawn(_failure_in_words(turn.failure)), "✗ failed", tag))
    elif turn.valid:
        sections.append(Section("valid", "action", drawn(turn.action or ""), "✓ valid", tag))
    else:
        sections.append(Section("failed", "action", drawn(turn.action or ""), "✗ no effect", tag))
    title = "complaint" if turn.failure else "outcome"
    return [*sections, Section("outcome", title, drawn(turn.outcome) or NOTHING)]


def _failure_in_words(failure: Failure) -> str:
    where = f", at {failure.json_path}" if failure.json_path else ""
    words = f"{failure_words()[failure.kind]}{where}: expected {failure.expected}, got {failure.got}"
    return f"{words}\na repair would read: {failure.repair}" if failure.repair else words


def _without_thoughts(turn: Turn) -> str:
    """Return the reply without what the protocol took for thoughts, which are shown apart."""
    body = thought.split(turn.reply).body
    said = set(turn.thought.splitlines())
    lines = (
        line for line in body.split("\n") if line.partition(":")[2].strip() not in said or ":" not in line
    )
    return "\n".join(lines).strip() if said else body.strip()


def _earlier(turn: Turn) -> str:
    mark = "✗" if failed(turn) else "✓"
    what = failure_words()[turn.failure.kind] if turn.failure else turn.action or ""
    return f"{turn.index + 1:>3} {mark} {literal_line(what)}"


def drawn(text: str, max_chars: int = 6_000) -> str:
    """Return text from outside as it is drawn: literal, and cut in the middle where it is too long."""
    head, left_out, tail = clipped(text.rstrip(), max_chars)
    if not left_out:
        return literal(head)
    return f"{literal(head)}\n… {left_out:,} characters are not drawn …\n{literal(tail)}"


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


def time_words(seconds: float) -> str:
    """Return a duration in words, short."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} m"


def _cost(turns: Sequence[Turn]) -> Cost:
    return Cost(
        len(turns), sum(turn.completion_tokens for turn in turns), sum(turn.latency_s for turn in turns)
    )


def _short(number: int) -> str:
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1e3:.0f}k" if number < 1e6 else f"{number / 1e6:.1f}M"
