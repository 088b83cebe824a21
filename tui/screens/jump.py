"""A letter on every pane; typing it goes there."""

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class JumpLabel(Widget):
    """A letter that stands on the pane that it leads to."""

    def __init__(self, letter: str) -> None:
        super().__init__()
        self._letter = letter

    def render(self) -> Content:
        """Draw the letter."""
        return Content.styled(f" {self._letter} ", "bold reverse")


class JumpScreen(ModalScreen[None]):
    """Lies over a screen; any key but the letters closes it and does nothing else."""

    def __init__(self, below: Screen[object]) -> None:
        super().__init__()
        panes = [pane for pane in below.focus_chain if pane.region]
        self._panes = dict(zip(LETTERS, panes, strict=False))

    def compose(self) -> ComposeResult:
        """Yield a label a pane."""
        for letter, pane in self._panes.items():
            label = JumpLabel(letter)
            label.styles.offset = pane.region.offset
            yield label

    def on_key(self, event: events.Key) -> None:
        """Go to the pane of the letter."""
        event.stop()
        event.prevent_default()
        pane = self._panes.get(event.key)
        self.dismiss()
        if pane is not None:
            pane.screen.set_focus(pane)

    def on_click(self, event: events.Click) -> None:
        """Go to the pane whose letter is clicked."""
        chosen = next((pane for pane in self._panes.values() if event.screen_offset in pane.region), None)
        self.dismiss()
        if chosen is not None:
            chosen.screen.set_focus(chosen)
