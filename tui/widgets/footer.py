"""The bottom line: the keys of the screen, and how much of the log is unread."""

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Footer

WIDE = 130


class UnreadCount(Widget):
    """Says how many lines of the log are unread; a click shows them. Takes no room where there are none."""

    count: reactive[int] = reactive(0, layout=True)

    def render(self) -> Content:
        """Draw the count."""
        return Content.styled(f" ^l log +{self.count} " if self.count else "", "bold $text-warning")

    async def on_click(self) -> None:
        """Show the log."""
        await self.app.run_action("app.show_log")


class ArenaFooter(Footer):
    """Textual's footer, with the count of unread lines of the log at its right end."""

    def __init__(self) -> None:
        super().__init__(compact=True)
        self._unread = 0

    def on_mount(self) -> None:
        """Keep up with the log."""
        self.watch(self.app, "unread", self._count)

    def on_resize(self, event: events.Resize) -> None:
        """Leave the room to the screen's own keys where there is little; ^p works all the same."""
        self.show_command_palette = event.size.width >= WIDE

    def compose(self) -> ComposeResult:
        """Yield the keys, then the count."""
        yield from super().compose()
        count = UnreadCount()
        count.set_reactive(UnreadCount.count, self._unread)
        yield count

    def _count(self, unread: int) -> None:
        self._unread = unread
        for count in self.query(UnreadCount):
            count.count = unread
