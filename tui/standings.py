"""The ladder and the list of matches as lines of text: who stands where, and who did what on each task."""

from collections.abc import Sequence

from textual.content import Content

from tui.literal import literal_line
from tui.names import short_name
from tui.series import Head, Series
from tui.shown import cost_words, interval_words, size_words

NUMBER_WIDTH = 6
TASK_WIDTH = 28
NARROW_TASK_WIDTH = 18
MOST_NAME_WIDTH = 24
FEWEST_NAME_CELLS = 12
BEHIND_NAME, INTERVAL_WIDTH = 37, 19
"""Cells of a line of the ladder from the name to the interval, and of the longest interval."""
MORE_WIDTH = 40
"""Cells that model sizes and costs behind the interval can do with."""
INTERVAL_HEADS = ("Δ points, 95 % at any time", "Δ points, any time")
CELL_WIDTH = 9
"""A cell narrower than this leaves out the sign of who won."""

QUIET = "$foreground-muted"
_OUTCOMES = {1: ("▲", "$text-success"), 0: ("=", QUIET), -1: ("▼", "$text-error")}


def ladder_lines(series: Series, width: int) -> list[Content]:
    """Return a line that says what the columns are, and one for each contestant.

    Sizes and costs stand behind them where they fit whole, in all lines or in none.
    """
    names, contestants = series.card.names, series.card.contestants
    whole = width - BEHIND_NAME - INTERVAL_WIDTH
    most = max(FEWEST_NAME_CELLS, min(whole, max(MOST_NAME_WIDTH, whole - MORE_WIDTH)))
    room = min(max(len(literal_line(name)) for name in names), most)
    left = width - room - BEHIND_NAME
    last = INTERVAL_HEADS[0 if left >= len(INTERVAL_HEADS[0]) + MORE_WIDTH else 1]
    head = f"{'':<{room}}   solved   mean   won  lost  tied   {last}"
    lines = [Content.styled(head.ljust(width), QUIET)]
    cells = max(INTERVAL_WIDTH, len(last))
    sizes = [size_words(each.size_bytes) for each in contestants]
    costs = [cost_words(series.standings[name].cost) for name in names]
    tails = _columns_that_fit([sizes, costs], left - cells)
    for contestant, tail in zip(contestants, tails, strict=True):
        name, standing = contestant.name, series.standings[contestant.name]
        mean = "   ·" if standing.mean_progress is None else f"{standing.mean_progress:.2f}"
        solved = f"{standing.successes}/{standing.episodes}"
        rung = series.ladder.rungs.get(name)
        against = f"{rung.won:>5} {rung.lost:>5} {rung.tied:>5}" if rung else f"{'baseline':>17}"
        lines.append(
            Content.assemble(
                (f"{short_name(name, room, series.card.baseline):<{room}}", "bold"),
                f"  {solved:>7}   {mean:>4} {against}   {interval_words(series.ladder, name):<{cells}}",
                (tail, QUIET),
            )
        )
    return lines


def _columns_that_fit(columns: Sequence[Sequence[str]], room: int) -> list[str]:
    """Return of each line the columns that fit whole into `room`, two cells before each."""
    lines = ["" for _ in columns[0]]
    for column in columns:
        cells = max(map(len, column)) + 2
        if cells <= room and any(column):
            room -= cells
            lines = [f"{line}  {each:<{cells - 2}}" for line, each in zip(lines, column, strict=True)]
    return lines


def columns_line(names: Sequence[str], width: int) -> Content:
    """Return the line above the list of matches."""
    task, cell = _widths(len(names), width)
    parts = [f"{'':<{NUMBER_WIDTH}}{'task':<{task}}"]
    parts += [f"{short_name(name, cell - 1, names[0]):<{cell}}" for name in names]
    return Content.styled("".join(parts), QUIET)


def match_line(series: Series, place: int, width: int) -> Content:
    """Return a match's line: what each contestant came to, and who did better or worse than the baseline."""
    match, names = series.card.matches[place], series.card.names
    repeat = f" #{match.repeat + 1}" if match.repeat else ""
    task, cell = _widths(len(names), width)
    room = task - 1 - len(repeat)
    parts = [
        Content.styled(f"{place + 1:>{NUMBER_WIDTH - 1}} ", QUIET),
        Content(f"{short_name(match.task, room) + repeat:<{task}}"),
    ]
    for name in names:
        result = _result(series.heads.get(match.key(name)))
        difference = series.ladder.result(place, name)
        if difference is not None and cell >= CELL_WIDTH:
            sign, style = _OUTCOMES[round(difference / abs(difference)) if abs(difference) > 1e-9 else 0]
            result += Content.styled(f" {sign}", style)
        parts.append(result + " " * max(0, cell - result.cell_length))
    return Content("").join(parts)


def _widths(contestants: int, width: int) -> tuple[int, int]:
    """Return how wide the task and each contestant's cell are."""
    task = TASK_WIDTH if width >= NUMBER_WIDTH + TASK_WIDTH + contestants * CELL_WIDTH else NARROW_TASK_WIDTH
    return task, min(MOST_NAME_WIDTH, max(7, (width - NUMBER_WIDTH - task) // contestants))


def _result(head: Head | None) -> Content:
    if head is None:
        return Content.styled("·", "$foreground-disabled")
    rate = f"{head.progress:.2f}"
    if head.status == "running":
        return Content.styled(f"… {rate}", "$text-accent")
    if head.status == "error":
        return Content.styled(f"! {rate}", "$text-warning")
    if head.success:
        return Content.styled(f"✓ {rate}", "$text-success")
    return Content.styled(f"✗ {rate}", "$text-error")
