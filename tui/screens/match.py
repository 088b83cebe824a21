"""The match screen: contestants side by side, live or replayed."""

import math
import time
from collections import deque
from collections.abc import Awaitable, Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Footer

from arena.errors import ArenaError
from arena.records import Notice
from arena.run import Tally
from tui.literal import literal, literal_line
from tui.screens.help import HelpScreen
from tui.screens.matches import MatchListScreen
from tui.series import Heard
from tui.shown import PaneData, drawn, pane_data
from tui.sources import Source
from tui.tables import Key, Mode, keys
from tui.viewer import Found, Viewer
from tui.widgets.header import HeaderData, MatchHeader
from tui.widgets.pane import ContestantPane
from tui.widgets.strip import ContestantStrip

FRAME_S = 0.05
CLOCK_S = 0.25
RETRY_S = 10.0
"""How long after a failure the record is asked again for turns."""

MOST_EVENTS_A_FRAME = 2_000
"""A burst of events is taken in over several frames, so that keys are never kept waiting."""

COLUMN_WIDTH = 36
COLUMN_HEIGHT = 18
"""A pane narrower than this goes into a tab; panes stand in two rows only where each gets this height."""
SHORT_PANE = 28


class MatchScreen(Screen[None]):
    """Draws what a `Viewer` says, twenty times a second at most, and passes keys on to it."""

    BINDINGS = [binding for key in keys() for binding in key.bindings()]  # noqa: RUF012

    def __init__(self, source: Source, mode: Mode) -> None:
        super().__init__()
        self.viewer = Viewer(source)
        self._mode: Mode = mode
        self._inbox: deque[Heard] = deque()
        self._zoomed = False
        self._is_dirty = True
        self._drawn_at = 0.0
        self._loading = False
        self._load_again: tuple[int, float] = (0, 0.0)  # a match, and when its turns may be asked for again
        self._panes = [ContestantPane(index) for index in range(len(source.card.names))]
        self._header = MatchHeader()
        self._strip = ContestantStrip(len(self._panes))
        self._footer = Footer(compact=True)
        self._grid = Container(*self._panes, id="panes")

    def compose(self) -> ComposeResult:
        """Yield the header, the strip, the panes and the footer."""
        yield self._header
        yield self._strip
        yield self._grid
        yield self._footer

    def on_mount(self) -> None:
        """Start to draw."""
        self._panes[0].transcript.focus()
        self.set_interval(FRAME_S, self.frame)

    def hear(self, event: Heard) -> None:
        """Take an event of the source; from any thread."""
        self._inbox.append(event)

    def series_is_over(self, tally: Tally) -> None:
        """Say that all that could be played is played."""
        self._is_dirty = True
        owed = f", {tally.owed} of {tally.planned} episodes are owed" if tally.owed else ""
        self.notify(f"the series is over{owed}: look back, or q quits", timeout=10)

    def available_keys(self) -> list[Key]:
        """Return the keys that mean something on this screen."""
        return [key for key in keys() if key.only in (None, self._mode)]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the keys of the other mode."""
        return all(key.only in (None, self._mode) for key in keys() if key.action == action)

    # drawing

    def frame(self) -> None:
        """Take in what has happened, and draw it where it shows."""
        now = time.monotonic()
        for _ in range(min(len(self._inbox), MOST_EVENTS_A_FRAME)):
            self._take(self._inbox.popleft())
        self._is_dirty |= self.viewer.tick(now)
        if not self._loading and self.viewer.series.needs_loading() and not self._waits_to_load(now):
            self._loading = True
            self.run_worker(self._load(), group="load")
        clock_moves = bool(self.viewer.series.flights) and now - self._drawn_at >= CLOCK_S
        if self._is_dirty or clock_moves:
            self._is_dirty, self._drawn_at = False, now
            self._draw()

    def _take(self, event: Heard) -> None:
        self.viewer.hear(event)
        self._is_dirty = True
        if isinstance(event, Notice):
            hint = str(event.details.get("next_step", ""))
            words = drawn(f"{event.text} ({hint})" if hint else event.text, 600)
            self.notify(words, severity="warning", timeout=10, markup=False)

    def _draw(self) -> None:
        viewer = self.viewer
        waits_for = self._waits_for()
        panes: list[PaneData] = []
        for pane, name in zip(self._panes, viewer.source.card.names, strict=True):
            data = pane_data(
                viewer.series, viewer.playhead, name, waits_for=waits_for, is_live=viewer.source.live
            )
            panes.append(data)
            if pane.display:
                pane.show((viewer.series.place, data.head.turn), data)
        if self.has_class("-tabs"):
            self._strip.show(panes, viewer.chosen)
        self._header.data = self._header_data()

    def _waits_for(self) -> str:
        viewer = self.viewer
        if viewer.steers:
            assert viewer.source.pacer
            if not viewer.source.pacer.playing:
                return "paused"
            return "getting ready" if viewer.series.match_begun is None else "waiting"
        return "waiting" if viewer.source.live else "stopped here"

    def _header_data(self) -> HeaderData:
        viewer = self.viewer
        match, card = viewer.series.match, viewer.source.card
        goals = [staged.goal for staged in viewer.series.stage.values() if staged.goal]
        repeat = f" #{match.repeat + 1}" if match.repeat else ""
        mode, is_running = self._mode_words()
        return HeaderData(
            suite=literal_line(card.suite, 40),
            task=literal_line(match.task, 80) + repeat,
            match=viewer.series.place + 1,
            matches=len(card.matches),
            goal=literal(" ".join(goals[0][:2000].split())) if goals else "…",
            mode=mode,
            running=is_running,
            manner=self._manner(),
            elsewhere="" if viewer.elsewhere is None else f"match {viewer.elsewhere + 1} is on: press f",
        )

    def _mode_words(self) -> tuple[str, bool]:
        viewer = self.viewer
        if viewer.steers:
            assert viewer.source.pacer
            return ("▶ playing", True) if viewer.source.pacer.playing else ("‖ paused", False)
        if viewer.replaying:
            return "▶ replay", True
        if viewer.follows:
            return "● live", True
        if viewer.source.pacer and viewer.playhead.following:
            return "■ finished", False
        return "‖ paused", False

    def _manner(self) -> str:
        viewer = self.viewer
        pacer = viewer.source.pacer
        speed = pacer.speed if pacer and viewer.steers else viewer.speed
        words = ["full speed" if speed == math.inf else f"{speed:g}\N{MULTIPLICATION SIGN}"]
        if pacer and viewer.steers:
            words.append("locked" if pacer.locked else "free")
        if not viewer.playhead.linked:
            words.append("unlinked")
        return " · ".join(words)

    def _waits_to_load(self, now: float) -> bool:
        place, at = self._load_again
        return place == self.viewer.series.place and now < at

    async def _load(self) -> None:
        place = self.viewer.series.place
        try:
            recorded = await self.viewer.source.recorded(self.viewer.series.match)
        except ArenaError as error:
            self._complain(error)
            self._load_again = place, time.monotonic() + RETRY_S
        else:
            self.viewer.series.load(place, recorded)
            self._load_again = place, time.monotonic() + FRAME_S
        finally:
            self._loading = False
        self._is_dirty = True

    # layout

    def on_resize(self, event: events.Resize) -> None:
        """Fit the panes to the new size."""
        self._arrange(event.size.width, event.size.height)

    def _arrange(self, width: int, height: int) -> None:
        count = len(self._panes)
        self._header.goal_lines = 1 if height < 34 else 3
        self._footer.show_command_palette = width >= 130
        room = height - 3
        rows = 0 if self._zoomed else _rows_that_fit(count, width, room)
        is_tabbed = rows == 0 and count > 1
        self.set_class(is_tabbed, "-tabs")
        columns = 1 if rows == 0 else -(-count // rows)
        self._grid.styles.grid_size_columns = columns
        self._grid.styles.grid_size_rows = max(rows, 1)
        strip_lines = self._strip.fit(width - 2) if is_tabbed else 0
        self.set_class((room - strip_lines) // max(rows, 1) < SHORT_PANE, "-short")
        self._show_panes()

    def _show_panes(self) -> None:
        is_tabbed = self.has_class("-tabs")
        for index, pane in enumerate(self._panes):
            pane.display = not is_tabbed or index == self.viewer.chosen
        self._is_dirty = True

    # choosing a contestant

    def on_contestant_pane_chosen(self, message: ContestantPane.Chosen) -> None:
        """Choose the contestant that was clicked."""
        self._choose(message.index)

    def _choose(self, index: int) -> None:
        if index != self.viewer.chosen:
            self.viewer.chosen = index
            self._show_panes()
        self._panes[index].transcript.focus()

    def action_choose(self, number: int) -> None:
        """Choose the contestant with this number (from 1)."""
        if number <= len(self._panes):
            self._choose(number - 1)

    def action_next_contestant(self) -> None:
        """Choose the next contestant."""
        self._choose((self.viewer.chosen + 1) % len(self._panes))

    def action_previous_contestant(self) -> None:
        """Choose the contestant before."""
        self._choose((self.viewer.chosen - 1) % len(self._panes))

    def action_zoom(self) -> None:
        """Show the chosen contestant alone, or all."""
        self._zoomed = not self._zoomed
        self._arrange(self.size.width, self.size.height)

    # playing, and moving through turns and matches

    def action_toggle_play(self) -> None:
        """Play or pause."""
        self._then(self.viewer.toggle_play)

    def action_step(self) -> None:
        """Go on by one turn."""
        self._then(self.viewer.step)

    def action_faster(self) -> None:
        """Go up in speed."""
        self._then(lambda: self.viewer.change_speed(1))

    def action_slower(self) -> None:
        """Go down in speed."""
        self._then(lambda: self.viewer.change_speed(-1))

    def action_toggle_lock(self) -> None:
        """Lock or free the contestants' turns."""
        self._then(self.viewer.toggle_lock)

    def action_back(self) -> None:
        """One turn back."""
        self._then(lambda: self.viewer.move(-1))

    def action_forward(self) -> None:
        """One turn forward."""
        self._then(lambda: self.viewer.move(1))

    def action_first_turn(self) -> None:
        """Go to the first turn."""
        self._then(self.viewer.first_turn)

    def action_last_turn(self) -> None:
        """Go to the last turn."""
        self._then(self.viewer.last_turn)

    def action_follow(self) -> None:
        """Go to where the contest is."""
        self._then(self.viewer.follow)

    def action_toggle_link(self) -> None:
        """Link the contestants' turns, or free them."""
        self._then(self.viewer.toggle_link)

    def action_previous_match(self) -> None:
        """Show the match before."""
        self._then(lambda: self.viewer.show_next_match(-1))

    def action_next_match(self) -> None:
        """Show the next match."""
        self._then(self.viewer.show_next_match)

    def _then(self, change: Callable[[], object]) -> None:
        change()
        self._is_dirty = True

    # looking for turns

    def action_next_failure(self) -> None:
        """Go to the next failed turn."""
        self._search(self.viewer.find_failure, "no failed turn after this one")

    def action_next_difference(self) -> None:
        """Go to the next turn in which the contestants act differently."""
        self._search(self.viewer.find_difference, "the contestants act alike from here on")

    def _search(self, find: Callable[[], Awaitable[Found | None]], nothing: str) -> None:
        self.run_worker(self._find(find, nothing), group="search", exclusive=True)

    async def _find(self, find: Callable[[], Awaitable[Found | None]], nothing: str) -> None:
        try:
            found = await find()
        except ArenaError as error:
            self._complain(error)
            return
        if found is None:
            self.notify(nothing, timeout=3)
        else:
            self._then(lambda: self.viewer.jump(found))
            self._choose(found.contestant)

    # other screens

    def action_matches(self) -> None:
        """List the matches."""

        def show(place: int | None) -> None:
            if place is not None:
                self._then(lambda: self.viewer.show_match(place))

        self.app.push_screen(MatchListScreen(self.viewer.series), show)

    def action_help(self) -> None:
        """Show the keys."""
        self.app.push_screen(HelpScreen(self.available_keys()))

    async def action_leave(self) -> None:
        """Leave the app."""
        await self.app.run_action("leave")

    def _complain(self, error: ArenaError) -> None:
        self.notify(drawn(error.message, 600), severity="error", timeout=10, markup=False)


def _rows_that_fit(count: int, width: int, height: int) -> int:
    """Return in how many rows (1 or 2) all panes fit beside each other; 0 where they don't."""
    if width // count >= COLUMN_WIDTH:
        return 1
    columns = -(-count // 2)
    return 2 if width // columns >= COLUMN_WIDTH and height // 2 >= COLUMN_HEIGHT else 0
