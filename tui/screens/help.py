"""What every key does, from the same table as the keys themselves."""

import itertools
from collections.abc import Iterable, Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widget import Widget

from tui.tables import Key
from tui.wrap import wrap

Block = tuple[str, Sequence[tuple[str, str]]]
"""A titled part of the page: what stands at the left, and what it means."""

_MATCH_SIGNS: Block = (
    "Signs",
    (
        ("✓ valid", "the action took effect"),
        ("✗ no effect", "the environment refused the action"),
        ("✗ failed", "the reply held no action that could be played: its kind says why"),
        ("≠ baseline", "the baseline acted differently in this turn"),
    ),
)

_MOUSE: Block = (
    "Mouse",
    (
        ("click", "choose what is clicked, or press a key at the bottom; a double click opens a row"),
        ("wheel", "scroll; drag marks text, ctrl+c copies it"),
    ),
)
_LEFT_WIDTH = 15


class HelpScreen(ModalScreen[None]):
    """Lists keys by group, and what else there is to know (the match screen's signs, where nothing is given).

    Any of the usual keys closes it.
    """

    BINDINGS = [("escape,q,question_mark,space,enter", "dismiss", "Close")]  # noqa: RUF012

    def __init__(self, keys: Iterable[Key], blocks: Sequence[Block] = (_MATCH_SIGNS,)) -> None:
        super().__init__()
        self._keys, self._more = list(keys), blocks

    def compose(self) -> ComposeResult:
        """Yield one page."""
        with VerticalScroll(id="help") as page:
            page.border_title = Content(" Keys ")
            page.border_subtitle = Content(" escape closes · ^p lists all commands ")
            yield HelpPage(self._keys, self._more)


class HelpPage(Widget):
    """Keys and signs in two columns, folded to the width."""

    def __init__(self, keys: Sequence[Key], more: Sequence[Block]) -> None:
        super().__init__()
        groups = itertools.groupby(keys, lambda key: key.group)
        self._blocks: list[Block] = [
            (group, [(key.shown_keys, key.help) for key in members]) for group, members in groups
        ]
        self._blocks += [*more, _MOUSE]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines the page has at this width."""
        return len(self._lines(width))

    def render(self) -> Content:
        """Draw the page."""
        return Content("\n").join(self._lines(self.content_size.width))

    def _lines(self, width: int) -> list[Content]:
        lines: list[Content] = []
        for title, rows in self._blocks:
            lines += [Content("")] if lines else []
            lines.append(Content.styled(title, "bold $text-primary"))
            for left, right in rows:
                first, *more = wrap(right, width - _LEFT_WIDTH)
                lines.append(Content.assemble((f"  {left:<{_LEFT_WIDTH - 2}}", "bold $text-accent"), first))
                lines += [Content(" " * _LEFT_WIDTH + line) for line in more]
        return lines
