"""The match screen: contestants side by side, live or replayed."""

import time
from collections import deque
from collections.abc import Awaitable, Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen

from arena.errors import ArenaError
from arena.records import EpisodeEnded, Notice
from arena.run import Tally
from tui.comparing import find_difference, find_failure
from tui.finding import Found
from tui.heading import header_data, query_data, timeline_data, waits_for
from tui.layout import Layout, layout
from tui.screens.matches import MatchListScreen
from tui.sections import drawn
from tui.series import Heard
from tui.shown import PaneData, pane_data
from tui.sources import Source
from tui.stateviews import StateViews
from tui.tables import Key, Mode, bindings, keys
from tui.viewer import StartAt, Viewer
from tui.views.view import Room
from tui.widgets.footer import ArenaFooter
from tui.widgets.header import MatchHeader
from tui.widgets.pane import ContestantPane
from tui.widgets.query import QueryBar, QueryStatus
from tui.widgets.strip import ContestantStrip
from tui.widgets.timeline import Timeline

FRAME_S = 1 / 15  # drawing is all the cost: 20 frames a second take a quarter more of a core
CLOCK_S = 0.25
RETRY_S = 10.0
"""How long after a failure the record is asked again for turns."""
ASK_AGAIN_S = 1.0
"""How often the filter of a series that goes on is brought up to date."""

MOST_EVENTS_A_FRAME = 2_000
"""A burst of events is taken in over several frames, so that keys are never kept waiting."""


class MatchScreen(Screen[None]):
    """Draws what a `Viewer` says, twenty times a second at most, and passes keys on to it."""

    AUTO_FOCUS = ""
    BINDINGS = [*bindings("match")]  # noqa: RUF012 - Textual's own form

    def __init__(self, source: Source, mode: Mode, start_at: StartAt | None = None) -> None:
        """Open at `start_at` if given, else where the contest is now (its beginning, once over)."""
        super().__init__()
        self.viewer = Viewer(source, start_at)
        self._mode: Mode = mode
        self._inbox: deque[Heard] = deque()
        self._zoomed = False
        self._wants_views: bool | None = None  # None: where there is room
        self._is_dirty = True
        self._drawn_at = 0.0
        self._loading = False
        self._load_again: tuple[int, float] = (0, 0.0)  # a match, and when its turns may be asked for again
        self._asked_at = 0.0
        self._news = False  # episodes have ended since the filter was applied
        self._panes = [ContestantPane(index) for index in range(len(source.card.names))]
        self._views = StateViews(source, lambda work: self.run_worker(work, group="views"))
        self._header = MatchHeader()
        self._strip = ContestantStrip(len(self._panes))
        self._grid = Container(*self._panes, id="panes")
        self._timeline = Timeline()
        self._status = QueryStatus()
        self._bar = QueryBar(self.viewer.finder.use)
        self._layout: Layout | None = None

    def compose(self) -> ComposeResult:
        """Yield everything from top to bottom."""
        yield self._header
        yield self._strip
        yield self._grid
        yield self._timeline
        yield self._status
        yield self._bar
        yield ArenaFooter()

    def on_mount(self) -> None:
        """Start to draw."""
        self._panes[self.viewer.chosen].transcript.focus()
        self.set_interval(FRAME_S, self.frame)

    def hear(self, event: Heard) -> None:
        """Take an event of the source; from any thread."""
        self._inbox.append(event)

    def series_is_over(self, tally: Tally) -> None:
        """Say that all that could be played is played."""
        self._is_dirty = True
        owed = f", {tally.owed} of {tally.planned} episodes are owed" if tally.owed else ""
        self.notify(f"the series is over{owed}: m shows the ladder, q quits", timeout=10)

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
        self._is_dirty |= self.viewer.series.ladder.catch_up()
        if not self._loading and self.viewer.series.needs_loading() and not self._waits_to_load(now):
            self._loading = True
            self.run_worker(self._load(), group="load")
        if self._news and self.viewer.finder.filter.terms and now - self._asked_at >= ASK_AGAIN_S:
            self._news, self._asked_at = False, now
            self.run_worker(self._ask_again(), group="ask", exclusive=True)
        clock_moves = bool(self.viewer.series.flights) and now - self._drawn_at >= CLOCK_S
        if self._is_dirty or clock_moves:
            self._is_dirty, self._drawn_at = False, now
            self._draw()

    def _take(self, event: Heard) -> None:
        self.viewer.hear(event)
        self._is_dirty = True
        self._news |= isinstance(event, EpisodeEnded)
        if isinstance(event, Notice):
            hint = str(event.details.get("next_step", ""))
            words = drawn(f"{event.text} ({hint})" if hint else event.text, 600)
            self.notify(words, severity="warning", timeout=10, markup=False)

    def _draw(self) -> None:
        viewer = self.viewer
        why = waits_for(viewer)
        searched = viewer.finder.search.texts
        panes: list[PaneData] = []
        for pane, name in zip(self._panes, viewer.source.card.names, strict=True):
            data = pane_data(
                viewer.series,
                viewer.playhead,
                name,
                waits_for=why,
                manner=viewer.manner,
                is_live=viewer.source.live,
            )
            panes.append(data)
            if pane.display:
                pane.show((viewer.series.place, data.head.turn), data, searched)
                self._draw_state(pane, name)
        if self.has_class("-tabs"):
            self._strip.show(panes, viewer.chosen)
        self._header.data = header_data(viewer)
        self._timeline.data = timeline_data(viewer, self._layout.timeline_rows if self._layout else 1)
        self._status.data = query_data(viewer)

    def _draw_state(self, pane: ContestantPane, name: str) -> None:
        staged = self.viewer.series.stage[name]
        width = pane.state.content_size.width or pane.content_size.width
        if not self._shows_views or width <= 0 or not staged.begun:
            self._views.drop(pane.index)
            pane.show_state(None)
            return
        upto = min(self.viewer.playhead.frame(name, self.viewer.frames) + 1, len(staged.turns))
        room = Room(width, max(pane.content_size.height // 2 - 1, 3))
        self._views.want(pane.index, self.viewer.series.match, staged, upto, room, pane.show_state)

    @property
    def _shows_views(self) -> bool:
        if self._wants_views is None:
            return self._layout is not None and self._layout.has_views
        return self._wants_views

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
        strip_lines = self._strip.fit(self.viewer.source.card.names, width - 2, height)
        found = layout(len(self._panes), width, height, zoomed=self._zoomed, strip_lines=strip_lines)
        self._layout = found
        self._header.goal_lines = found.goal_lines
        self.set_class(found.tabs, "-tabs")
        self.set_class(found.is_short, "-short")
        self.set_class(found.is_tiny, "-tiny")
        self._grid.styles.grid_size_columns = found.columns
        self._grid.styles.grid_size_rows = found.rows
        self._timeline.styles.height = found.timeline_rows
        self._show_panes()

    def _show_panes(self) -> None:
        for index, pane in enumerate(self._panes):
            pane.display = index == self.viewer.chosen or not self.has_class("-tabs")
        self._is_dirty = True

    # choosing a contestant

    def on_contestant_pane_chosen(self, message: ContestantPane.Chosen) -> None:
        """Choose the contestant that was clicked, or whose transcript got the focus (and still has it)."""
        if not message.by_focus or self._panes[message.index].transcript.has_focus:
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

    def action_choose_next(self, by: int) -> None:
        """Choose the contestant that is `by` places on."""
        self._choose((self.viewer.chosen + by) % len(self._panes))

    # what is shown

    def action_zoom(self) -> None:
        """Show the chosen contestant alone, or all."""
        self._zoomed = not self._zoomed
        self._arrange(self.size.width, self.size.height)

    def action_change_expand(self) -> None:
        """Unfold other calls."""
        self._then(self.viewer.change_expand)

    def action_toggle_raw(self) -> None:
        """Show replies as they were written, or their parts."""
        self._then(self.viewer.toggle_raw)

    def action_toggle_views(self) -> None:
        """Draw the state of the environment, or don't."""
        self._wants_views = not self._shows_views
        self._is_dirty = True

    # playing, and moving through turns and matches

    def action_toggle_play(self) -> None:
        """Play or pause."""
        self._then(self.viewer.toggle_play)

    def action_step(self) -> None:
        """Go on by one turn."""
        self._then(self.viewer.step)

    def action_change_speed(self, by: int) -> None:
        """Go up or down in speed."""
        self._then(lambda: self.viewer.change_speed(by))

    def action_toggle_lock(self) -> None:
        """Lock or free the contestants' turns."""
        self._then(self.viewer.toggle_lock)

    def action_move(self, by: int) -> None:
        """Go some turns on or back, to the first or the last at most."""
        self._then(lambda: self.viewer.move(by))

    def action_follow(self) -> None:
        """Go to where the contest is."""
        self._then(self.viewer.follow)

    def action_toggle_link(self) -> None:
        """Link the contestants' turns, or free them."""
        self._then(self.viewer.toggle_link)

    def action_show_match(self, by: int) -> None:
        """Show the next match, or the one before."""
        if not self.viewer.show_next_match(by):
            self.notify("there is no match beyond this one", timeout=3)
        self._is_dirty = True

    def on_timeline_scrubbed(self, message: Timeline.Scrubbed) -> None:
        """Go to the turn that was pointed at."""
        if len(self._timeline.data.rows if self._timeline.data else ()) > 1:
            self._choose(message.row)
        self._then(lambda: self.viewer.go(message.turn))

    def _then(self, change: Callable[[], object]) -> None:
        change()
        self._is_dirty = True

    # looking for turns and tasks

    def action_failure(self, by: int) -> None:
        """Go to the next failed turn, or the one before."""
        words = f"no failed turn {'after' if by > 0 else 'before'} this one"
        self._seek(lambda: find_failure(self.viewer, by), words)

    def action_difference(self, by: int) -> None:
        """Go to the next turn in which contestants act differently, or back to one."""
        words = f"the contestants act alike {'from here on' if by > 0 else 'before this turn'}"
        self._seek(lambda: find_difference(self.viewer, by), words)

    def action_hit(self, by: int) -> None:
        """Go to the next turn that the search found, or the one before."""
        if self.viewer.finder.search.terms:
            self._seek(lambda: self._next_hit(by), "the search finds no turn")
        else:
            self.action_search()

    def action_search(self) -> None:
        """Ask what to look for."""
        self._bar.open("search", self.viewer.finder.search.text)

    def action_filter(self) -> None:
        """Ask which tasks are meant."""
        self._bar.open("filter", self.viewer.finder.filter.text)

    def on_query_bar_closed(self, message: QueryBar.Closed) -> None:
        """Go back to the panes, and to what was found."""
        if message.used:
            self.viewer.go_where_asked(message.purpose)
        self._show_panes()
        self._choose(self.viewer.chosen)
        self._bar.hide()

    async def _next_hit(self, by: int) -> Found | None:
        if self.viewer.source.live:
            await self.viewer.finder.ask_again()
        return self.viewer.finder.next_hit(self.viewer.here, by)

    async def _ask_again(self) -> None:
        try:
            await self.viewer.finder.ask_again()
        except ArenaError as error:
            self._complain(error)
        self._is_dirty = True

    def _seek(self, find: Callable[[], Awaitable[Found | None]], nothing: str) -> None:
        self.run_worker(self._find(find, nothing), group="seek", exclusive=True)

    async def _find(self, find: Callable[[], Awaitable[Found | None]], nothing: str) -> None:
        try:
            self._show(await find(), nothing)
        except ArenaError as error:
            self._complain(error)

    def _show(self, found: Found | None, nothing: str) -> None:
        if found is None:
            self.notify(nothing, timeout=3)
            return
        self._choose(found.contestant)
        self._then(lambda: self.viewer.jump(found))

    # other screens, and leaving

    def action_matches(self) -> None:
        """Show the ladder and the list of matches."""

        def show(place: int | None) -> None:
            self._is_dirty = True  # another filter may hold by now
            if place is not None:
                self.viewer.show_match(place)

        self.app.push_screen(MatchListScreen(self.viewer), show)

    async def action_back_out(self) -> None:
        """End the search; without one, the filter; without either, leave."""
        finder = self.viewer.finder
        if finder.search.terms:
            await finder.use_search("")
        elif finder.filter.terms:
            await finder.use_filter("")
        else:
            await self.action_leave()
        self._is_dirty = True

    async def action_leave(self) -> None:
        """Leave the screen."""
        await self.app.run_action("leave")

    def _complain(self, error: ArenaError) -> None:
        self.notify(drawn(error.message, 600), severity="error", timeout=10, markup=False)
