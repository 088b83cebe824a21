"""The episodes of a run, as a filter lets them through, and the turns of the one under the cursor."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from arena.errors import ArenaError, UsageError
from arena.filtering import Filter, parse
from arena.records import Episode
from arena.results import EpisodeRow, find_episodes
from arena.store.reader import RunReader
from tui.episoderows import EpisodeTurns, draw_episode, draw_turn, episode_heading
from tui.literal import literal_line
from tui.names import short_name
from tui.screens.help import Block, filter_blocks
from tui.tables import Key, bindings, keys
from tui.viewer import StartAt
from tui.widgets.footer import ArenaFooter
from tui.widgets.rows import RowList
from tui.widgets.title import TitleBar

if TYPE_CHECKING:
    from tui.app import ArenaApp

LOST = "base:success outcome:failure"
SETTLE_S = 0.08
"""How long the cursor rests on an episode before its turns are read."""
WIDE = 150


class EpisodesScreen(Screen[None]):
    """A filter, the episodes that it lets through, and the turns of one. Reading is done in threads."""

    AUTO_FOCUS = ""
    """Not the filter, into which keys that come early would be typed."""
    BINDINGS = bindings("episodes")
    app: "ArenaApp"

    def __init__(self, run: Path, baseline: str, filter_text: str = "") -> None:
        super().__init__()
        self._run, self._baseline = run, baseline
        self._found: list[EpisodeRow] = []
        self._shown: EpisodeTurns | None = None
        self._title = TitleBar()
        self._filter = Input(
            filter_text,
            id="filter",
            compact=True,
            placeholder="all: / filters, such as base:success outcome:failure",
        )
        self._heading = Static(id="heading")
        self._episodes = RowList(id="episodes", nothing="no episode is like that")
        self._turns = RowList(id="turns", nothing="no turn was played")

    def compose(self) -> ComposeResult:
        """Yield title, filter, both lists and the footer."""
        self._turns.border_title = Content(" Turns ")
        self._turns.border_subtitle = Content(" ≠ unlike the baseline · enter shows the turn ")
        yield self._title
        yield self._filter
        with Container(id="both"):
            with Vertical(id="found"):
                yield self._heading
                yield self._episodes
            yield self._turns
        yield ArenaFooter()

    def on_mount(self) -> None:
        """Look for the episodes."""
        self._title.left = Content.assemble(("Episodes  ", "bold"), literal_line(self._run.name, 60))
        self._episodes.focus()
        self._apply()

    def on_resize(self, event: events.Resize) -> None:
        """Put the lists beside each other where both fit."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self.call_after_refresh(self._draw_heading)

    def available_keys(self) -> list[Key]:
        """Return the keys of this screen."""
        return list(keys("episodes"))

    def help_blocks(self) -> list[Block]:
        """Return what the help page says of the filter."""
        return filter_blocks()

    # finding

    def _apply(self) -> None:
        try:
            chosen = parse(self._filter.value, self._baseline)
        except UsageError as problem:
            self.app.complain(problem)
            return
        self.run_worker(self._find(chosen), group="find", exclusive=True)

    async def _find(self, chosen: Filter) -> None:
        self._title.right = Content.styled("looking …", "$foreground-muted")
        try:
            self._found = await asyncio.to_thread(find_episodes, self._run, chosen, self._baseline)
        except ArenaError as problem:
            self.app.complain(problem)
            self._found = []
        count = len(self._found)
        self._title.right = Content.styled(
            f"{count} {'episode' if count == 1 else 'episodes'}", "$foreground-muted"
        )
        self._draw_heading()
        self._episodes.show(count, self._draw_episode, 0)
        self._read_turns()

    def _draw_episode(self, row: int, width: int) -> Content:
        return draw_episode(self._found[row], self._baseline, width)

    def _draw_heading(self) -> None:
        self._heading.update(episode_heading(self._episodes.scrollable_content_region.width))

    # the turns of an episode

    def on_row_list_moved(self, message: RowList.Moved) -> None:
        """Read the turns of the episode under the cursor."""
        if message.rows is self._episodes:
            self._read_turns()

    def _read_turns(self) -> None:
        self.run_worker(self._show_turns(self._under_cursor), group="turns", exclusive=True)

    @property
    def _under_cursor(self) -> EpisodeRow | None:
        return self._found[self._episodes.cursor] if self._episodes.cursor < len(self._found) else None

    async def _show_turns(self, row: EpisodeRow | None) -> None:
        if row is None:
            self._shown = None
            self._turns.show(0, lambda row, width: Content(""))
            return
        await asyncio.sleep(SETTLE_S)
        try:
            shown = await asyncio.to_thread(_turns_of, self._run, row.episode, row.base)
        except ArenaError as problem:
            self.app.complain(problem)
            return
        # lists say where their cursor is more than once: the turns of the same episode leave theirs alone
        is_new = self._shown is None or self._shown.episode.id != shown.episode.id
        self._shown = shown
        key = row.episode.key
        whose = f"{short_name(key.contestant, 30, self._baseline)} on {literal_line(key.task, 40)}"
        self._turns.border_title = Content(f" Turns of {whose} ")
        self._turns.show(
            len(shown.turns),
            lambda turn, width: draw_turn(shown, turn, width),
            shown.first_of_note() if is_new else None,
        )

    # what the keys do

    def on_row_list_chosen(self, message: RowList.Chosen) -> None:
        """Go from the episode to its turns, from a turn to the match."""
        self.action_open()

    def action_open(self) -> None:
        """Go from the episode to its turns, from a turn to the match."""
        if self._turns.has_focus:
            self.action_watch()
        else:
            self._turns.focus()

    def action_watch(self) -> None:
        """Show all contestants in the turn under the cursor."""
        row, shown = self._under_cursor, self._shown
        if row is None:
            return
        is_read = shown is not None and shown.episode.id == row.episode.id
        self.app.watch_run(self._run, StartAt(row.episode.key, self._turns.cursor if is_read else 0))

    def action_edit_filter(self) -> None:
        """Type a filter."""
        self._filter.focus()

    def on_input_submitted(self) -> None:
        """Apply the filter."""
        self._episodes.focus()
        self._apply()

    def action_lost(self) -> None:
        """Only what the baseline solved and another did not, or all again."""
        self._filter.value = "" if self._filter.value == LOST else LOST
        self._apply()

    def action_next_pane(self) -> None:
        """Go from the episodes to the turns, and back."""
        (self._turns if self._episodes.has_focus else self._episodes).focus()

    async def action_leave(self) -> None:
        """Go back to the episodes, or from there to where one came from."""
        if self._episodes.has_focus:
            await self.app.run_action("leave")
        else:
            self._episodes.focus()


def _turns_of(run: Path, episode: Episode, base: Episode | None) -> EpisodeTurns:
    with closing(RunReader(run)) as reader:
        is_base = base is None or base.id == episode.id
        return EpisodeTurns(
            episode, reader.turns(episode), [] if is_base or base is None else reader.turns(base)
        )
