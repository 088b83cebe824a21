"""A recorded turn asked again: as it was, with another prompt, constrained, or of another contestant."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static, TextArea

from arena.debugging.opened import OpenedTurn, Run, request_of
from arena.debugging.rerun import Again
from arena.errors import ArenaError
from tui.debugging import parts
from tui.debugging.examination import Examination, Manner, Place
from tui.debugging.parts import Judged
from tui.literal import literal, literal_line
from tui.screens.help import Block
from tui.tables import Key, bindings, keys
from tui.widgets.footer import ArenaFooter
from tui.widgets.rows import ScreenRowList
from tui.widgets.title import TitleBar

if TYPE_CHECKING:
    from tui.app import ArenaApp


@dataclass(frozen=True)
class Way:
    """A way of asking again; `is_edited`: the last message is edited first."""

    words: str
    manner: Manner
    is_edited: bool = False


class AgainScreen(Screen[None]):
    """The ways of asking, the prompt where it is edited, and the answers, the newest first."""

    BINDINGS = bindings("again")
    app: "ArenaApp"

    def __init__(self, examination: Examination, place: Place) -> None:
        super().__init__()
        self._examination, self._place = examination, place
        self._ways: list[Way] = []
        self._answers: list[Content] = []
        self._is_asking = False
        self._title = TitleBar()
        self._rows = ScreenRowList(id="ways")
        self._prompt = TextArea(id="prompt", tab_behavior="focus")
        self._said = Static(id="answers")

    def compose(self) -> ComposeResult:
        """Yield title, ways, prompt, answers and the footer."""
        self._rows.border_title = Content(" Ask again: the recorded run stays as it is ")
        self._prompt.border_title = Content(" Last message of the prompt · ^s asks, escape drops it ")
        self._prompt.display = False
        yield self._title
        yield self._rows
        yield self._prompt
        with VerticalScroll(id="answers-scroll"):
            yield self._said
        yield ArenaFooter()

    def on_mount(self) -> None:
        """Find out whom could be asked."""
        key = self._place.key
        self._title.left = Content.assemble(
            ("Ask again  ", "bold"),
            f"{literal_line(key.task, 40)}#{self._place.turn + 1}  {literal_line(key.contestant, 40)}",
        )
        self._rows.focus()
        self.run_worker(self._prepare(), group="prepare")

    def available_keys(self) -> list[Key]:
        """Return the keys of this screen."""
        return list(keys("again"))

    def help_blocks(self) -> list[Block]:
        """Return what the help page says of the answers."""
        return [
            (
                "Answers",
                (("verdict", "as of the recorded reply; an action is played in the state of this turn"),),
            )
        ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Send only where a prompt is edited; enter makes a new line there."""
        if action == "ask":
            return not self._prompt.has_focus
        return action != "send" or self._prompt.display

    async def _prepare(self) -> None:
        try:
            opened = await self._examination.open(self._place)
            names, message = await self._examination.ask(lambda run: _whom(run, opened))
        except ArenaError as problem:
            self.app.complain(problem)
            return
        own = self._place.key.contestant
        self._ways = [
            Way(f"as it was, of {literal_line(own, 40)}", Manner()),
            Way("with an edited prompt", Manner(), is_edited=True),
            Way("constrained: only a call of the offered tools can come", Manner(constrained=True)),
            *(Way(f"of {literal_line(name, 40)}", Manner(name)) for name in names if name != own),
        ]
        self._prompt.text = message
        self._rows.show(len(self._ways), lambda row, width: Content(f" {self._ways[row].words}"), 0)
        self._rows.styles.height = min(len(self._ways), 6) + 2

    # asking

    def on_row_list_chosen(self) -> None:
        """Ask, or show the prompt first."""
        self.action_ask()

    def action_ask(self) -> None:
        """Ask as the row under the cursor says, or show the prompt first."""
        if self._rows.cursor >= len(self._ways):
            return
        way = self._ways[self._rows.cursor]
        if way.is_edited:
            self._prompt.display = True
            self._prompt.focus()
            self.refresh_bindings()
        else:
            self._begin(way)

    def action_send(self) -> None:
        """Ask with the prompt as it is edited."""
        if self._prompt.display:
            self._begin(Way("with an edited prompt", Manner(last_message=self._prompt.text)))

    def _begin(self, way: Way) -> None:
        if self._is_asking:
            self.notify("one after the other: an answer is still awaited", timeout=4)
            return
        self.run_worker(self._ask(way), group="ask")

    async def _ask(self, way: Way) -> None:
        self._is_asking = True
        self._title.right = Content.styled("asking …", "$text-accent")
        try:
            answer = await self._examination.ask_again(self._place, way.manner)
            said = _answer_said(way, answer)
        except Exception as problem:  # noqa: BLE001 - models and servers are foreign: what they raise is said
            said = _problem_said(way, problem)
        self._is_asking = False
        self._title.right = Content("")
        self._answers.insert(0, said)
        self._said.update(parts.page(*self._answers))
        self.query_one("#answers-scroll").scroll_home(animate=False)

    # moving

    def action_next_pane(self) -> None:
        """Go to the next pane."""
        self.focus_next()

    async def action_leave(self) -> None:
        """Go back; from the prompt to the ways of asking."""
        if self._prompt.has_focus:
            self._prompt.display = False
            self._rows.focus()
            self.refresh_bindings()
        else:
            await self.app.run_action("leave")


def _answer_said(way: Way, answer: Again) -> Content:
    opened: OpenedTurn = answer.opened
    same = "the recorded reply, word for word" if answer.same else "another reply"
    blocks = [
        Content.assemble((f"{way.words}: ", "bold $text-accent"), (same, "bold")),
        parts.reply_part(opened.turn),
        parts.verdict_part(opened.steps),
    ]
    if answer.trial is not None:
        blocks.append(parts.tried(answer.trial))
    blocks.append(parts.fault_part(Judged(answer.fault, None)))
    return Content("\n").join(block for block in blocks if block)


def _problem_said(way: Way, problem: Exception) -> Content:
    words, step = str(problem) or type(problem).__name__, getattr(problem, "next_step", "")
    return Content.assemble(
        (f"{way.words}: ", "bold $text-accent"),
        ("can't be asked\n", "bold $text-error"),
        literal(words[:2_000]),
        f"\nNext: {literal(step[:600])}" if step else "",
    )


def _whom(run: Run, opened: OpenedTurn) -> tuple[list[str], str]:
    """Return who could be asked, and the last message of the prompt."""
    request = request_of(run, opened).request
    return list(run.contestants), request.messages[-1].content if request else ""
