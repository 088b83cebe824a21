"""A turn token by token beside the baseline: where they part, and which token is to blame."""

import time
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from arena.divergence import TurnDivergence
from tui.debugging import tokens
from tui.debugging.examination import Examination, Place
from tui.literal import literal, literal_line
from tui.screens.help import Block
from tui.tables import Key, bindings, keys
from tui.widgets.footer import ArenaFooter
from tui.widgets.rows import RowHeading, RowList
from tui.widgets.title import TitleBar

if TYPE_CHECKING:
    from tui.app import ArenaApp

WIDE = 130
SHORT = 30
"""Below this height, lines are saved."""
CLOCK_S = 0.25


class DivergenceScreen(Screen[None]):
    """What is to blame, the reply, its tokens, and the best tokens of both models at one of them."""

    BINDINGS = bindings("divergence")
    app: "ArenaApp"

    def __init__(self, examination: Examination, place: Place) -> None:
        super().__init__()
        self._examination, self._place = examination, place
        self._found: TurnDivergence | None = None
        self._doing, self._began = "waiting for the models", time.monotonic()
        self._title = TitleBar()
        self._blame = Static()
        self._reply = Static(id="reply-at")
        self._tokens = RowList(id="tokens")
        self._heading = RowHeading(self._tokens, tokens.token_heading)
        self._best = Static(id="best")

    def compose(self) -> ComposeResult:
        """Yield title, what is to blame, the reply, the tokens, the best ones and the footer."""
        self._tokens.border_subtitle = Content(f" {tokens.legend()} ")
        yield self._title
        with VerticalScroll(id="blame"):
            yield self._blame
        yield self._reply
        with Container(id="by-token"):
            with Vertical(id="token-list"):
                yield self._heading
                yield self._tokens
            yield self._best
        yield ArenaFooter()

    def on_mount(self) -> None:
        """Read the turn with both models."""
        key = self._place.key
        self._title.left = Content.assemble(
            ("Token by token  ", "bold"),
            f"{literal_line(key.task, 40)}#{self._place.turn + 1}  {literal_line(key.contestant, 40)}",
        )
        self._tokens.focus()
        self._clock = self.set_interval(CLOCK_S, self._tick)
        self._tick()
        self.run_worker(self._diverge(), group="diverge", exclusive=True)

    def on_resize(self, event: events.Resize) -> None:
        """Put the best tokens at the right where there is room."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self.set_class(event.size.height < SHORT, "-short")

    def available_keys(self) -> list[Key]:
        """Return the keys of this screen."""
        return list(keys("divergence"))

    def help_blocks(self) -> list[Block]:
        """Return what the help page says of signs and columns."""
        return [
            (
                "Signs",
                (
                    (">", "with the baseline's token here, another action would have come out: the cause"),
                    ("*", "compression: the compressed model prefers this token, by more than noise"),
                    (
                        "~",
                        "numerics: no larger than the baseline's difference to itself in another batch",
                    ),
                    ("?", "sampling: the compressed model prefers another token too"),
                    (
                        "!",
                        "respelt: read again, the text gives another token than was written; no verdict",
                    ),
                    ("%", "the probability of each model's own choice at this place"),
                    ("ranks", "of the written token, in the baseline and in the compressed model"),
                    ("KL", "how far the two models are apart here, in nats"),
                ),
            )
        ]

    # reading

    def _tick(self) -> None:
        passed = time.monotonic() - self._began
        self._title.right = Content.styled(f"{passed:.0f} s", "$foreground-muted")
        self._blame.update(Content.styled(f"{self._doing} …", "$text-accent"))

    def _say(self, words: str) -> None:
        self._doing = words

    async def _diverge(self) -> None:
        try:
            found = await self._examination.diverge(self._place, self._say)
        except Exception as problem:  # noqa: BLE001 - models and their files are foreign: what they raise is said
            self._clock.stop()
            self._title.right = Content.styled("can't be compared", "$text-error")
            self._blame.update(_problem_said(problem))
            return
        self._clock.stop()
        self._found = found
        self._title.right = Content.styled(
            f"{len(found.tokens)} tokens, {sum(token.differs for token in found.tokens)} differ",
            "$foreground-muted",
        )
        self._blame.update(tokens.blame(found))
        self._tokens.show(
            len(found.tokens),
            lambda place, width: tokens.draw_token(found, place, width),
            tokens.start_of(found),
        )
        self.call_after_refresh(self._tokens.watch_cursor)
        self._draw_best()

    # drawing

    def on_row_list_moved(self) -> None:
        """Show the best tokens at the one under the cursor."""
        self._draw_best()

    def _draw_best(self) -> None:
        found = self._found
        if found is not None and found.tokens:
            token = found.tokens[self._tokens.cursor]
            self._best.update(tokens.best_tokens(token))
            self._reply.update(tokens.reply_at(found, token))

    # what the keys do

    def action_move(self, by: int) -> None:
        """Go to the next token that the baseline would not have written, or back to one."""
        if self._found is None:
            return
        place = tokens.next_differing(self._found, self._tokens.cursor, by)
        if place is None:
            self.notify(f"no token differs {'after' if by > 0 else 'before'} this one", timeout=3)
        else:
            self._tokens.cursor = place

    def action_marked(self) -> None:
        """Go to the token that is to blame."""
        if self._found is not None:
            self._tokens.cursor = tokens.start_of(self._found)

    def action_next_pane(self) -> None:
        """Go from the tokens to what is said above them, and back."""
        (self.query_one("#blame") if self._tokens.has_focus else self._tokens).focus()

    async def action_leave(self) -> None:
        """Go back."""
        await self.app.run_action("leave")


def _problem_said(problem: Exception) -> Content:
    words, step = str(problem) or type(problem).__name__, getattr(problem, "next_step", "")
    return Content.assemble(
        ("This turn can't be read token by token.\n", "bold $text-error"),
        literal(words[:2_000]),
        f"\nNext: {literal(step[:600])}" if step else "",
    )
