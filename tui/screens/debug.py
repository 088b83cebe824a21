"""The failed turns of a run: grouped beside the baseline's, whose fault they are, and the way to each."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from arena.debugging.listing import Group
from arena.errors import ArenaError, UsageError
from arena.filtering import Filter, parse
from tui.debugging.examination import Examination
from tui.debugging.failures import Counted, Faults, TurnRow, count, count_faults, list_turns
from tui.debugging.rows import draw_group, draw_turn, group_heading, group_said, words_of
from tui.literal import literal_line
from tui.names import short_name
from tui.screens.help import Block, filter_blocks
from tui.screens.turn import TurnScreen
from tui.tables import Key, bindings, keys
from tui.viewer import StartAt
from tui.widgets.footer import ArenaFooter
from tui.widgets.rows import RowHeading, RowList, ScreenRowList
from tui.widgets.title import TitleBar

if TYPE_CHECKING:
    from tui.app import ArenaApp

SETTLE_S = 0.08
"""How long the cursor rests on a group before its turns are read."""
WIDE = 150

LEGENDS = (
    "≡ same request as baseline  ✓ baseline solved it  +2 recovered (- never)",
    "≡ same request  ✓ baseline solved it  +2 recovered",
    "≡ request  ✓ solved  +2 recovered",
)
"""What the columns of signs before a failed turn are (see `SIGNS`), the longest first."""
AROUND_LEGEND = 6
"""Cells of the list's frame and of the blanks around what stands in it."""

SIGNS: Sequence[tuple[str, str]] = (
    ("≡", "the baseline answered the very same request, and its action took effect: only the model differs"),
    ("✓", "the baseline solved the task"),
    ("+2", "two turns later an action took effect again (-: never)"),
    ("⟦ ⟧", "the part of the reply that failed"),
    ("baseline", "the baseline's turns that failed in this way, on the same tasks"),
)


class DebugScreen(Screen[None]):
    """A filter, the groups of failed turns, what the one under the cursor comes to, and its turns."""

    AUTO_FOCUS = ""
    """Not the filter, into which keys that come early would be typed."""
    BINDINGS = bindings("debug")
    app: "ArenaApp"

    def __init__(self, run: Path, filter_text: str = "", kinds: Sequence[str] = ()) -> None:
        super().__init__()
        self._examination = Examination(run)
        self._kinds = kinds
        self._chosen = Filter()
        self._found = Counted("", (), {})
        self._faults = Faults()
        self._listed: Group | None = None
        self._rows: Sequence[TurnRow] = ()
        self._title = TitleBar()
        self._filter_text = filter_text
        self._filter = Input(
            id="filter",
            compact=True,
            placeholder="all: / filters, such as fail:not_json base:success turn<5",
        )
        self._groups = ScreenRowList(id="groups", nothing="counting …")
        self._heading = RowHeading(self._groups, group_heading)
        self._said = Static(id="group-said")
        self._turns = ScreenRowList(id="failed-turns")

    def compose(self) -> ComposeResult:
        """Yield title, filter, both lists and the footer."""
        yield self._title
        yield self._filter
        with Container(id="failures-both"):
            with Vertical(id="grouped"):
                yield self._heading
                yield self._groups
            with Vertical(id="listed"):
                yield self._said
                yield self._turns
        yield ArenaFooter()

    def on_mount(self) -> None:
        """Count the failed turns."""
        self._title.left = Content.assemble(
            ("Debug  ", "bold"), literal_line(self._examination.path.name, 60)
        )
        self._filter.value = (
            self._filter_text
        )  # not before: the first screen of an app has no screen below it
        self._groups.focus()
        self.action_reload()

    def on_unmount(self) -> None:
        """Give back the record and the models."""
        self._examination.close()

    def on_resize(self, event: events.Resize) -> None:
        """Put the lists beside each other where both fit."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self.call_after_refresh(self._draw_legend)

    def available_keys(self) -> list[Key]:
        """Return the keys of this screen."""
        return list(keys("debug"))

    def help_blocks(self) -> list[Block]:
        """Return what the help page says of the signs and the filter."""
        return [("Signs", SIGNS), *filter_blocks()]

    def _draw_legend(self) -> None:
        """Say below the turns what their columns of signs are, in as many words as fit."""
        room = self._turns.outer_size.width - AROUND_LEGEND
        fitting = [legend for legend in LEGENDS if len(legend) <= room]
        self._turns.border_subtitle = Content(f" {(fitting or LEGENDS[-1:])[0]} ")

    # counting

    def action_reload(self) -> None:
        """Count again."""
        self.run_worker(self._count(), group="count", exclusive=True)

    async def _count(self) -> None:
        self._title.right = Content.styled("counting …", "$foreground-muted")
        try:
            baseline = await self._examination.ask(lambda run: run.baseline)
            chosen = parse(self._filter.value, baseline)
            found = await self._examination.ask(lambda run: count(run, chosen, self._kinds))
        except (ArenaError, KeyError, TypeError, ValueError) as problem:
            self.app.complain(problem)
            self._title.right = Content.styled("can't be counted", "$text-error")
            return
        self._groups.nothing = "no turn failed" if found.progress else "no episode is finished yet"
        self._chosen, self._found, self._faults, self._listed = chosen, found, Faults(), None
        failed = sum(group.count for group in found.groups)
        self._title.right = Content.styled(f"{failed:,} failed turns", "$foreground-muted")
        first = next((i for i, each in enumerate(found.groups) if each.contestant != found.baseline), 0)
        self._groups.show(len(found.groups), self._draw_group, first)
        self._show_group()
        self.run_worker(self._count_faults(), group="faults", exclusive=True)

    async def _count_faults(self) -> None:
        try:
            async for faults in count_faults(self._examination, self._chosen, self._kinds):
                self._faults = faults
                self._groups.refresh()
        except ArenaError as problem:
            self.app.complain(problem)
        self._draw_said()

    def _draw_group(self, row: int, width: int) -> Content:
        group = self._found.groups[row]
        return draw_group(group, self._found, self._whose(group), width)

    def _whose(self, group: Group) -> Counter[str]:
        return self._faults.of.get((group.contestant, group.benchmark, group.kind), Counter())

    # the turns of a group

    @property
    def _group(self) -> Group | None:
        return (
            self._found.groups[self._groups.cursor] if self._groups.cursor < len(self._found.groups) else None
        )

    @property
    def _row(self) -> TurnRow | None:
        return self._rows[self._turns.cursor] if self._turns.cursor < len(self._rows) else None

    def on_row_list_moved(self, message: RowList.Moved) -> None:
        """Read the turns of the group under the cursor."""
        if message.rows is self._groups:
            self._show_group()

    def _show_group(self) -> None:
        self._draw_said()
        group = self._group
        if group is not self._listed or group is None:
            # not a coroutine: one that is replaced before it begins would never be awaited
            self.run_worker(self._list, group="list", exclusive=True)  # type: ignore[arg-type]

    def _draw_said(self) -> None:
        group = self._group
        self._said.update("" if group is None else group_said(group, self._found, self._whose(group)))

    async def _list(self) -> None:
        group, chosen = self._group, self._chosen
        rows: Sequence[TurnRow] = ()
        self._listed, self._rows = None, rows  # what is listed is never another group's
        self._show_turns("reading …")
        if group is not None:
            await asyncio.sleep(SETTLE_S)
            try:
                rows = await self._examination.ask(lambda run: list_turns(run, chosen, group))
            except ArenaError as problem:
                self.app.complain(problem)
                return
        self._listed, self._rows = group, rows
        self._turns.border_title = Content(_turns_title(group, self._found.baseline, len(rows)))
        self._show_turns("only the baseline failed like this" if group else "")

    def _show_turns(self, nothing: str) -> None:
        self._turns.nothing = nothing
        self._turns.show(len(self._rows), lambda row, width: draw_turn(self._rows[row], width), 0)

    # what the keys do

    def on_row_list_chosen(self, message: RowList.Chosen) -> None:
        """Go from the group to its turns, and open a turn."""
        self.action_open()

    def action_open(self) -> None:
        """Go from the group to its turns, and open a turn."""
        if not self._turns.has_focus:
            self._turns.focus()
        elif self._row is not None:
            self._open()

    def action_diverge(self) -> None:
        """Open the turn under the cursor, token by token."""
        if self._row is not None:
            self._open(by_token=True)

    def _open(self, *, by_token: bool = False) -> None:
        places = [row.place for row in self._rows]
        self.app.push_screen(TurnScreen(self._examination, places, self._turns.cursor, by_token=by_token))

    def action_watch(self) -> None:
        """Show all contestants in the turn under the cursor."""
        if self._row is not None:
            place = self._row.place
            self.app.watch_run(self._examination.path, StartAt(place.key, place.turn))

    def action_edit_filter(self) -> None:
        """Type a filter."""
        self._filter.focus()

    def on_input_submitted(self) -> None:
        """Apply the filter."""
        try:
            parse(self._filter.value, self._found.baseline)
        except UsageError as problem:
            self.app.complain(problem)
            return
        self._groups.focus()
        self.action_reload()

    def action_next_pane(self) -> None:
        """Go from the groups to the turns, and back."""
        (self._turns if self._groups.has_focus else self._groups).focus()

    async def action_leave(self) -> None:
        """Go back to the groups, or from there to where one came from."""
        if self._groups.has_focus:
            await self.app.run_action("leave")
        else:
            self._groups.focus()


def _turns_title(group: Group | None, baseline: str, shown: int) -> str:
    if group is None:
        return " Turns "
    of = f"{shown} of {group.count:,}" if shown < group.count else f"{shown}"
    who = short_name(group.contestant, 30, baseline)
    return f" {words_of(group.kind)} · {who} · {of} turns, most telling first "
