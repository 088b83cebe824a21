"""A contestant's pane: how it stands, what it sees, says and does, and what that costs."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.names import short_name
from tui.shown import FootData, HeadData, Mood, PaneData
from tui.views.view import View
from tui.widgets.gauges import bar, sparkline, window
from tui.widgets.transcript import Transcript
from tui.wrap import wrap

MOOD_STYLE: dict[Mood, str] = {
    "good": "bold $text-success",
    "bad": "bold $text-error",
    "busy": "$text-accent",
    "quiet": "$foreground-muted",
}
LABEL = "$foreground-muted"
LABEL_WIDTH = 9
TALL_HEAD, SHORT_HEAD = 6, 3
TALL_FOOT, SHORT_FOOT = 5, 3
SHORT_BAR = 16


class PaneHead(Widget):
    """Turn, status, progress bar, the progress over the turns against the baseline's, and how it ended.

    Has `TALL_HEAD` lines where there is room for them, else `SHORT_HEAD`, or the first of these alone.
    """

    data: reactive[HeadData | None] = reactive(None)

    def render(self) -> Content:
        """Draw the lines."""
        data, width = self.data, self.content_size.width
        if data is None:
            return Content("")
        if self.content_size.height < TALL_HEAD:
            lines = [_short_line(data, width), _both_sparklines(data, width), *_ending(data, width, 1)]
        else:
            room = width - LABEL_WIDTH
            lines = [_turn_line(data, width), _bar_line(data, width)]
            lines.append(_labelled("turns", _sparkline(data.curve, room)))
            if not data.is_baseline:
                lines.append(_labelled("baseline", _baseline_sparkline(data, room)))
            lines += _ending(data, width, TALL_HEAD - len(lines))
        return Content("\n").join(lines)


class PaneFoot(Widget):
    """What the episode has cost so far, and how the contestant stands in the series.

    Has `TALL_FOOT` lines where there is room for them, else `SHORT_FOOT`.
    """

    data: reactive[FootData | None] = reactive(None)

    def render(self) -> Content:
        """Draw the lines."""
        data = self.data
        if data is None:
            return Content("")
        lines = [_labelled("episode", data.episode_cost), _labelled("series", data.standing)]
        if self.content_size.height < TALL_FOOT:
            against = _against(data, self.content_size.width - LABEL_WIDTH)
            lines += [_labelled("vs base", against)] if data.ladder else [_labelled("", data.series_cost)]
        else:
            lines.append(_labelled("", data.series_cost))
            if data.ladder:
                lines.append(_labelled("vs base", data.ladder))
                lines.append(_labelled("any time" if data.interval else "", data.interval))
        return Content("\n").join(lines)


class StateView(Widget):
    """The state of the environment; takes the lines that it needs, half of the pane at most."""

    state: reactive[View | None] = reactive(None, layout=True)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """Return one line for the title, and those of the view."""
        return 1 + len(self.state.lines) if self.state else 0

    def render(self) -> Content:
        """Draw the view."""
        state, width = self.state, self.content_size.width
        if state is None:
            return Content("")
        title = Content.assemble(
            (state.title, "$primary"), (" " + "─" * max(0, width - len(state.title) - 3), "$panel-lighten-2")
        )
        return Content("\n").join([title, *state.lines])


class ContestantPane(Vertical):
    """All of one contestant. Says `Chosen` when it is clicked or its transcript gets the focus."""

    class Chosen(Message):
        """The person chose this pane's contestant (`index`, from 0)."""

        def __init__(self, index: int, *, by_focus: bool = False) -> None:
            super().__init__()
            self.index, self.by_focus = index, by_focus

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index
        self.head = PaneHead()
        self.state = StateView()
        self.transcript = Transcript()
        self.foot = PaneFoot()
        self._data: PaneData | None = None
        self._searched: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """Yield head, state, transcript and foot."""
        yield self.head
        yield self.state
        yield self.transcript
        yield self.foot

    def show(self, turn: object, data: PaneData, searched: tuple[str, ...] = ()) -> None:
        """Draw this; `turn` tells one turn of one match from another, `searched` texts are marked."""
        if (data, searched) == (self._data, self._searched):
            return
        before, self._data, self._searched = self._data, data, searched
        self.head.data, self.foot.data = data.head, data.foot
        if before is None or before.note != data.note:
            note = f" {data.note} " if data.note else ""
            self.border_subtitle = Content.styled(note, "bold $text-warning")
        if before is None:
            self._draw_title()
        self.transcript.show(turn, data.sections, streaming=data.streaming, searched=searched)

    def show_state(self, view: View | None) -> None:
        """Draw this state of the environment; None: leave its room to the transcript."""
        self.state.state = view

    def on_resize(self) -> None:
        """Fit the name to the new width."""
        self._draw_title()

    def _draw_title(self) -> None:
        if self._data is not None:
            self.border_title = _title(self._data, self.size.width - 4)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Tell that this contestant is the chosen one."""
        self.post_message(self.Chosen(self.index, by_focus=True))

    def on_click(self) -> None:
        """Choose this contestant wherever its pane is clicked."""
        self.transcript.focus()


def _title(data: PaneData, width: int) -> Content:
    """Return a title that fits into `width` cells: the name first, then what else there is room for."""
    title = Content.assemble((f" {short_name(data.name, width - 2, data.baseline)} ", "bold"))
    more = ["(baseline) "] if data.head.is_baseline else []
    for words in [*more, *([f"· {data.size} "] if data.size else [])]:
        if title.cell_length + len(words) <= width:
            title += Content.styled(words, "not bold $foreground-muted")
    return title


def _short_line(data: HeadData, width: int) -> Content:
    left = _labelled("turn", _turn(data) + "  ")
    right = Content.assemble((f" {data.progress:.2f}", "bold"), "  ", (data.status, MOOD_STYLE[data.mood]))
    room = max(1, min(width - left.cell_length - right.cell_length, SHORT_BAR))
    gap = " " * max(0, width - left.cell_length - right.cell_length - room)
    return left + bar(data.progress, room, _bar_color(data)) + right.pad_left(len(gap))


def _both_sparklines(data: HeadData, width: int) -> Content:
    if data.is_baseline:
        return _labelled("progress", _sparkline(data.curve, width - LABEL_WIDTH))
    room = (width - LABEL_WIDTH - 6) // 2
    own = _sparkline(data.curve, room)
    gap = Content(" " * (room - own.cell_length))
    return _labelled(
        "progress", own + gap + Content.styled(" base ", LABEL) + _baseline_sparkline(data, room)
    )


def _ending(data: HeadData, width: int, height: int) -> list[Content]:
    """Return why the episode ended as it did, in `height` lines at most."""
    if not data.ending:
        return []
    room = max(width - LABEL_WIDTH, 2)
    lines = wrap(data.ending, room)
    if len(lines) > height:
        lines = [
            *lines[: height - 1],
            Content(" ".join(lines[height - 1 :])).truncate(room, ellipsis=True).plain,
        ]
    return [_labelled("result" if at == 0 else "", line) for at, line in enumerate(lines)]


def _against(data: FootData, room: int) -> Content:
    """Return how it stands against the baseline in a line; the interval where it fits whole."""
    ladder = Content(data.ladder)
    whole = Content.assemble(ladder, ("  any time ", LABEL), data.interval)
    return whole if data.interval and whole.cell_length <= room else ladder


def _turn_line(data: HeadData, width: int) -> Content:
    left = _labelled("turn", _turn(data))
    right = Content.styled(data.status, MOOD_STYLE[data.mood])
    return left + " " * max(1, width - left.cell_length - right.cell_length) + right


def _turn(data: HeadData) -> Content:
    of = f"/{data.max_steps}" if data.max_steps else ""
    return Content.assemble((str(data.turn), "bold"), (of, LABEL))


def _bar_color(data: HeadData) -> str:
    return "$success" if data.progress >= 1 else "$accent"


def _bar_line(data: HeadData, width: int) -> Content:
    done = bar(data.progress, max(width - LABEL_WIDTH - 5, 1), _bar_color(data))
    return _labelled("progress", done + Content.styled(f" {data.progress:.2f}", "bold"))


def _sparkline(rates: tuple[float, ...], width: int) -> Content:
    return Content.styled(sparkline(rates, width), "$accent")


def _baseline_sparkline(data: HeadData, width: int) -> Content:
    """Return the baseline's turns that stand beside those which the contestant's own sparkline shows."""
    return Content.styled(sparkline(data.baseline_curve, width, window(data.curve, width)), LABEL)


def _labelled(label: str, what: Content | str) -> Content:
    return Content.assemble((f"{label:<{LABEL_WIDTH}}", LABEL), what)
