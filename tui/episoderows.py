"""What the episodes screen says, row by row: episodes, and the turns of one. All of it is literal."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from arena.records import Episode, Turn
from arena.results import EpisodeRow
from tui.literal import literal_line
from tui.names import short_name
from tui.playhead import differs, failed
from tui.scores import kind_words

MUTED = "$foreground-muted"


@dataclass(frozen=True)
class EpisodeTurns:
    """An episode's turns, and the baseline's on the same task (none for the baseline's own episode)."""

    episode: Episode
    turns: Sequence[Turn]
    base: Sequence[Turn]

    def first_of_note(self) -> int:
        """Return the turn (from 0) that tells most: the first that failed, or left the baseline."""
        for turn in self.turns:
            if failed(turn):
                return turn.index
        return next((turn.index for turn in self.turns if self.is_apart(turn.index)), 0)

    def is_apart(self, index: int) -> bool:
        """Tell whether the baseline acted differently in a turn."""
        return differs(self.turns, self.base, index)


def episode_heading(width: int) -> Content:
    """Return the names of the columns."""
    task, who = _widths(width)
    words = f" {'task':<{task}} {'contestant':<{who}} {'outcome':<10} progress turns"
    return Content.styled(f"{words}  {'baseline':<10} failed replies", "bold $foreground-muted")


def draw_episode(row: EpisodeRow, baseline: str, width: int) -> Content:
    """Return a row: which episode, how it ended, how the baseline's did, and how replies failed."""
    task, who = _widths(width)
    head = row.episode
    repeat = f" #{head.key.repeat + 1}" if head.key.repeat else ""
    failures = ", ".join(f"{count} {kind_words(kind)}" for kind, count in row.failures.items())
    return Content.assemble(
        f" {_cut(literal_line(head.key.task, 80) + repeat, task)} ",
        (f"{short_name(head.key.contestant, who, baseline):<{who}} ", MUTED),
        outcome(head),
        f" {head.progress:>8.2f} {head.turns:>5}  ",
        Content.styled(" " * 10, "") if row.base is None or row.base.id == head.id else outcome(row.base),
        (f" {failures}", "$text-error"),
    )


def outcome(head: Episode) -> Content:
    """Return how an episode ended, in ten cells."""
    if head.status == "running":
        return Content.styled("… not over", "$text-accent")
    if head.status == "error":
        return Content.styled("! owed    ", "$text-warning")
    return (
        Content.styled("✓ solved  ", "$text-success")
        if head.success
        else Content.styled("✗ unsolved", "$text-error")
    )


def draw_turn(shown: EpisodeTurns, index: int, width: int) -> Content:
    """Return a row of an episode's turns: number, sign, progress, and what was done or how it failed."""
    turn = shown.turns[index]
    sign = ("✗", "$text-error") if failed(turn) else ("✓", "$text-success")
    apart = ("≠", "bold $text-warning") if shown.is_apart(index) else (" ", "")
    if turn.failure is not None:
        what = Content.assemble(
            (kind_words(turn.failure.kind), "$text-error"), (f"  {literal_line(turn.reply, 200)}", MUTED)
        )
    else:
        what = Content(literal_line(turn.action or "", 200)) + (
            "" if turn.valid else Content.styled("  no effect", "$text-error")
        )
    return Content.assemble(f"{index + 1:>4} ", sign, " ", apart, (f" {turn.progress:.2f}  ", MUTED), what)


def _widths(width: int) -> tuple[int, int]:
    return (20, 14) if width < 100 else (30, 26)


def _cut(text: str, width: int) -> str:
    """Return text in `width` cells; its end stays, in which tasks and variants differ."""
    return f"{text:<{width}}" if len(text) <= width else f"…{text[len(text) - width + 1 :]}"
