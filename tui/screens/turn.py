"""One turn opened: what failed and why, beside the baseline's same turn, and what came after."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from arena.debugging.document import whose
from arena.debugging.opened import OpenedTurn, Run, request_of
from arena.debugging.trial import try_repair
from arena.errors import ArenaError
from tui.debugging import parts
from tui.debugging.examination import Examination, Place
from tui.debugging.failures import places_of
from tui.debugging.parts import Judged
from tui.literal import literal_line
from tui.screens.again import AgainScreen
from tui.screens.divergence import DivergenceScreen
from tui.screens.help import Block
from tui.tables import Key, bindings, keys
from tui.viewer import StartAt
from tui.widgets.footer import ArenaFooter
from tui.widgets.title import TitleBar

if TYPE_CHECKING:
    from tui.app import ArenaApp

WIDE = 110
SHORT = 30
"""Below this height, no line is left blank."""


class TurnScreen(Screen[None]):
    """A turn of a list of turns; in two columns where there is room, else one below the other."""

    BINDINGS = bindings("turn")
    app: "ArenaApp"

    def __init__(
        self,
        examination: Examination,
        places: Sequence[Place],
        at: int = 0,
        *,
        by_token: bool = False,
        owns: bool = False,
    ) -> None:
        """Open a turn of `places`; `by_token`: its tokens, too. `owns`: the examination ends with it."""
        super().__init__()
        self._examination, self._places, self._at = examination, places, at
        self._by_token, self._owns = by_token, owns
        self._opened: OpenedTurn | None = None
        self._known: Judged | None = None
        self._baseline = ""
        self._is_dense = False
        self._title = TitleBar()
        self._left, self._right = Static(id="turn-own"), Static(id="turn-beside")

    def compose(self) -> ComposeResult:
        """Yield title, both columns and the footer."""
        yield self._title
        with Horizontal(id="turn-columns"):
            with VerticalScroll(id="turn-left"):
                yield self._left
            with VerticalScroll(id="turn-right"):
                yield self._right
        yield ArenaFooter()

    def on_mount(self) -> None:
        """Open the turn."""
        self.query_one("#turn-left").focus()
        self._read()
        if self._by_token:
            self.action_diverge()

    def on_unmount(self) -> None:
        """Give back what is this screen's own."""
        if self._owns:
            self._examination.close()

    def on_resize(self, event: events.Resize) -> None:
        """Choose between columns and one below the other."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self._is_dense = event.size.height < SHORT
        self._draw()

    def available_keys(self) -> list[Key]:
        """Return the keys of this screen."""
        return list(keys("turn"))

    def help_blocks(self) -> list[Block]:
        """Return what the help page says of the parts."""
        return [
            (
                "Parts",
                (
                    ("verdict", "the questions that the parser asks of a reply, up to the first no"),
                    (
                        "repair",
                        "what a repair makes of the reply, played in the state of this turn: was it right?",
                    ),
                    (
                        "whose fault",
                        "the model's, its parser's, its template's or its engine's; docs/debugging.md",
                    ),
                ),
            )
        ]

    # reading

    @property
    def _place(self) -> Place:
        return self._places[self._at]

    def _read(self) -> None:
        self.run_worker(self._open(self._place), group="turn", exclusive=True)

    async def _open(self, place: Place) -> None:
        self._title.right = Content.styled("reading …", "$foreground-muted")
        try:
            self._baseline = await self._examination.ask(lambda run: run.baseline)
            opened = await self._examination.open(place)
            self._opened, self._known = opened, None
            self._draw()
            if self._owns and len(self._places) == 1:
                await self._find_others(place)
            self._known = await self._examination.ask(lambda run: _judge(run, opened))
        except (ArenaError, KeyError, TypeError, ValueError) as problem:
            self.app.complain(problem)
            self._title.right = Content.styled("can't be read", "$text-error")
            return
        self._draw()

    async def _find_others(self, place: Place) -> None:
        """Let the next and previous keys go through the contestant's failed turns."""
        others = await self._examination.ask(lambda run: places_of(run, place.key.contestant))
        self._places = others if place in others else [place, *others]
        self._at = self._places.index(place)

    # drawing

    def _draw(self) -> None:
        opened, known = self._opened, self._known
        if opened is None:
            return
        self._title.left = parts.title(opened)
        where = f"{self._at + 1} of {len(self._places)}" if len(self._places) > 1 else ""
        self._title.right = Content.styled(where, "$foreground-muted")
        own = (
            parts.reply_part(opened.turn),
            parts.verdict_part(opened.steps),
            parts.repair_part(opened.turn, known),
            parts.fault_part(known),
        )
        beside = (
            parts.baseline_part(opened, self._baseline),
            parts.after_part(opened, self._left.content_size.width),
            parts.seen_part(opened),
        )
        is_wide = self.has_class("-wide")
        left, right = (own, beside) if is_wide else ((*own, *beside), ())
        self._left.update(parts.page(*left, is_dense=self._is_dense))
        self._right.update(parts.page(*right, is_dense=self._is_dense))

    # what the keys do

    def action_move(self, by: int) -> None:
        """Open the next turn of the list, or the one before."""
        if not 0 <= self._at + by < len(self._places):
            self.notify(f"there is no failed turn {'after' if by > 0 else 'before'} this one", timeout=3)
            return
        self._at += by
        for column in self.query(VerticalScroll):
            column.scroll_home(animate=False)
        self._read()

    def action_diverge(self) -> None:
        """Show the turn token by token."""
        self.app.push_screen(DivergenceScreen(self._examination, self._place))

    def action_again(self) -> None:
        """Ask for the reply again."""
        self.app.push_screen(AgainScreen(self._examination, self._place))

    def action_request(self) -> None:
        """Show the request as it was sent."""
        if self._opened is not None:
            self.app.push_screen(RequestScreen(self._examination, self._place))

    def action_watch(self) -> None:
        """Show all contestants in this turn."""
        self.app.watch_run(self._examination.path, StartAt(self._place.key, self._place.turn))

    def action_next_pane(self) -> None:
        """Go to the other column."""
        at_left = self.query_one("#turn-left").has_focus
        self.query_one("#turn-right" if at_left and self.has_class("-wide") else "#turn-left").focus()

    async def action_leave(self) -> None:
        """Go back."""
        await self.app.run_action("leave")


class RequestScreen(ModalScreen[None]):
    """The request of a turn, message by message. Any of the usual keys closes it."""

    BINDINGS = [("escape,q,s,space,enter", "dismiss", "Close")]  # noqa: RUF012
    app: "ArenaApp"

    def __init__(self, examination: Examination, place: Place, *, owns: bool = False) -> None:
        """Show the request of the turn at `place`. `owns`: the examination ends with the screen."""
        super().__init__()
        self._examination, self._place, self._owns = examination, place, owns
        self._text = Static("building the request again …")

    def compose(self) -> ComposeResult:
        """Yield the text."""
        with VerticalScroll(id="request") as scroll:
            scroll.border_title = Content(f" Request of {literal_line(_words(self._place), 80)} ")
            scroll.border_subtitle = Content(" up and down scroll · escape closes ")
            yield self._text

    def on_mount(self) -> None:
        """Build the request."""
        self.query_one("#request").focus()
        self.run_worker(self._build())

    def on_unmount(self) -> None:
        """Give back what is this screen's own."""
        if self._owns:
            self._examination.close()

    async def _build(self) -> None:
        try:
            opened = await self._examination.open(self._place)
            rebuilt = await self._examination.ask(lambda run: request_of(run, opened))
        except (ArenaError, KeyError, TypeError, ValueError) as problem:
            self.app.complain(problem)
            self.dismiss()
            return
        self._text.update(parts.request_page(rebuilt))


def _judge(run: Run, opened: OpenedTurn) -> Judged:
    return Judged(whose(run, opened), try_repair(run, opened))


def _words(place: Place) -> str:
    return f"{place.key.contestant} on {place.key.task}, turn {place.turn + 1}"
