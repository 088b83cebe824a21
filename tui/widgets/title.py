"""The top line of a screen: what it shows, and how that stands."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget


class TitleBar(Widget):
    """One line, from its left end and its right end; both are literal."""

    left: reactive[Content] = reactive(Content(""))
    right: reactive[Content] = reactive(Content(""))

    def render(self) -> Content:
        """Draw the line; the right end stays whole where both don't fit."""
        width = self.content_size.width
        room = max(0, width - self.right.cell_length - 2)
        return self.left.truncate(room, ellipsis=True, pad=True) + "  " + self.right
