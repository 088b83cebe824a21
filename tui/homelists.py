"""What the lists of the home screen say, row by row. Pure: rows in, drawn lines out; all of it is literal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from arena.overview import Candidate, Playable, RunState, RunSummary
from tui.choice import Choice
from tui.literal import literal_line
from tui.names import beside
from tui.widgets.gauges import bar

MUTED = "$foreground-muted"
FEWEST_CELLS = 14
_RUN_SIGNS: dict[RunState, tuple[str, str]] = {
    "running": ("▶ running", "$text-accent"),
    "finished": ("✓ finished", "$text-success"),
    "owed": ("◐ not over", "$text-warning"),
    "broken": ("! broken", "$text-error"),
}

_LACKS = {"needs-data": "needs its official data", "needs-package": "needs a package that is not installed"}


@dataclass(frozen=True)
class PlayableRow:
    """A row of what can be played: a suite, a benchmark, one of its subsets, or what was typed."""

    what: str
    playable: Playable | None
    subset: str = ""
    tasks: int = 0


def playable_rows(
    playables: Sequence[Playable], expanded: frozenset[str], typed: Sequence[str]
) -> list[PlayableRow]:
    """Return the rows: what was typed, suites, and benchmarks, the expanded ones with their subsets."""
    rows = [PlayableRow(what, None) for what in typed]
    for playable in playables:
        rows.append(PlayableRow(playable.what, playable, tasks=playable.tasks))
        if playable.what in expanded:
            rows += [
                PlayableRow(f"{playable.what}/{subset}", playable, subset, tasks)
                for subset, tasks in (playable.subsets or {}).items()
            ]
    return rows


def candidate_rows(candidates: Sequence[Candidate], choice: Choice) -> list[Candidate]:
    """Return who can play: those who are ticked, in their order, then all others."""
    known = {candidate.typed: candidate for candidate in candidates}
    first = [known.get(typed, Candidate(typed, "", "engine")) for typed in choice.contestants]
    return [*first, *(candidate for candidate in candidates if candidate not in first)]


def draw_playable(row: PlayableRow, width: int, *, is_expanded: bool) -> Content:
    """Return a row of what can be played, with its state."""
    if row.playable is None:
        return Content.assemble("  ", (literal_line(row.what, 60), "bold"), ("  typed", MUTED))
    if row.subset:
        room = max(width - 12, 8)
        return Content.assemble(f"    {literal_line(row.subset, room):<{room}}", (f"{row.tasks:>6}", MUTED))
    sign = " "
    if row.playable.subsets:
        sign = "▾" if is_expanded else "▸"
    name = Content.assemble((f"{sign} ", MUTED), (f"{literal_line(row.what, 40):<15} ", "bold"))
    line = name + _state(row.playable)
    return line + _if_room(f"  {literal_line(row.playable.about, 100)}", width - line.cell_length, MUTED)


def _state(playable: Playable) -> Content:
    if playable.state == "unknown":
        return Content.styled("…".ljust(12), MUTED)
    if playable.state == "playable":
        return Content.assemble(("✓ ", "$text-success"), f"{playable.tasks:>4} ", ("tasks", MUTED))
    words = {"needs-data": "needs data", "needs-package": "needs package"}.get(playable.state, "broken")
    return Content.styled(f"✗ {words}: {literal_line(playable.mend, 100)}", "$text-warning")


def _if_room(words: str, room: int, style: str) -> Content:
    """Return words that say nothing when they are cut after a few letters."""
    return Content.styled(words, style) if room >= min(FEWEST_CELLS, len(words)) else Content("")


def draw_candidate(candidate: Candidate, choice: Choice, width: int) -> Content:
    """Return a row of who can play: its number in the match where it is ticked, and what it is."""
    place = choice.place(candidate.typed)
    tick = (
        Content.styled("  ·  ", MUTED)
        if place is None
        else Content.styled(f" ■ {place + 1} ", "bold $text-accent")
    )
    name = (f"{literal_line(candidate.typed, 60):<26} ", "" if place is None else "bold")
    role = ("baseline  ", "$text-accent") if place == 0 else ("", "")
    if candidate.mend:
        line = Content.assemble(tick, name, ("✗", "$text-warning"))
        words, style = f" {literal_line(candidate.mend, 100)}", "$text-warning"
    else:
        line = Content.assemble(tick, name, role)
        words, style = literal_line(candidate.about, 120), MUTED
    return line + _if_room(words, width - line.cell_length, style)


def draw_run(run: RunSummary, width: int) -> Content:
    """Return a row of a recorded run: how far it is, when it began, and who plays."""
    sign, style = _RUN_SIGNS[run.state]
    if run.state == "broken":
        said = Content.styled(literal_line(run.problem, 200), MUTED)
        return Content.assemble((f" {sign:<11}", style), f"{literal_line(run.run, 40)}  ", said)
    rate = run.done / run.planned if run.planned else 0.0
    errors = f" {run.errors} errors" if run.errors else ""
    progress = (
        bar(rate, 8, "$success" if run.state == "finished" else "$accent") if width >= 100 else Content("")
    )
    line = Content.assemble(
        (f" {sign:<11}", style),
        (f"{literal_line(run.run, 40):<22} ", "bold"),
        progress,
        (f"{run.done:>5}/{run.planned:<5}", MUTED),
        (errors, "$text-warning"),
        (f" {when(run.created)}  ", MUTED),
    )
    who = ", ".join(literal_line(name, 60) for name in run.contestants)
    if len(who) > width - line.cell_length:
        who = ", ".join(literal_line(beside(name, run.contestants[0]), 60) for name in run.contestants)
    return line + who


def when(created: str) -> str:
    """Return a moment (ISO 8601) as a person here reads it: the time, of other days the date too."""
    try:
        moment = datetime.fromisoformat(created).astimezone()
    except ValueError:
        return literal_line(created, 16)
    is_today = moment.date() == datetime.now().astimezone().date()
    return f"{moment:%H:%M}" if is_today else f"{moment:%Y-%m-%d}"


def about_playable(row: PlayableRow) -> str:
    """Return what a row of what can be played is, in a line of its own: lists are often too narrow for it."""
    if row.playable is None:
        return ""
    about = literal_line(row.playable.about, 100)
    return f"{about}: {literal_line(row.playable.mend, 100)}" if row.playable.mend else about


def about_candidate(candidate: Candidate) -> str:
    """Return what a contestant is, or what it needs."""
    mend = f"needs: {literal_line(candidate.mend, 100)}" if candidate.mend else ""
    return mend or literal_line(candidate.about, 120)


def lack_of_playable(row: PlayableRow) -> str:
    """Return why what is in a row can't be played, and what to do; empty where it can."""
    if row.playable is None or not row.playable.mend:
        return ""
    return _lack(row.what, _LACKS.get(row.playable.state, "is broken"), row.playable.mend)


def lack_of_candidate(candidate: Candidate) -> str:
    """Return why a contestant can't play here, and what to do; empty where it can."""
    if not candidate.mend:
        return ""
    return _lack(candidate.typed, candidate.lacks or "can't play here", candidate.mend)


def _lack(who: str, lacks: str, mend: str) -> str:
    return f"✗ {literal_line(who, 60)} {literal_line(lacks, 100)}: {literal_line(mend, 200)}"


def summary(choice: Choice, playable: Playable | None, tasks: int) -> tuple[Content, str]:
    """Return what would be played, and why it can't be (empty where it can)."""
    if playable is not None and playable.state not in ("playable", "unknown"):
        return Content(f"{literal_line(choice.what, 40)} can't be played yet"), playable.mend
    if not choice.contestants:
        return Content("tick a contestant"), "space ticks the contestant under the cursor"
    count = f" ({tasks} {'task' if tasks == 1 else 'tasks'})" if tasks else ""
    first, *others = (literal_line(typed, 40) for typed in choice.contestants)
    against = f" against {', '.join(others)}" if others else " alone"
    return Content.assemble(
        (literal_line(choice.what, 60), "bold"), f"{count}: ", (first, "bold"), against
    ), ""
