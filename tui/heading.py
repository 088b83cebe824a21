"""What the top of the match screen says, and which query holds: plain data, from the viewer's state."""

import math

from tui.finding import Finder
from tui.literal import literal, literal_line
from tui.viewer import Viewer
from tui.widgets.header import HeaderData
from tui.widgets.query import QueryData, shown
from tui.widgets.timeline import TimelineData, TimelineRow


def header_data(viewer: Viewer) -> HeaderData:
    """Return what the header says."""
    match, card = viewer.series.match, viewer.source.card
    repeat = f" #{match.repeat + 1}" if match.repeat else ""
    mode, is_running = _mode_words(viewer)
    return HeaderData(
        suite=literal_line(card.suite, 40),
        task=literal_line(match.task, 80) + repeat,
        match=viewer.series.place + 1,
        matches=len(card.matches),
        goal=_goal(viewer),
        mode=mode,
        running=is_running,
        manner=_manner(viewer),
        elsewhere="" if viewer.elsewhere is None else f"match {viewer.elsewhere + 1} is on: press f",
    )


def _goal(viewer: Viewer) -> str:
    stage = viewer.series.stage.values()
    goals = [staged.goal for staged in stage if staged.goal]
    if goals:
        return literal(" ".join(goals[0][:2000].split()))
    return "told in the observation" if any(staged.begun for staged in stage) else "…"


def query_data(viewer: Viewer) -> QueryData:
    """Return which filter and search hold."""
    finder, matches = viewer.finder, len(viewer.source.card.matches)
    left = f"{len(finder.left):,} of {matches:,} matches"
    return QueryData(
        shown(finder.filter.text), left, shown(finder.search.text), _hit(finder, finder.number(viewer.here))
    )


def timeline_data(viewer: Viewer, rows: int) -> TimelineData:
    """Return the timeline: of all contestants where there are `rows` for them, else of the chosen one."""
    names = viewer.source.card.names
    shown_names = names if rows >= len(names) else [viewer.chosen_name]
    stage = viewer.series.stage
    is_over = all(viewer.series.is_over(viewer.series.place, name) for name in names)
    most = max(len(staged.turns) for staged in stage.values())
    limit = max(staged.max_steps for staged in stage.values())
    return TimelineData(
        tuple(
            TimelineRow(
                literal_line(name),
                tuple(stage[name].marks),
                viewer.playhead.frame(name, viewer.frames),
                name == viewer.chosen_name,
            )
            for name in shown_names
        ),
        most if is_over else max(most, limit),
        literal_line(names[0]),
    )


def waits_for(viewer: Viewer) -> str:
    """Return why a turn that could begin does not."""
    if viewer.steers:
        assert viewer.source.pacer
        if not viewer.source.pacer.playing:
            return "paused"
        return "getting ready" if viewer.series.match_begun is None else "waiting"
    return "waiting" if viewer.source.live else "stopped here"


def _mode_words(viewer: Viewer) -> tuple[str, bool]:
    if viewer.steers:
        assert viewer.source.pacer
        return ("▶ playing", True) if viewer.source.pacer.playing else ("‖ paused", False)
    if viewer.replaying:
        return "▶ replay", True
    if viewer.follows:
        return "● live", True
    if viewer.source.pacer and viewer.playhead.following:
        return "■ finished", False
    return "‖ paused", False


def _manner(viewer: Viewer) -> str:
    pacer = viewer.source.pacer
    speed = pacer.speed if pacer and viewer.steers else viewer.speed
    words = ["full speed" if speed == math.inf else f"{speed:g}\N{MULTIPLICATION SIGN}"]
    if pacer and viewer.steers:
        words.append("locked" if pacer.locked else "free")
    if not viewer.playhead.linked:
        words.append("unlinked")
    if viewer.manner.raw:
        words.append("as written")
    if viewer.manner.expand != "failures":
        words.append("all unfolded" if viewer.manner.expand == "all" else "all folded")
    return " · ".join(words)


def _hit(finder: Finder, number: int | None) -> str:
    if not finder.hits:
        return "no turn found"
    most = "+" if finder.has_most_hits else ""
    return f"{'' if number is None else f'{number:,} of '}{len(finder.hits):,}{most} turns"
