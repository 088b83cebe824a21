"""A contestant's pane: how it stands, what it sees, says and does, and what that costs."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.shown import FootData, HeadData, Mood, PaneData
from tui.widgets.gauges import bar, sparkline, window
from tui.widgets.transcript import Transcript

MOOD_STYLE: dict[Mood, str] = {
    "good": "bold $text-success",
    "bad": "bold $text-error",
    "busy": "$text-accent",
    "quiet": "$foreground-muted",
}
LABEL = "$foreground-muted"
LABEL_WIDTH = 9


class PaneHead(Widget):
    """Turn, status, progress bar, and the progress over the turns against the baseline's."""

    data: reactive[HeadData | None] = reactive(None)

    def render(self) -> Content:
        """Draw three lines, or four where there is room for the baseline's own."""
        data, width = self.data, self.content_size.width
        if data is None:
            return Content("")
        return Content("\n").join([_turn_line(data, width), _bar_line(data, width), *self._sparklines(data)])

    def _sparklines(self, data: HeadData) -> list[Content]:
        width = self.content_size.width
        if data.is_baseline:
            return [_labelled("turns", _sparkline(data.curve, width - LABEL_WIDTH))]
        if self.content_size.height > 3:
            room = width - LABEL_WIDTH
            own, base = _sparkline(data.curve, room), _baseline_sparkline(data, room)
            return [_labelled("turns", own), _labelled("baseline", base)]
        room = (width - 6) // 2
        own = _sparkline(data.curve, room)
        gap = Content(" " * (room - own.cell_length))
        return [own + gap + Content.styled(" base ", LABEL) + _baseline_sparkline(data, room)]


class PaneFoot(Widget):
    """What the episode has cost so far, and how the contestant stands in the series."""

    data: reactive[FootData | None] = reactive(None)

    def render(self) -> Content:
        """Draw two lines, or three where there is room for the series' cost."""
        data = self.data
        if data is None:
            return Content("")
        lines = [_labelled("episode", data.episode_cost), _labelled("series", data.standing)]
        if self.content_size.height > 2:
            lines.append(_labelled("", data.series_cost))
        return Content("\n").join(lines)


class ContestantPane(Vertical):
    """All of one contestant. Says `Chosen` when it is clicked or its transcript gets the focus."""

    class Chosen(Message):
        """The person chose this pane's contestant (`index`, from 0)."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index
        self.head = PaneHead()
        self.transcript = Transcript()
        self.foot = PaneFoot()
        self._data: PaneData | None = None

    def compose(self) -> ComposeResult:
        """Yield head, transcript and foot."""
        yield self.head
        yield self.transcript
        yield self.foot

    def show(self, turn: object, data: PaneData) -> None:
        """Draw this; `turn` tells one turn of one match from another."""
        if data == self._data:
            return
        before, self._data = self._data, data
        self.head.data, self.foot.data = data.head, data.foot
        if before is None or before.note != data.note:
            note = f" {data.note} " if data.note else ""
            self.border_subtitle = Content.styled(note, "bold $text-warning")
        if before is None:
            self.border_title = _title(data)
        self.transcript.show(turn, data.sections, streaming=data.streaming)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Tell that this contestant is the chosen one."""
        self.post_message(self.Chosen(self.index))

    def on_click(self) -> None:
        """Choose this contestant wherever its pane is clicked."""
        self.transcript.focus()


def _title(data: PaneData) -> Content:
    title = Content.assemble((f" {data.name} ", "bold"))
    if data.head.is_baseline:
        title += Content.styled("(baseline) ", "not bold $foreground-muted")
    if data.size:
        title += Content.styled(f"· {data.size} ", "not bold $foreground-muted")
    return title


def _turn_line(data: HeadData, width: int) -> Content:
    of = f"/{data.max_steps}" if data.max_steps else ""
    left = _labelled("turn", Content.assemble((str(data.turn), "bold"), (of, LABEL)))
    right = Content.styled(data.status, MOOD_STYLE[data.mood])
    return left + " " * max(1, width - left.cell_length - right.cell_length) + right


def _bar_line(data: HeadData, width: int) -> Content:
    color = "$success" if data.progress >= 1 else "$accent"
    done = bar(data.progress, max(width - LABEL_WIDTH - 5, 1), color)
    return _labelled("progress", done + Content.styled(f" {data.progress:.2f}", "bold"))


def _sparkline(rates: tuple[float, ...], width: int) -> Content:
    return Content.styled(sparkline(rates, width), "$accent")


def _baseline_sparkline(data: HeadData, width: int) -> Content:
    """Return the baseline's turns that stand beside those which the contestant's own sparkline shows."""
    return Content.styled(sparkline(data.baseline_curve, width, window(data.curve, width)), LABEL)


def _labelled(label: str, what: Content | str) -> Content:
    return Content.assemble((f"{label:<{LABEL_WIDTH}}", LABEL), what)
