"""The debugger's lists, row by row: groups of failed turns, the turns of one, and what a group comes to."""

from collections import Counter

from textual.content import Content

from arena.debugging.fault import faults
from arena.debugging.listing import REFUSED, Group
from tui.debugging.failures import Counted, TurnRow
from tui.literal import literal, literal_line
from tui.names import short_name
from tui.scores import kind_words

MUTED = "$foreground-muted"
BAD, MARKED, GOOD = "$text-error", "bold underline $text-error", "$text-success"
OPENING, CLOSING = "⟦", "⟧"
"""Around the part of a reply that failed, for eyes that see no colours."""
SAME_REQUEST = "≡"
WIDE = 100


def words_of(kind: str) -> str:
    """Return what a kind of failed turn is called."""
    return "action without effect" if kind == REFUSED else kind_words(kind)


def group_heading(width: int) -> Content:
    """Return the names of the columns."""
    who, benchmark, kind = _widths(width)
    words = f"  {'contestant':<{who}} {'benchmark'[:benchmark]:<{benchmark}} {'failure':<{kind}}"
    base = 11 if width >= WIDE else 8
    return Content.styled(f"{words} {'turns':>10} {'baseline':>{base}}  fault", f"bold {MUTED}")


def draw_group(group: Group, found: Counted, whose: Counter[str], width: int) -> Content:
    """Return a row: how many turns failed so, per hundred; the baseline's on the same tasks; whose fault."""
    who, benchmark, kind = _widths(width)
    is_baseline = group.contestant == found.baseline
    base = "" if is_baseline else _rate(group.baseline_count, group.baseline_turns)
    base = f"{base:>11}" if width >= WIDE else f"{base[-6:]:>8}"
    worse = not is_baseline and group.count * group.baseline_turns > group.baseline_count * group.turns
    return Content.assemble(
        (f" {short_name(group.contestant, who, found.baseline):<{who}} ", MUTED if is_baseline else ""),
        (f"{_cut(literal_line(group.benchmark, 60), benchmark)} ", MUTED),
        f"{words_of(group.kind)[:kind]:<{kind}} ",
        (f"{_rate(group.count, group.turns):>10}", f"bold {BAD}" if worse else ""),
        (f" {base}", MUTED),
        f"  {_faults(whose, width)}",
    )


def group_said(group: Group, found: Counted, whose: Counter[str]) -> Content:
    """Return what a group comes to, in sentences: the score it goes with, the counts, and what mends it."""
    cell = group.contestant, group.benchmark
    parts: list[str | tuple[str, str]] = [
        (literal_line(group.contestant, 60), "bold"),
        f" on {literal_line(group.benchmark, 40)}",
    ]
    if cell in found.progress:
        parts.append((f": progress {found.progress[cell]:.0%}", "bold"))
        base = found.progress.get((found.baseline, group.benchmark))
        if group.contestant != found.baseline and base is not None:
            parts.append(f", baseline {base:.0%}")
    parts.append(f" · {words_of(group.kind)} in {group.count} of {group.turns} turns")
    if group.contestant != found.baseline:
        parts.append(f", baseline {group.baseline_count} of {group.baseline_turns}")
    for name, _ in whose.most_common(1):
        if name in faults():
            words = faults()[name]
            parts += ["\n", (f"{name}: ", "bold"), f"{words['means']}. Mend: {words['mend']}"]
    return Content.assemble(*parts)


def draw_turn(row: TurnRow, width: int) -> Content:
    """Return a row: the turn's name, what it tells, whether the contestant recovered, the failing part."""
    sign = (SAME_REQUEST, "bold $text-accent") if row.same_request else (" ", "")
    won = ("✓", GOOD) if row.baseline_won else ("·", MUTED)
    after = f"+{row.recovered_after}" if row.recovered_after else "-"
    name = 27 if width < WIDE else 36
    reply = row.reply
    marks = [
        _one_line(reply.before[-20:] if width < WIDE else reply.before, MUTED),
        OPENING,
        _one_line(reply.inside, MARKED),
        CLOSING,
        _one_line(reply.behind, MUTED),
    ]
    return Content.assemble(
        f" {_cut(literal_line(row.name, 80), name)} ",
        sign,
        " ",
        won,
        (f" {after:>4}  ", MUTED),
        *([_one_line(row.action, MUTED)] if row.action else marks),
    )


def _one_line(text: str, style: str) -> Content:
    return Content.styled(literal(text).replace("\n", "↵"), style)


def _faults(whose: Counter[str], width: int) -> str:
    if width < WIDE and len(whose) == 1:
        return next(iter(whose))
    return ", ".join(f"{name} {count}" for name, count in whose.most_common())


def _rate(count: int, turns: int) -> str:
    return f"{count} {100 * count / turns:4.1f}%" if turns else f"{count}     -"


def _widths(width: int) -> tuple[int, int, int]:
    return (13, 9, 21) if width < WIDE else (26, 14, 26)


def _cut(text: str, width: int) -> str:
    """Return text in `width` cells; its end stays, in which contestants and tasks differ."""
    return f"{text:<{width}}" if len(text) <= width else f"…{text[len(text) - width + 1 :]}"
