"""A line to type a contestant or a task in; what is wrong with it is said under it, and it stays open."""

from typing import Literal

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.literal import literal_line

Asked = Literal["contestant", "task"]

_PLACEHOLDERS: dict[Asked, str] = {
    "contestant": "folder · MODEL+RECIPE · openai:URL#MODEL · NAME=SPEC,option=value",
    "task": "pddl/gripper/0 · benchmark/subset · a suite's name or file",
}


class TypeBar(Vertical):
    """Says `Typed` on enter, and waits to be told `refuse` or `close`. Takes no room while it is closed."""

    class Typed(Message):
        """A contestant or a task was typed."""

        def __init__(self, asked: Asked, text: str) -> None:
            super().__init__()
            self.asked, self.text = asked, text

    class GivenUp(Message):
        """Enter was pressed on nothing."""

    def __init__(self) -> None:
        super().__init__(id="typing")
        self.asked: Asked = "contestant"
        self._input = Input(id="typed")
        self._wrong = Static(id="wrong", markup=False)

    def compose(self) -> ComposeResult:
        """Yield the line, and what is wrong with it."""
        yield self._input
        yield self._wrong

    def on_mount(self) -> None:
        """Be closed."""
        self.display = False

    @property
    def text(self) -> str:
        """What is typed by now."""
        return self._input.value.strip()

    def open(self, asked: Asked) -> None:
        """Ask for a contestant or a task."""
        self.asked = asked
        self._input.border_title = f" Add a {asked}: enter adds, esc closes "
        self._input.placeholder = _PLACEHOLDERS[asked]
        self._input.value = ""
        self._wrong.update("")
        self.display = True
        self._input.focus()

    def refuse(self, message: str, next_step: str) -> None:
        """Say what is wrong with what was typed."""
        words = f"{message} ({next_step})" if next_step else message
        self._wrong.update(Content.styled(f"✗ {literal_line(words, 400)}", "$text-error"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand on what was typed."""
        event.stop()
        self._wrong.update("")
        self.post_message(self.Typed(self.asked, self.text) if self.text else self.GivenUp())
