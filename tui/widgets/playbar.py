"""The line that says what would be played, and plays it."""

from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class PlayBar(Widget, can_focus=True):
    """What would be played; enter plays it."""

    BINDINGS = [Binding("enter,space", "screen.play", "Play", show=False)]  # noqa: RUF012

    said: reactive[Content] = reactive(Content(""))
    problem: reactive[str] = reactive("")

    class Pressed(Message):
        """The bar was clicked."""

    def render(self) -> Content:
        """Draw one line."""
        width = self.content_size.width
        if self.problem:
            line = Content.assemble(
                ("✗ ", "$text-warning"), self.said, (f": {self.problem}", "$text-warning")
            )
        else:
            sign = ("▶ Play ", "bold $text-success")
            line = Content.assemble(
                sign, self.said, ("   enter plays" if self.has_focus else "", "$text-accent")
            )
        return line.truncate(width, ellipsis=True)

    def on_click(self) -> None:
        """Play."""
        self.post_message(self.Pressed())
