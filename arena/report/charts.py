"""The page's drawings, as SVG: size against score, differences with their intervals, what failed.

Colours are the style sheet's, by class, so that drawings follow light, dark and print.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from arena.report.markup import Child, Html, element
from arena.verdict import WORTH_RULING_OUT

CHAR_PX = 6.6
"""About how wide a letter of the drawings' text is."""
_WIDTH, _TOP, _LEFT, _RIGHT, _BOTTOM = 900, 30, 40, 240, 40
_LABEL_PX = 17


@dataclass(frozen=True)
class Mark:
    """A contestant in the drawing of size against score: rates 0..1, `low` and `high` its interval.

    `best` marks those that no other contestant beats in both size and score.
    """

    name: str
    size_bytes: float
    score: float
    low: float | None
    high: float | None
    is_base: bool
    best: bool


def pareto(marks: Sequence[Mark]) -> Html:
    """Return the drawing of size (x, from 0) against score (y) with intervals; names stand at the right."""
    height = max(280, _TOP + _BOTTOM + (len(marks) + 1) * _LABEL_PX)
    unit, word = (1e9, "GB") if max(each.size_bytes for each in marks) >= 2e9 else (1e6, "MB")
    right, bottom = _WIDTH - _RIGHT, height - _BOTTOM
    largest = max(each.size_bytes for each in marks) / unit * 1.08
    ends = [end for each in marks for end in (each.score, each.low, each.high) if end is not None]
    least, most = max(0.0, min(ends) - 0.02), min(1.0, max(ends) + 0.02)
    steps = ticks(least, most) or [least]

    def x_of(size_bytes: float) -> float:
        return _LEFT + (right - _LEFT) * size_bytes / unit / largest

    def y_of(score: float) -> float:
        return bottom - (bottom - _TOP) * (score - least) / max(most - least, 1e-9)

    grid = [
        element("line", x1=_LEFT, x2=right, y1=y_of(value), y2=y_of(value), class_="grid") for value in steps
    ]
    scale = [
        element("text", f"{100 * value:g}", x=_LEFT - 6, y=y_of(value) + 4, text_anchor="end")
        for value in steps
    ]
    scale += [
        element("text", f"{value:g}", x=x_of(value * unit), y=bottom + 16, text_anchor="middle")
        for value in ticks(0, largest)
    ]
    axis = f"size, {word} (less is better) →"
    titles = [
        element("text", axis, x=(_LEFT + right) / 2, y=height - 6, text_anchor="middle", class_="axis"),
        element("text", "progress, % ↑", x=0, y=12, class_="axis"),
    ]
    frontier = sorted((x_of(each.size_bytes), y_of(each.score)) for each in marks if each.best)
    corners = [
        f"{x:.1f},{y:.1f}"
        for (x, y), (_, before) in zip(frontier, [frontier[0], *frontier], strict=False)
        for y in ((before, y) if y != before else (y,))
    ]
    line = element("polyline", points=" ".join(corners), class_="frontier", fill="none")
    columns = _side_by_side([x_of(each.size_bytes) for each in marks])
    places = _spread([(y_of(each.score), -x) for each, x in zip(marks, columns, strict=True)], _TOP, bottom)
    drawn = [
        _mark(each, x, y_of, place, right) for each, x, place in zip(marks, columns, places, strict=True)
    ]
    label = "Size against progress, one mark a contestant"
    return svg(_WIDTH, height, label, grid, scale, titles, line, drawn, class_="pareto")


def interval(delta: float, low: float, high: float, reach: float) -> Html:
    """Return a difference as a dot on its interval; the scale goes `reach` to each side of no difference."""
    width, height = 132, 18

    def x_of(value: float) -> float:
        return width / 2 + (width / 2 - 4) * max(-1.0, min(1.0, value / reach))

    margin, at = x_of(-WORTH_RULING_OUT), x_of(delta)
    kind = "worse" if high < 0 else "better" if low > 0 else "even"
    dot = element("circle", cx=at, cy=9, r=3.5, class_=f"dot {kind}")
    if abs(delta) > reach:
        # off the scale: an arrow
        tip, back = (at - 4, at + 4) if delta < 0 else (at + 4, at - 4)
        dot = element("path", d=f"M{tip:g} 9L{back:g} 4V14Z", class_=f"dot {kind}")
    return svg(
        width,
        height,
        f"{100 * delta:+.1f} points, from {100 * low:+.1f} to {100 * high:+.1f}",
        element("rect", x=margin, width=width / 2 - margin, y=0, height=height, class_="margin"),
        element("line", x1=width / 2, x2=width / 2, y1=0, y2=height, class_="zero"),
        element("line", x1=x_of(low), x2=x_of(high), y1=9, y2=9, class_=f"reach {kind}"),
        dot,
        class_="interval",
    )


def stacked(counts: Mapping[str, float], order: Sequence[str], longest: float) -> Html:
    """Return counts as one bar, in the order of the legend; `longest` fills the width."""
    width, height = 320, 20
    at, parts = 0.0, []
    for index, kind in enumerate(order):
        if count := counts.get(kind, 0.0):
            share = width * count / longest
            title = element("title", f"{kind}: {count:.2f} per episode")
            parts.append(
                element("rect", title, x=at, y=2, width=max(share - 1, 0.6), height=16, class_=f"k{index}")
            )
            at += share
    return svg(
        width, height, f"{sum(counts.values()):.2f} failed replies per episode", parts, class_="stacked"
    )


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers between two ends."""
    if high <= low:
        return []
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * index, 10) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def shortened(name: str, chars: int) -> str:
    """Return a name that fits: its end stays, where variants of one model differ."""
    return name if len(name) <= chars else f"{name[: chars // 3]}…{name[-(chars - chars // 3 - 1) :]}"


def _mark(mark: Mark, x: float, y_of: Callable[[float], float], label_y: float, right: float) -> Html:
    y = y_of(mark.score)
    kind = "base" if mark.is_base else "best" if mark.best else "other"
    bar = None
    if mark.low is not None and mark.high is not None:
        bar = element("line", x1=x, x2=x, y1=y_of(mark.low), y2=y_of(mark.high), class_="reach even")
    leader = f"{x + 6:.1f},{y:.1f} {right + 4:.1f},{label_y:.1f} {right + 14:.1f},{label_y:.1f}"
    return element(
        "g",
        element("title", f"{mark.name}: {mark.size_bytes / 1e6:,.1f} MB, progress {100 * mark.score:.1f} %"),
        element("polyline", points=leader, class_="leader", fill="none"),
        bar,
        element("circle", cx=x, cy=y, r=5, class_=f"mark {kind}"),
        element(
            "text",
            shortened(mark.name, int((_RIGHT - 20) / CHAR_PX)),
            x=right + 18,
            y=label_y + 4,
            class_=f"name {kind}",
        ),
    )


def _spread(wanted: Sequence[tuple[float, float]], top: float, bottom: float) -> list[float]:
    """Return heights for labels near those wanted, so that none covers another.

    `wanted` are heights, each with what decides among equals: lines from the left then pass below.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    places = [height for height, _ in wanted]
    least = top
    for index in order:
        places[index] = max(places[index], least)
        least = places[index] + _LABEL_PX
    most = bottom
    for index in reversed(order):
        places[index] = min(places[index], most)
        most = places[index] - _LABEL_PX
    return places


def _side_by_side(wanted: Sequence[float], apart: float = 6.0) -> list[float]:
    """Return places for marks: those of nearly the same size stand beside each other, left of it."""
    taken: list[float] = []
    for place in wanted:
        while any(abs(place - other) < apart - 0.01 for other in taken):
            place -= apart
        taken.append(place)
    return taken


def svg(width: float, height: float, label: str, *children: Child, class_: str) -> Html:
    """Return a drawing, sizes in CSS pixels; `label` is what is read out instead, and not from outside."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
        class_=class_,
    )
