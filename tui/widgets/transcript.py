"""One turn of one contestant, as titled sections that scroll."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from tui.sections import EARLIER_INDENT, Section
from tui.wrap import wrap

Span = tuple[str, str]
"""Text, and the component class that styles it."""
Line = Sequence[Span]

ANSWER = ("thought", "reply", "valid", "failed")
"""The kinds of sections that are what the contestant said; the first of them is scrolled into view."""


class Transcript(ScrollView, can_focus=True, inherit_bindings=False):
    """Draws sections line by line: only what is in view is rendered, only what changed is folded again.

    What is searched for is scrolled into view; else, where reply and outcome don't fit below the observation,
    the reply to the top (while it streams, its end), unless the person has scrolled this turn.
    """

    BINDINGS = [  # noqa: RUF012 - Textual's own form
        Binding("up", "scroll_up", "Scroll up", show=False),
        Binding("down", "scroll_down", "Scroll down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
    ]
    COMPONENT_CLASSES = {  # noqa: RUF012
        "transcript--title",
        "transcript--observation",
        "transcript--thought",
        "transcript--reply",
        "transcript--valid",
        "transcript--valid-mark",
        "transcript--failed",
        "transcript--failed-mark",
        "transcript--outcome",
        "transcript--problem",
        "transcript--earlier",
        "transcript--earlier-failed",
        "transcript--rule",
        "transcript--tag",
        "transcript--span",
        "transcript--hit",
    }

    def __init__(self) -> None:
        super().__init__()
        self._sections: tuple[Section, ...] = ()
        self._streaming = False
        self._turn: object = None
        self._lines: list[Line] = []
        self._folded: dict[Section, list[Line]] = {}
        self._reply_at = self._reply_end = 0
        self._hit_at: int | None = None
        self._own_scroll = 0
        self._searched: tuple[str, ...] = ()
        self._known_styles: dict[str, Style] = {}

    def notify_style_update(self) -> None:
        """Forget the styles: the theme has changed."""
        self._known_styles.clear()
        super().notify_style_update()

    def show(
        self,
        turn: object,
        sections: tuple[Section, ...],
        *,
        streaming: bool,
        searched: tuple[str, ...] = (),
    ) -> None:
        """Show a turn's sections; `turn` tells one turn from another, and so when to scroll to its start.

        `searched` are the texts to be marked wherever they stand.
        """
        if (turn, sections, streaming, searched) == (
            self._turn,
            self._sections,
            self._streaming,
            self._searched,
        ):
            return
        is_new = turn != self._turn or streaming != self._streaming or searched != self._searched
        if searched != self._searched:
            self._folded.clear()
        self._turn, self._sections, self._streaming = turn, sections, streaming
        self._searched = searched
        self._fold()
        if is_new or self.scroll_offset.y == self._own_scroll:
            self._scroll_to_reply()

    def _fold(self) -> None:
        width = self.scrollable_content_region.width - 1  # a gap before the scrollbar
        if width <= 0:
            return
        kept = {section: self._folded[section] for section in self._sections if section in self._folded}
        for section in self._sections:
            if section not in kept:
                kept[section] = list(_marked(_lines_of(section, width), self._searched))
        lines = sum(len(folded) for folded in kept.values()) + len(self._sections) - 1
        is_airy = lines <= self.scrollable_content_region.height
        before = self._lines
        self._lines, self._reply_at, self._reply_end = [], 0, 0
        for section in self._sections:
            if is_airy and self._lines:
                self._lines.append(())
            if section.kind in ANSWER and not self._reply_at:
                self._reply_at = len(self._lines)
            self._lines += kept[section]
            if section.kind in (*ANSWER, "outcome"):
                self._reply_end = len(self._lines)
            if self._streaming and section.kind == "reply":
                self._make_room_to_write()
        self._folded = kept
        self._hit_at = self._first_hit() if self._searched else None
        if self.virtual_size != (size := Size(width, len(self._lines))):
            # setting the reactive would lay the whole screen out anew, for every line of every streamed reply
            self.set_reactive(Transcript.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = size.height
        self._refresh_changed(before)

    def _make_room_to_write(self) -> None:
        """Leave room below a reply that is being written, up to half of what is in view.

        What stands below is pushed down, and the view moves on, by half a view at a time: a line that is
        added costs the drawing of one line, and what is being read stands still.
        """
        step = max(self.scrollable_content_region.height // 2, 1)
        self._lines += [()] * (-len(self._lines) % step)
        self._reply_end = len(self._lines)

    def _first_hit(self) -> int | None:
        hits = (at for at, line in enumerate(self._lines) if any(name == "hit" for _, name in line))
        return next(hits, None)

    def _refresh_changed(self, before: Sequence[Line]) -> None:
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        changed = [
            y
            for y in range(top, top + height)
            if before[y : y + 1] != self._lines[y : y + 1]  # a slice is empty beyond the end
        ]
        if changed:
            self.refresh_lines(changed[0], changed[-1] - changed[0] + 1)

    def _scroll_to_reply(self) -> None:
        height = self.scrollable_content_region.height
        spare = max(0, len(self._lines) - height)
        if self._streaming:
            wanted = max(self._reply_at, self._reply_end - height)
        else:
            wanted = self._reply_at if self._reply_end > height else 0
        if self._hit_at is not None and not wanted <= self._hit_at < wanted + height:
            wanted = max(0, self._hit_at - height // 3)
        before, self._own_scroll = self._own_scroll, min(wanted, spare)
        if not before == self._own_scroll == self.scroll_offset.y:  # it waits for a refresh, and costs one
            self.scroll_to(y=self._own_scroll, animate=False, force=True)

    def on_resize(self, event: events.Resize) -> None:
        """Fold again to the new width."""
        self._folded.clear()
        self._fold()
        self._scroll_to_reply()

    def render_line(self, y: int) -> Strip:
        """Render one line of what is in view."""
        width, number = self.scrollable_content_region.width, y + self.scroll_offset.y
        base = self.visual_style.rich_style
        if number >= len(self._lines):
            return Strip.blank(self.size.width, base)
        segments = [Segment(text, self._style(name)) for text, name in self._lines[number]]
        strip = Strip(self._selected(segments, number)).adjust_cell_length(width, base)
        return strip.apply_offsets(0, number)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the text that is marked with the mouse."""
        return selection.extract("\n".join("".join(text for text, _ in line) for line in self._lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw the marked text anew."""
        self.refresh()

    def _style(self, name: str) -> Style:
        # the widget's own cache is emptied by every refresh, so with every token that is streamed
        if name not in self._known_styles:
            self._known_styles[name] = self.get_component_rich_style(f"transcript--{name}")
        return self._known_styles[name]

    def _selected(self, segments: list[Segment], number: int) -> list[Segment]:
        span = self.text_selection.get_span(number) if self.text_selection else None
        if span is None:
            return segments
        start, end = span
        style = self.screen.get_component_rich_style("screen--selection")
        marked: list[Segment] = []
        at = 0
        for text, own, _ in segments:
            stop = len(text) if end == -1 else max(0, min(end - at, len(text)))
            begin = min(max(0, start - at), stop)
            pieces = (
                (text[:begin], own),
                (text[begin:stop], own + style if own else style),
                (text[stop:], own),
            )
            marked += [Segment(piece, how) for piece, how in pieces if piece]
            at += len(text)
        return marked


def _lines_of(section: Section, width: int) -> list[Line]:
    marks: list[Span] = []
    if section.tag:
        marks.append((f" {section.tag}", "tag"))
    if section.mark:
        marks.append((f" {section.mark}", f"{section.kind}-mark"))
    taken = len(section.title) + 1 + sum(len(text) for text, _ in marks)
    title = [(section.title, "title"), (" " + "─" * max(1, width - taken), "rule"), *marks]
    if section.kind == "earlier":
        return [title, *_earlier_lines(section.text, width)]
    return [title, *_spanned(wrap(section.text, width), section)]


def _earlier_lines(text: str, width: int) -> Iterator[Line]:
    style = "earlier"
    for line in text.split("\n"):
        if not line.startswith(EARLIER_INDENT):
            style = "earlier-failed" if "✗" in line[:5] else "earlier"
            yield [(_cut(line, width), style)]
            continue
        for part in wrap(line.strip(), width - len(EARLIER_INDENT)):
            yield [(EARLIER_INDENT + part, "earlier")]


def _spanned(lines: Iterable[str], section: Section) -> Iterator[Line]:
    """Yield a section's folded lines; the part at which the reply failed is styled apart."""
    start, end = section.span or (0, 0)
    at = 0
    for line in lines:
        at = max(section.text.find(line, at), at)  # what is dropped at a break are spaces and line breaks
        first, last = (min(max(offset - at, 0), len(line)) for offset in (start, end))
        at += len(line)
        pieces = ((line[:first], section.kind), (line[first:last], "span"), (line[last:], section.kind))
        yield [piece for piece in pieces if piece[0]] or [("", section.kind)]


def _marked(lines: Iterable[Line], searched: Sequence[str]) -> Iterator[Line]:
    """Yield the lines with what is searched for styled as a hit, also where a line break parts it."""
    pattern = "|".join(r"\s+".join(map(re.escape, words.split())) for words in searched if words.strip())
    if not pattern:
        yield from lines
        return
    listed = list(lines)
    text = "\n".join("".join(piece for piece, _ in line) for line in listed)
    hits = [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]
    at = passed = 0
    for line in listed:
        pieces: list[Span] = []
        for piece, name in line:
            while passed < len(hits) and hits[passed][1] <= at:
                passed += 1
            pieces += _split(piece, name, at, hits, passed)
            at += len(piece)
        at += 1
        yield pieces


def _split(piece: str, name: str, at: int, hits: Sequence[tuple[int, int]], passed: int) -> Iterator[Span]:
    """Split a piece of text that begins at `at`; the first `passed` hits end before it."""
    done = 0
    for start, end in islice(hits, passed, None):
        if start >= at + len(piece):
            break
        first, last = (min(max(offset - at, done), len(piece)) for offset in (start, end))
        if first < last:
            if piece[done:first]:
                yield piece[done:first], name
            yield piece[first:last], "hit"
            done = last
    if piece[done:] or not piece:
        yield piece[done:], name


def _cut(line: str, width: int) -> str:
    return line if cell_len(line) <= width else f"{set_cell_size(line, width - 1)}…"
