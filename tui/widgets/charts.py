"""Plots in the terminal: curves, sizes against scores, and the grid of needles."""

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static
from textual_plot import HiResMode, PlotWidget

from tui.inside import Figure
from tui.literal import literal, literal_line
from tui.names import beside
from tui.scores import SERIES_COLORS, front

_LEVELS = " ░▒▓█"
SIGNS = "123456789abcdefghijklmnopqrstuvwxyz"
"""What stands at a curve's end: it tells curves apart where colours do not."""


class Plot(PlotWidget, can_focus=False, inherit_bindings=False):
    """textual-plot's widget without keys of its own: those of the screen are in its table."""


class Chart(Vertical):
    """A plot with a line over it that says which number is which contestant."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._caption = Static(classes="caption")
        self.plot = Plot(allow_pan_and_zoom=False)

    def on_mount(self) -> None:
        """Leave the room to the curves."""
        self.plot.margin_top, self.plot.margin_left = 0, 6

    def compose(self) -> ComposeResult:
        """Yield caption and plot."""
        yield self._caption
        yield self.plot

    def say(self, words: str) -> None:
        """Say why there is nothing to draw."""
        self._caption.update(Content.styled(literal(words), "$foreground-muted"))
        self.plot.display = False

    def draw_curves(self, curves: Mapping[str, Sequence[float]], contestants: Sequence[str]) -> None:
        """Draw mean progress (0..1) by turn, a curve a contestant; each ends in its number."""
        self._begin(contestants, "progress in % after each turn · {}", contestants[0])
        longest = max(len(curve) for curve in curves.values())
        for number, name in reversed(list(enumerate(contestants, start=1))):
            if name not in curves:
                continue
            heights = [100 * rate for rate in curves[name]]
            turns = list(range(1, len(heights) + 1))
            color = self._color(number)
            self.plot.plot(turns, heights, line_style=color, hires_mode=HiResMode.BRAILLE)
            self.plot.scatter(turns[-1:], heights[-1:], marker=_sign(number), marker_style=f"bold {color}")
        self.plot.set_xlimits(0.5, max(longest, 2) + 0.5)
        self.plot.set_ylimits(-4, 104)
        self.plot.set_yticks([0, 25, 50, 75, 100])
        self.plot.set_xlabel("turn")

    def draw_sizes(self, points: Mapping[str, tuple[float, float]], contestants: Sequence[str]) -> None:
        """Draw (size in MB, success rate 0..1) of each contestant, and the line of those worth their size."""
        words = "solved in % against the model's size in MB, the line joins the best · {}"
        self._begin(contestants, words, contestants[0])
        best = [(size, 100 * score) for size, score in front(list(points.values()))]
        if len(best) > 1:
            xs, ys = zip(*best, strict=True)
            self.plot.plot(xs, ys, line_style=self._theme("panel-lighten-3"), hires_mode=HiResMode.BRAILLE)
        for number, name in reversed(list(enumerate(contestants, start=1))):
            if name in points:
                size, score = points[name]
                style = f"bold {self._color(number)}"
                self.plot.scatter([size], [100 * score], marker=_sign(number), marker_style=style)
        sizes = [size for size, _ in points.values()]
        margin = max(max(sizes) - min(sizes), max(sizes) * 0.1) * 0.1
        self.plot.set_xlimits(max(0.0, min(sizes) - margin), max(sizes) + margin)
        self.plot.set_ylimits(-4, 104)
        self.plot.set_yticks([0, 25, 50, 75, 100])
        self.plot.set_xlabel("MB")

    def draw_figure(self, figure: Figure, base: str, place: str) -> None:
        """Draw curves, each with its sign; models are named by what they add to their base.

        `place` says which of several figures this is.
        """
        self._begin([curve.name for curve in figure.curves], f"{figure.words}{place} · {{}}", base)
        points = [point for curve in figure.curves for point in zip(curve.xs, curve.ys, strict=True)]
        for number, curve in reversed(list(enumerate(figure.curves, start=1))):
            if curve.xs:
                color = self._color(number)
                self.plot.plot(curve.xs, curve.ys, line_style=color, hires_mode=HiResMode.BRAILLE)
        for number, curve in reversed(list(enumerate(figure.curves, start=1))):
            if curve.xs:
                style, at = f"bold {self._color(number)}", curve.sign_at
                self.plot.scatter([curve.xs[at]], [curve.ys[at]], marker=_sign(number), marker_style=style)
        self.plot.set_xlimits(*_limits([x for x, _ in points], 0.02))
        self.plot.set_ylimits(*_limits(figure.y_range or [y for _, y in points], 0.04))
        self.plot.set_xticks(None)
        self.plot.set_yticks(None)
        self.plot.set_xlabel(figure.x_label)

    def _begin(self, contestants: Sequence[str], words: str, baseline: str) -> None:
        names = Content("  ").join(
            Content.styled(f"{_sign(number)}={literal_line(beside(name, baseline), 40)}", self._color(number))
            for number, name in enumerate(contestants, start=1)
        )
        before, _, after = words.partition("{}")
        self._caption.update(Content.styled(before, "$foreground-muted") + names + after)
        self.plot.display = True
        self.plot.clear()

    def _color(self, number: int) -> str:
        return self._theme(SERIES_COLORS[(number - 1) % len(SERIES_COLORS)])

    def _theme(self, name: str) -> str:
        colors = self.app.theme_variables
        found = colors.get(name, "")
        return found if found.startswith("#") else colors["foreground"]


def _sign(number: int) -> str:
    return SIGNS[(number - 1) % len(SIGNS)]


def _limits(values: Sequence[float], margin: float) -> tuple[float, float]:
    """Return what an axis goes from and to: all values, and a share of their range around them."""
    low, high = min(values), max(values)
    around = (high - low) * margin or max(abs(high), 1.0) * margin
    return low - around, high + around


class NeedleMap(Widget):
    """A contestant's scores by length (across) and depth (down): the darker, the better."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._contestant = ""
        self._grid: Mapping[tuple[int, int], float] = {}

    def show(self, contestant: str, grid: Mapping[tuple[int, int], float]) -> None:
        """Show a contestant's grid: (length in tokens, depth in percent) -> score (0..1)."""
        self._contestant, self._grid = contestant, grid
        self.refresh()

    def render(self) -> Content:
        """Draw one line a depth."""
        if not self._grid:
            return Content.styled(
                "no needle task was played (`arena batch` a suite with needle)", "$foreground-muted"
            )
        lengths = sorted({length for length, _ in self._grid})
        depths = sorted({depth for _, depth in self._grid})
        cell = max(1, min(6, (self.content_size.width - 8) // len(lengths)))
        lines = [
            Content.assemble(
                (literal_line(self._contestant, 40), "bold"),
                (
                    f"  length {lengths[0]:,} to {lengths[-1]:,} tokens across, depth in % down  ",
                    "$foreground-muted",
                ),
                ("█ found  ", "$success"),
                ("▒ half  ", "$warning"),
                ("░ lost", "$error"),
            )
        ]
        lines += [
            Content.assemble(
                (f"{depth:>4} % ", "$foreground-muted"),
                *(self._cell(length, depth, cell) for length in lengths),
            )
            for depth in depths
        ]
        return Content("\n").join(lines)

    def _cell(self, length: int, depth: int, width: int) -> tuple[str, str]:
        score = self._grid.get((length, depth))
        if score is None:
            return " " * width, ""
        level = 1 + min(int(score * 4), 3)
        style = "$success" if level == 4 else "$error" if level == 1 else "$warning"
        gap = 1 if width > 2 else 0
        return _LEVELS[level] * (width - gap) + " " * gap, style
