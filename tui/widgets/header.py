"""The top of the match screen: what is played, towards what goal, and how it goes on."""

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tui.wrap import wrap


@dataclass(frozen=True)
class HeaderData:
    """What the header says; all text is literal. `mode` is a word with its sign, `manner` the rest of it."""

    suite: str
    task: str
    match: int
    matches: int
    goal: str
    mode: str
    running: bool
    manner: str
    elsewhere: str = ""


class MatchHeader(Widget):
    """One line for the match and the mode, and one or more for the goal."""

    data: reactive[HeaderData | None] = reactive(None)
    goal_lines: reactive[int] = reactive(1, layout=True)
    """How many lines the goal may take."""

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """Return one line, and as many as the goal needs and may take."""
        goal = self.data.goal if self.data else ""
        return 1 + min(len(wrap(goal, max(width - 6, 2))), self.goal_lines)

    def watch_data(self, before: HeaderData | None, data: HeaderData | None) -> None:
        """Make room for another goal."""
        if data and (before is None or before.goal != data.goal):
            self.refresh(layout=True)

    def render(self) -> Content:
        """Draw the header."""
        data, width = self.data, self.content_size.width
        if data is None:
            return Content("")
        left = Content.assemble(
            (data.task, "bold"),
            (f"  match {data.match}/{data.matches}", "$foreground-muted"),
            (f"  {data.suite}", "$foreground-muted"),
        )
        right = Content.assemble(
            (f"{data.elsewhere}  " if data.elsewhere else "", "bold $text-warning"),
            (data.mode, "bold $text-success" if data.running else "bold $text-warning"),
            (f" {data.manner}" if data.manner else "", "$foreground-muted"),
        )
        room = max(0, width - right.cell_length - 2)
        first = left.truncate(room, ellipsis=True, pad=True) + "  " + right
        lines = wrap(data.goal, max(width - 6, 2))
        shown = lines[: self.goal_lines]
        if len(lines) > len(shown):
            shown[-1] = Content(f"{shown[-1]} …").truncate(max(width - 6, 2), ellipsis=True).plain
        goal = Content("\n      ").join(shown)
        return Content("\n").join([first, Content.assemble(("goal  ", "$foreground-muted"), goal)])
