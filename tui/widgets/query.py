"""Where filters and searches are typed, and a line that says which hold."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from arena.errors import ArenaError
from arena.filtering import key_help
from tui.finding import Purpose
from tui.literal import literal, literal_line

EXAMPLE = 'words "put down" fail:not_json contestant:awq base:success outcome:failure turn>5'


HINTS: dict[Purpose, str] = {
    "search": "Find turns: words, or the filter language",
    "filter": "Which tasks: those in which an episode passes, such as base:success outcome:failure",
}


class QueryBar(Vertical):
    """A line to type in, and one that explains or complains. Shown while something is typed.

    Says `Closed` when what was given is in use, or when the person thought better of it; who hears that
    moves the focus and calls `hide`.
    """

    class Closed(Message):
        """Nothing is typed any more; `used`: what was typed holds now."""

        def __init__(self, purpose: Purpose, *, used: bool) -> None:
            super().__init__()
            self.purpose, self.used = purpose, used

    def __init__(self, use: Callable[[Purpose, str], Awaitable[None]]) -> None:
        """`use` gets what was given; where it raises an `ArenaError`, that is said, and can be mended."""
        super().__init__()
        self.display = False
        self._use = use
        self._purpose: Purpose = "search"
        self._input = QueryInput()
        self._hint = Static(markup=False)

    def compose(self) -> ComposeResult:
        """Yield both lines."""
        yield self._input
        yield self._hint

    def open(self, purpose: Purpose, text: str) -> None:
        """Ask for a query; `text` is where it begins."""
        self._purpose = purpose
        self._input.value = text
        words = f"{HINTS[purpose]}. Keys: {' '.join(key_help())}; a leading - turns a term round"
        self._hint.update(Content.styled(words, "$foreground-muted"))
        self.display = True
        self.screen.set_focus(self._input)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Use what was given."""
        event.stop()
        self.run_worker(self._submit(event.value), group="query", exclusive=True)

    async def _submit(self, text: str) -> None:
        try:
            await self._use(self._purpose, text)
        except ArenaError as error:
            words = f"{error.message} ({error.next_step})" if error.next_step else error.message
            self._hint.update(Content.styled(literal(words), "$text-error"))
            return
        self._close(used=True)

    def on_query_input_escaped(self) -> None:
        """Drop it."""
        self._close(used=False)

    def hide(self) -> None:
        """Take no room any more; to be called when another widget has the focus."""
        self.display = False

    def _close(self, *, used: bool) -> None:
        self.post_message(self.Closed(self._purpose, used=used))


class QueryInput(Input):
    """A line of the filter language; the right arrow takes what is suggested."""

    BINDINGS = [Binding("escape", "escape", "Drop", show=False)]  # noqa: RUF012 - Textual's own form

    class Escaped(Message):
        """Escape was pressed."""

    def __init__(self) -> None:
        super().__init__(placeholder=EXAMPLE, suggester=KeySuggester(), compact=True)

    def action_escape(self) -> None:
        """Say so."""
        self.post_message(self.Escaped())


class KeySuggester(Suggester):
    """Suggests the filter language's keys, and the known values behind them."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Return the query with its last word completed; None where that is not known."""
        begin, _, word = value.rpartition(" ")
        lead = value[: len(begin) + 1] if begin or value.startswith(" ") else ""
        name = word.removeprefix("-")
        if not name:
            return None
        found = next((known for known in _known() if known.startswith(name) and known != name), None)
        return None if found is None else lead + word[: len(word) - len(name)] + found


def _known() -> list[str]:
    outcomes = ("success", "failure", "error", "running")
    values = [f"{key}:{outcome}" for key in ("outcome", "base") for outcome in outcomes]
    return [*(f"{key}:" for key in key_help()), *values, "fail:any", "fail:none", "valid:yes", "valid:no"]


@dataclass(frozen=True)
class QueryData:
    """Which filter and search hold, and what they leave and find; literal, empty where there is none."""

    filter: str = ""
    left: str = ""
    search: str = ""
    hit: str = ""


class QueryStatus(Widget):
    """One line; takes no room where neither a filter nor a search holds."""

    data: reactive[QueryData] = reactive(QueryData())

    def watch_data(self, data: QueryData) -> None:
        """Show or hide the line."""
        self.display = bool(data.filter or data.search)

    def render(self) -> Content:
        """Draw the line."""
        data = self.data
        parts: list[Content] = []
        if data.filter:
            parts.append(_part("tasks", data.filter, data.left))
        if data.search:
            parts.append(_part("search", data.search, data.hit))
        return Content("   ").join(parts)


def _part(label: str, query: str, outcome: str) -> Content:
    return Content.assemble(
        (f"{label} ", "$foreground-muted"), (query, "bold $text-accent"), (f" · {outcome}", "$text-warning")
    )


def shown(query: str) -> str:
    """Return a query as it is drawn."""
    return literal_line(query, 60)
