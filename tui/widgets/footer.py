"""The bottom line: the keys of the screen as far as they fit whole, and how much of the log is unread."""

from collections.abc import Iterator

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Footer, Input, TextArea
from textual.widgets._footer import FooterKey, FooterLabel, KeyGroup

WIDE = 130
ALWAYS = ("help", "leave", "close")
"""The actions whose keys are shown whatever else has no room: one lists the others, one is the way out."""


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
    """Textual's footer, with the count of unread lines of the log at its right end; no key is cut."""

    def __init__(self) -> None:
        super().__init__(compact=True)
        self._unread = 0

    def on_mount(self) -> None:
        """Keep up with the log."""
        self.watch(self.app, "unread", self._count)

    def on_resize(self, event: events.Resize) -> None:
        """Leave the room to the screen's own keys where there is little; ^p works all the same."""
        self.show_command_palette = event.size.width >= WIDE
        self._fit()

    def compose(self) -> ComposeResult:
        """Yield the keys, then the count."""
        yield from super().compose()
        count = UnreadCount()
        count.set_reactive(UnreadCount.count, self._unread)
        yield count

    async def recompose(self) -> None:
        """Show other keys."""
        await super().recompose()
        self._fit()

    def _count(self, unread: int) -> None:
        self._unread = unread
        for count in self.query(UnreadCount):
            count.count = unread
        self._fit()

    def _fit(self) -> None:
        """Hide the keys that don't fit whole, the last ones first."""
        units = list(self._units())
        if not units:  # of a screen that is closing
            return
        if isinstance(self.screen.focused, Input | TextArea):
            for widget in (typed for unit in units if _is_typed(unit) for typed in unit):
                widget.display = False
            units = [unit for unit in units if not _is_typed(unit)]
        always = [unit for unit in units if _is_any(unit[0], ALWAYS)]
        room = self.size.width - sum(map(_width, self._docked())) - sum(map(_unit_width, always))
        for unit in units:
            width = _unit_width(unit)
            fits = unit in always or width <= room
            room -= width if fits and unit not in always else 0
            for widget in unit:
                widget.display = fits

    def _units(self) -> Iterator[tuple[Widget, ...]]:
        """Yield what stands or falls together: a key, or a group of keys and its label."""
        group: tuple[Widget, ...] = ()
        for widget in self.children:
            if isinstance(widget, KeyGroup):
                group = (widget,)
            elif isinstance(widget, FooterLabel):
                yield (*group, widget)
            elif isinstance(widget, FooterKey) and not widget.has_class("-command-palette"):
                yield (widget,)

    def _docked(self) -> Iterator[Widget]:
        for widget in self.children:
            if isinstance(widget, UnreadCount) or widget.has_class("-command-palette"):
                yield widget


def _is_typed(unit: tuple[Widget, ...]) -> bool:
    """Tell whether keys are characters, which a field takes as text."""
    first = unit[0]
    keys = list(first.query(FooterKey)) if isinstance(first, KeyGroup) else [first]
    return all(isinstance(key, FooterKey) and len(key.key_display) == 1 for key in keys)


def _is_any(widget: Widget, actions: tuple[str, ...]) -> bool:
    return isinstance(widget, FooterKey) and widget.action.rpartition(".")[2] in actions


def _unit_width(unit: tuple[Widget, ...]) -> int:
    return sum(map(_width, unit))


def _width(widget: Widget) -> int:
    """Return the cells that a part takes with what is around it; `size` is known only when it is laid out."""
    match widget:
        case KeyGroup():
            return 2 + sum(Content(key.key_display).cell_length for key in widget.query(FooterKey))
        case FooterKey():
            return Content(f"{widget.key_display} {widget.description}").cell_length + 1
        case FooterLabel():
            return Content(str(widget.content)).cell_length + 1
        case UnreadCount():
            return widget.render().cell_length
    raise TypeError(f"{widget!r} is no part of a footer")
