"""The page's heat maps: contestants by tasks, and for needles length by depth."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arena.report.charts import CHAR_PX, svg
from arena.report.flips import SOLVED
from arena.report.markup import Html, element

MOST_TASKS, FEWEST_TASKS, MOST_CELLS = 120, 10, 8_000
"""So many tasks of a benchmark are drawn at most (those on which contestants differ most), fewer where there
are so many benchmarks and contestants that the page would have more cells than that, but some."""
STRIP_TASKS = 60
ROW_PX = 18
_CELL_PX = (10, 16)
_STRIP_PX = 600
_HEAD_PX = 18
_NEEDLE = re.compile(r"needle/([0-9]{1,9})/([0-9]{1,3}(?:\.[0-9]{1,3})?)")
_NEEDLE_CELL = (13, 13)
_NEEDLE_LEFT, _NEEDLE_BOTTOM = 34, 46

Rows = Sequence[Mapping[str, Any]]
"""A benchmark's tasks, as the report document has them."""


def room(benchmarks: int, contestants: int) -> int:
    """Return how many tasks of each benchmark are drawn."""
    return max(FEWEST_TASKS, min(MOST_TASKS, MOST_CELLS // max(1, benchmarks * contestants)))


def most_telling(rows: Rows, baseline: str, count: int) -> Rows:
    """Return the `count` tasks on which contestants differ most from the baseline, in their order."""
    if len(rows) <= count:
        return rows

    def told(row: Mapping[str, Any]) -> float:
        apart = 0.0
        for measure in ("progress", "success"):
            base = row[measure].get(baseline)
            if base is not None:
                apart += sum(abs(value - base) for value in row[measure].values() if value is not None)
        return apart

    kept = sorted(sorted(range(len(rows)), key=lambda index: -told(rows[index]))[:count])
    return [rows[index] for index in kept]


def task_strips(rows: Rows, contestants: Sequence[str], baseline: str) -> Iterator[Html]:
    """Yield drawings of a row a contestant and a column a task, `STRIP_TASKS` tasks each.

    The fuller a cell, the further the contestant came. A cross: only the baseline solved it; a ring: only the
    contestant did; a dot: not played.
    """
    for start in range(0, len(rows), STRIP_TASKS):
        yield _strip(rows[start : start + STRIP_TASKS], contestants, baseline)


def needle_cells(rows: Rows, contestant: str) -> dict[tuple[int, float], float]:
    """Return (length, depth in percent) -> score, for the tasks that are on the grid."""
    found = {}
    for row in rows:
        place = _NEEDLE.fullmatch(row["task"])
        score = row["progress"].get(contestant)
        if place and score is not None:
            found[int(place[1]), float(place[2])] = score
    return found


def needle_grid(cells: Mapping[tuple[int, float], float]) -> Html:
    """Return the drawing of depth (down) by length (right)."""
    lengths = sorted({length for length, _ in cells})
    depths = sorted({depth for _, depth in cells})
    wide, high = _NEEDLE_CELL
    drawn = [
        _cell(
            _NEEDLE_LEFT + wide * lengths.index(length),
            high * depths.index(depth),
            wide,
            high,
            score,
            f"length {length:,}, depth {depth:g} %: {100 * score:.0f} %",
        )
        for (length, depth), score in cells.items()
    ]
    bottom = high * len(depths)
    down = [
        element("text", f"{depth:g}", x=_NEEDLE_LEFT - 4, y=high * index + high - 3, text_anchor="end")
        for index, depth in enumerate(depths)
    ]
    right = []
    for index, length in enumerate(lengths):
        if index % max(1, -(-len(lengths) // 20)) == 0:
            x, y = _NEEDLE_LEFT + wide * index + 10, bottom + 6
            turned = f"rotate(-90 {x} {y})"
            right.append(
                element("text", _in_thousands(length), x=x, y=y, text_anchor="end", transform=turned)
            )
    width = max(_NEEDLE_LEFT + wide * len(lengths) + 2, 110)
    return svg(
        width, bottom + _NEEDLE_BOTTOM, "score by length and depth", drawn, down, right, class_="needle"
    )


def _strip(rows: Rows, contestants: Sequence[str], baseline: str) -> Html:
    least, most = _CELL_PX
    wide = max(least, min(most, _STRIP_PX // len(rows)))
    drawn = []
    for line, name in enumerate(contestants):
        y = _HEAD_PX + ROW_PX * line
        for column, row in enumerate(rows):
            drawn.append(_task_cell(row, name, baseline, column * wide, y, wide))
    heads, before = [], None
    for column, row in enumerate(rows):
        group = _group(row["task"])
        if group != before:
            width = wide * sum(1 for _ in _run_of(rows, column, group))
            x = column * wide
            heads.append(
                element("line", x1=x, x2=x, y1=2, y2=_HEAD_PX + ROW_PX * len(contestants), class_="grid")
            )
            if chars := int((width - 4) / CHAR_PX):
                text = group if len(group) <= chars else group[: chars - 1] + "…" if chars > 2 else ""
                heads.append(element("text", text, element("title", group), x=x + 3, y=12))
            before = group
    width, height = len(rows) * wide + 2, _HEAD_PX + ROW_PX * len(contestants)
    return svg(
        width,
        height,
        f"progress of {len(contestants)} contestants on {len(rows)} tasks",
        heads,
        drawn,
        class_="tasks",
    )


def _run_of(rows: Rows, start: int, group: str) -> Iterator[int]:
    for column in range(start, len(rows)):
        if _group(rows[column]["task"]) != group:
            return
        yield column


def _task_cell(row: Mapping[str, Any], name: str, baseline: str, x: float, y: float, wide: float) -> Html:
    progress = row["progress"].get(name)
    solved, base = row["success"].get(name), row["success"].get(baseline)
    middle, centre = y + ROW_PX / 2 - 1, x + wide / 2
    if progress is None and solved is None:
        return element("circle", cx=centre, cy=middle, r=1, class_="unplayed")
    value = progress if progress is not None else solved or 0.0
    flip = None
    if solved is not None and base is not None and (solved > SOLVED) != (base > SOLVED):
        flip = "lost" if base > SOLVED else "gained"
    said = f"{row['task']}: {100 * value:.0f} %" + (f", {flip}" if flip else "")
    cell = _cell(x, y, wide, ROW_PX - 2, value, said)
    if flip is None:
        return cell
    if flip == "gained":
        return Html(cell + element("circle", cx=centre, cy=middle, r=2.6, class_="gained"))
    a, b, c, d = centre - 2.6, centre + 2.6, middle - 2.6, middle + 2.6
    cross = f"M{a:g} {c:g}L{b:g} {d:g}M{a:g} {d:g}L{b:g} {c:g}"
    # on a ground of its own, so that it is seen on a full cell too
    return Html(cell + element("path", d=cross, class_="ground") + element("path", d=cross, class_="lost"))


def _cell(x: float, y: float, width: float, height: float, value: float, said: str) -> Html:
    return element(
        "rect",
        element("title", said),
        x=x + 0.5,
        y=y + 0.5,
        width=width - 1,
        height=height - 1,
        class_="heat",
        fill_opacity=max(0.0, min(1.0, value)),
    )


def _group(task: str) -> str:
    parts = task.split("/")
    return parts[1] if len(parts) > 2 else parts[0]


def _in_thousands(length: int) -> str:
    return f"{length / 1000:g}k" if length >= 1000 else str(length)
