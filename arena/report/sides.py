"""The page's section on tasks that changed sides: which, what both said, and the commands that open them."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from arena.report.blocks import folded
from arena.report.markup import Html, element
from arena.report.replies import Parting

MOST_FLIPS_NAMED = 40
MOST_REPLY_CHARS = 1_500
MOST_REPLIES_CHARS = 1_200_000
"""So many characters of markup hold replies; a page has to open on a phone."""


Replies = Mapping[tuple[str, str], Html]
"""(Contestant, task hash) -> both replies where they part, drawn."""


def flips(document: Mapping[str, Any], opened: Mapping[tuple[str, str], Parting]) -> Html | None:
    """Return which tasks changed sides, each with the commands that open it; `opened` holds the replies."""
    drawn: list[Html] = []
    replies = _drawn(document["baseline"], opened)
    for name, found in document["flips"].items():
        lost, gained = found["lost"], found["gained"]
        if lost or gained:
            summary = element("summary", element("b", name), f" lost {len(lost):,}, gained {len(gained):,}")
            parts = [
                _flips_of(name, "Lost: only the base solved them", lost, replies),
                _flips_of(name, "Gained: only the contestant solved them", gained, replies),
            ]
            drawn.append(element("details", summary, parts, class_="flips", open=not drawn))
    return element("div", drawn) if drawn else None


def _flips_of(name: str, title: str, found: Sequence[Mapping[str, Any]], replies: Replies) -> Html | None:
    if not found:
        return None
    items = [
        element(
            "li",
            element("b", each["task"]),
            f" {_whole(each['base_progress'])} → {_whole(each['progress'])} % ",
            replies.get((name, each["hash"])),
        )
        for each in found[:MOST_FLIPS_NAMED]
    ]
    note = None
    if more := len(found) - len(items):
        note = element("p", f"{more:,} more: `arena report RUN --json` lists all.", class_="quiet")
    return element("div", element("h4", title), element("ul", items, class_="tasks"), note)


def _drawn(base: str, opened: Mapping[tuple[str, str], Parting]) -> dict[tuple[str, str], Html]:
    """Return the replies until the page is full; then it says so."""
    drawn, left = {}, MOST_REPLIES_CHARS
    for (name, task_hash), parting in opened.items():
        replies = _parted(base, name, parting)
        left -= len(replies)
        full = element("p", "The page is full: its replies are left out.", class_="quiet")
        drawn[name, task_hash] = replies if left >= 0 else full
    return drawn


def _parted(base: str, name: str, parting: Parting) -> Html:
    run, turn = shlex.quote(parting.run), shlex.quote(parting.turn)
    commands = [
        f"arena debug {run} --turn {turn} --contestant {shlex.quote(parting.contestant)}",
        f"arena watch {run}",
    ]
    sides = (
        ("seen", parting.observation),
        (base, parting.base_reply),
        (name, parting.reply),
    )
    blocks = [element("div", element("h5", who), _quoted(text), class_="side") for who, text in sides]
    opening = element("p", [element("code", each) for each in commands], class_="commands")
    number = parting.turn.rpartition("#")[2]
    return folded(
        f"turn {number}: both replies, and how to open it", opening, element("div", blocks, class_="sides")
    )


def _quoted(text: str | None) -> Html:
    if text is None:
        return element("p", "its episode was over", class_="quiet")
    if len(text) > MOST_REPLY_CHARS:
        text = f"{text[:MOST_REPLY_CHARS]}… ({len(text) - MOST_REPLY_CHARS:,} characters more)"
    return element("pre", text)


def _whole(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.0f}"
