"""What a pane tells of one turn, as titled sections: plain data, drawn by `widgets.transcript`.

Parsed calls are folded or not by a policy, and the raw reply stands beside them where it is wanted. All text
from outside is clipped and made literal here, so no widget ever sees it raw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from arena.protocol import thought
from arena.protocol.base import Failure
from arena.records import Turn
from tui.calls import folded, unfolded
from tui.literal import MAX_CHARS, clipped, literal, literal_line
from tui.playhead import failed
from tui.tables import failure_words

SectionKind = Literal["observation", "thought", "reply", "valid", "failed", "outcome", "problem", "earlier"]
Expand = Literal["failures", "all", "never"]
EXPAND: tuple[Expand, ...] = ("failures", "all", "never")

MOST_EARLIER_TURNS = 50
EARLIER_INDENT = " " * 6
"""Lines of the earlier turns that begin so go on with the turn above them."""

CURSOR = "▌"
NOTHING = "(nothing)"


@dataclass(frozen=True)
class Section:
    """A titled piece of a turn; `mark` and `tag` are words at the end of its title. All of it is literal.

    `span` is the part of the text (offsets) at which the reply failed.
    """

    kind: SectionKind
    title: str
    text: str
    mark: str = ""
    tag: str = ""
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Manner:
    """How turns are told: which calls are unfolded, whether replies are shown raw, what is searched for."""

    expand: Expand = "failures"
    raw: bool = False
    searched: tuple[str, ...] = ()

    def unfolds(self, turn: Turn) -> bool:
        """Tell whether a turn's call is unfolded."""
        return self.expand == "all" or (self.expand == "failures" and failed(turn))


def first_sight(observation: str) -> list[Section]:
    """Return what is told before the first reply."""
    return [Section("observation", "observation", drawn(observation))]


def reply_so_far(text: str) -> list[Section]:
    """Return what is told of a reply that is being written."""
    reading = thought.split(text)
    sections = [Section("thought", "thought", drawn(reading.thought))] if reading.thought else []
    return [*sections, Section("reply", "reply", drawn(reading.body.strip()) + CURSOR)]


def played(turn: Turn, manner: Manner, *, unlike: bool) -> list[Section]:
    """Return what is told of a turn that is over. `unlike`: the baseline acted differently."""
    sections = [Section("observation", "observation", drawn(turn.observation))]
    if turn.thought and not manner.raw:
        sections.append(Section("thought", "thought", drawn(turn.thought)))
    if manner.raw or (turn.failure and manner.unfolds(turn)) or _only_reply_has(turn, manner.searched):
        sections.append(_reply(turn, raw=manner.raw))
    sections.append(_action(turn, manner, "≠ baseline" if unlike else ""))
    title = "complaint" if turn.failure else "outcome"
    return [*sections, Section("outcome", title, drawn(turn.outcome) or NOTHING)]


def earlier(turns: Sequence[Turn], manner: Manner) -> Section:
    """Return the newest of the turns that went before, the newest first."""
    recent = reversed(turns[-MOST_EARLIER_TURNS:])
    return Section(
        "earlier", "earlier", "\n".join(line for turn in recent for line in _in_short(turn, manner))
    )


def drawn(text: str, max_chars: int = MAX_CHARS) -> str:
    """Return text from outside as it is drawn: literal, and cut in the middle where it is too long."""
    head, left_out, tail = clipped(text.rstrip(), max_chars)
    if not left_out:
        return literal(head)
    return f"{literal(head)}\n… {left_out:,} characters are not drawn …\n{literal(tail)}"


def _action(turn: Turn, manner: Manner, tag: str) -> Section:
    unfolds = manner.unfolds(turn)
    title = f"{'▾' if unfolds else '▸'} action"
    if turn.failure is not None:
        words = _failure(turn.failure, turn.action) if unfolds else failure_words()[turn.failure.kind]
        return Section("failed", title, words, "✗ failed", tag)
    action = turn.action or ""
    words = unfolded(action) if unfolds else folded(action)
    if turn.valid:
        return Section("valid", title, words, "✓ valid", tag)
    return Section("failed", title, words, "✗ no effect", tag)


def _failure(failure: Failure, action: str | None) -> str:
    where = f", at {failure.json_path}" if failure.json_path else ""
    words = f"{failure_words()[failure.kind]}{where}: expected {failure.expected}, got {failure.got}"
    lines = [drawn(words)]
    if action:
        lines.append(unfolded(action))
    if failure.repair:
        lines.append(f"a repair would read: {folded(failure.repair)}")
    return "\n".join(lines)


def _reply(turn: Turn, *, raw: bool) -> Section:
    text, start = (turn.reply, 0) if raw else _without_thoughts(turn)
    span = None
    if turn.failure:
        first, last = (max(0, offset - start) for offset in turn.failure.span)
        # what is literal may be longer, so offsets move; what is not drawn whole is not marked
        if first < last <= len(text) <= MAX_CHARS:
            span = len(literal(text[:first])), len(literal(text[:last]))
    return Section("reply", "raw reply" if raw else "reply", drawn(text) or NOTHING, span=span)


def _without_thoughts(turn: Turn) -> tuple[str, int]:
    """Return the reply without the thoughts before it, which are shown apart, and where it begins."""
    body = thought.split(turn.reply).body
    said = set(turn.thought.splitlines())
    start = 0
    for line in body.split("\n"):
        _, colon, words = line.partition(":")
        is_thought = not line.strip() or (
            said and (line.strip() in said or (colon and words.strip() in said))
        )
        if not is_thought:
            break
        start += len(line) + 1
    return body[start:].rstrip(), start


def _only_reply_has(turn: Turn, searched: Sequence[str]) -> bool:
    """Tell whether something that is searched for is in the reply, and not in what is shown anyway."""
    shown = " ".join((turn.observation, turn.thought, turn.action or "", turn.outcome)).casefold()
    reply = turn.reply.casefold()
    return any(words.casefold() in reply and words.casefold() not in shown for words in searched)


def _in_short(turn: Turn, manner: Manner) -> list[str]:
    mark = "✗" if failed(turn) else "✓"
    what = failure_words()[turn.failure.kind] if turn.failure else folded(turn.action or "")
    lines = [f"{turn.index + 1:>3} {mark} {what}"]
    if manner.unfolds(turn):
        if turn.failure:
            words = f"expected {turn.failure.expected}, got {turn.failure.got}"
            lines.append(EARLIER_INDENT + literal_line(words, 300))
        lines.append(f"{EARLIER_INDENT}→ {literal_line(turn.outcome, 300) or NOTHING}")
    return lines
