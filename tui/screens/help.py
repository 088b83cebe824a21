"""What every key does, from the same table as the keys themselves."""

import itertools
from collections.abc import Iterable, Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widget import Widget

from tui.tables import Key, failure_words
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
        (
            "any time",
            "the mean difference in points, with a 95 % interval that holds however often one looks while the"
            " series goes on; none is shown once the tasks turn out to be in no random order; a report's is"
            " of the end, and narrower",
        ),
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


def filter_blocks() -> list[Block]:
    """Return what the help page says where there is a filter: its terms, and the kinds of failure."""
    from arena.filtering import key_help  # takes its time to import: the home screen comes first

    kinds = [(kind.value, words) for kind, words in failure_words().items()]
    kinds += [("any", "one of these")]
    kinds += [("none", "none of these (fail:none valid:no: an action without effect)")]
    return [
        ("Filter: terms that must all hold, - turns one round", list(key_help().items())),
        ("Kinds of failure, as fail: takes them", kinds),
    ]


class HelpScreen(ModalScreen[None]):
    """Lists keys by group, and what else there is to know: of a match, where nothing is given.

    Any of the usual keys closes it.
    """

    BINDINGS = [("escape,q,question_mark,space,enter", "dismiss", "Close")]  # noqa: RUF012

    def __init__(self, keys: Iterable[Key], blocks: Sequence[Block] | None = None) -> None:
        super().__init__()
        self._keys = list(keys)
        self._more = [_MATCH_SIGNS, *filter_blocks()] if blocks is None else blocks

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
            left_width = max(_LEFT_WIDTH, *(len(left) + 4 for left, _ in rows))
            for left, right in rows:
                first, *more = wrap(right, width - left_width)
                lines.append(Content.assemble((f"  {left:<{left_width - 2}}", "bold $text-accent"), first))
                lines += [Content(" " * left_width + line) for line in more]
        return lines
