"""An opened turn as titled parts: the reply with its failing span, verdict, repair, the baseline's turn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from arena.debugging.fault import Fault, faults, kind_of
from arena.debugging.marking import marked
from arena.debugging.opened import OpenedTurn
from arena.debugging.requests import Rebuilt
from arena.debugging.trial import Trial
from arena.protocol.verdict import Step
from arena.records import Turn
from tui.debugging.rows import BAD, CLOSING, GOOD, MARKED, MUTED, OPENING, words_of
from tui.debugging.words import LINE_CHARS, judged, recovery, said
from tui.literal import clipped, literal, literal_line

MESSAGE_CHARS = 40_000
TOOL_CHARS = 2_000
NEXT_TURNS = 6


@dataclass(frozen=True)
class Judged:
    """What takes longer than to read a turn: whose fault it is, and what the repair would have done."""

    fault: Fault | None
    trial: Trial | None


def page(*parts: Content, is_dense: bool = False) -> Content:
    """Return parts below each other, with a line between them where they are not to be dense."""
    return Content("\n" if is_dense else "\n\n").join(part for part in parts if part)


def title(opened: OpenedTurn) -> Content:
    """Return which turn it is, and how it failed."""
    key, kind = opened.episode.key, kind_of(opened.turn)
    return Content.assemble(
        (literal_line(opened.name, 60), "bold"),
        f"  {literal_line(key.contestant, 40)}  ",
        (words_of(kind), BAD) if kind else ("no failure", GOOD),
    )


def reply_part(turn: Turn) -> Content:
    """Return a reply with its failing part marked."""
    text = _clipped(turn.reply) if turn.failure is None else _marked(turn)
    words = (
        f"reply · cut by the token limit after {turn.completion_tokens}"
        if turn.finish_reason == "length"
        else "reply"
    )
    return _part(words, text if turn.reply else Content.styled("nothing was replied", MUTED))


def verdict_part(steps: Sequence[Step]) -> Content:
    """Return the parser's questions, up to the first no; the rest is named."""
    signs = {"yes": ("✓ ", GOOD), "no": ("✗ ", f"bold {BAD}"), "not asked": ("· ", MUTED)}
    lines = []
    for step in (step for step in steps if step.answer != "not asked"):
        style = BAD if step.answer == "no" else MUTED
        words = f"  {literal_line(step.said, LINE_CHARS)}" if step.said else ""
        lines.append(Content.assemble(signs[step.answer], step.question, (words, style)))
    rest = [step.name for step in steps if step.answer == "not asked"]
    if rest:
        lines.append(Content.styled(f"· not asked any more: {', '.join(rest)}", MUTED))
    return _part("verdict", Content("\n").join(lines))


def repair_part(turn: Turn, known: Judged | None) -> Content:
    """Return what a repair gives, and whether it would have been right. Empty where no reply failed."""
    failure = turn.failure
    if failure is None:
        return Content("")
    if failure.repair is None:
        return _part("repair", Content.styled("none gives a call that the tools allow", MUTED))
    lines = [Content(literal_line(failure.repair, LINE_CHARS))]
    if known is None:
        lines.append(Content.styled("being played in the state of this turn …", MUTED))
    elif known.trial is not None:
        lines.append(tried(known.trial))
    return _part("repair", Content("\n").join(lines))


def tried(trial: Trial) -> Content:
    """Return whether an action that was tried was right."""
    return Content.styled(judged(trial), {True: GOOD, False: BAD, None: MUTED}[trial.right])


def fault_part(known: Judged | None) -> Content:
    """Return whose fault it is, and what mends that. Empty where it is nobody's."""
    if known is None or known.fault is None:
        return Content("")
    words = faults()[known.fault.name]
    return _part(
        "whose fault",
        Content.assemble(
            (f"{known.fault.name}: ", "bold"),
            f"{words['means']} ",
            (f"({literal_line(known.fault.why)})\n", MUTED),
            f"Mend: {words['mend']}",
        ),
    )


def baseline_part(opened: OpenedTurn, baseline: str) -> Content:
    """Return the baseline's same turn, and whether it answered the same request."""
    beside = opened.baseline
    if beside is None:
        is_baseline = opened.episode.key.contestant == baseline
        words = (
            "this is the baseline"
            if is_baseline
            else f"{literal_line(baseline, 40)} has not played this task"
        )
        return _part("baseline's turn", Content.styled(words, MUTED))
    ended = "solved it" if beside.episode.success else f"ended at {beside.episode.progress:.0%}"
    ended = f"{literal_line(baseline, 40)} {ended} in {beside.episode.turns} turns"
    if beside.turn is None:
        return _part("baseline's turn", Content.styled(f"none: {ended}", MUTED))
    kind = kind_of(beside.turn)
    same = "the same request" if beside.same_history else "another request: they had parted before"
    lines = [
        _clipped(beside.turn.reply) if beside.turn.failure is None else _marked(beside.turn),
        Content.assemble(
            (words_of(kind), BAD) if kind else ("took effect", GOOD), (f" · answered {same} · {ended}", MUTED)
        ),
        Content.styled(f"it got: {literal_line(beside.turn.outcome, LINE_CHARS)}", MUTED),
    ]
    return _part("baseline's turn", Content("\n").join(lines))


def after_part(opened: OpenedTurn, width: int) -> Content:
    """Return what the contestant was told, and the next turns, by which it may have recovered."""
    lines = [
        Content.styled(f"it got: {literal_line(opened.turn.outcome, LINE_CHARS)}", MUTED),
        Content.styled(recovery(opened), GOOD if opened.recovered_after else BAD),
    ]
    for turn in opened.after[:NEXT_TURNS]:
        kind = kind_of(turn)
        sign = ("✗ ", BAD) if kind else ("✓ ", GOOD)
        words = (f"{words_of(kind)}  ", BAD) if kind else ""
        line = Content.assemble(f"{turn.index + 1:>3} ", sign, words, literal_line(said(turn), 200))
        lines.append(line.truncate(max(width, 20), ellipsis=True))
    if len(opened.after) > NEXT_TURNS:
        lines.append(Content.styled(f"    and {len(opened.after) - NEXT_TURNS} more turns", MUTED))
    return _part("and then", Content("\n").join(lines))


def seen_part(opened: OpenedTurn) -> Content:
    """Return the observation that the turn began with."""
    return _part("it saw", Content(literal_line(opened.turn.observation, LINE_CHARS)))


def request_page(rebuilt: Rebuilt) -> Content:
    """Return the request as it was sent, message by message."""
    if rebuilt.request is None:
        return Content.styled(f"it can't be built again: {literal_line(rebuilt.problem, LINE_CHARS)}", BAD)
    exact = Content("" if rebuilt.exact else f"NOT as sent: {literal_line(rebuilt.problem, LINE_CHARS)}")
    tools = rebuilt.request.tools
    offered = "\n".join(literal_line(json.dumps(tool), TOOL_CHARS) for tool in tools)
    messages = (
        _part(literal_line(each.role, 20), _clipped(each.content, MESSAGE_CHARS))
        for each in rebuilt.request.messages
    )
    return page(exact.stylize(f"bold {BAD}"), *messages, _part(f"{len(tools)} tools", Content(offered)))


def _part(name: str, body: Content) -> Content:
    return Content.assemble((f"{name}\n", "bold $text-primary"), body)


def _marked(turn: Turn) -> Content:
    if turn.failure is None:
        return _clipped(turn.reply)
    parts = marked(turn.reply, turn.failure.span)
    front, inside, behind = (f"[{count:,} characters] " if count else "" for count in parts.left_out)
    return Content.assemble(
        (front, MUTED),
        literal(parts.before),
        (OPENING, f"bold {BAD}"),
        (literal(parts.inside), MARKED),
        (f" {inside}" if inside else "", MUTED),
        (CLOSING, f"bold {BAD}"),
        literal(parts.behind),
        (f" {behind}" if behind else "", MUTED),
    )


def _clipped(text: str, most: int = 4_000) -> Content:
    head, left_out, tail = clipped(text, most)
    return Content.assemble(
        literal(head), (f" [{left_out:,} characters] " if left_out else "", MUTED), literal(tail)
    )
