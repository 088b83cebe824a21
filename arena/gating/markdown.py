"""The gate's decision as Markdown that fits a pull-request comment."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from arena.gating.decision import Decision, Line
from arena.gating.replies import Flip
from arena.report.tables import literal, p_value
from arena.report.tables import markdown as table
from arena.verdict import points

MOST_CHARS = 65_000
"""A comment on GitHub holds 65,536 characters."""
MOST_REPLY_CHARS = 1_200
_COLUMNS = ("contestant", "benchmark", "status", ">Δ", "95 %", ">p", ">tasks", "why")


def gate_markdown(document: Mapping[str, Any], decision: Decision, flips: Sequence[Flip]) -> str:
    """Return the decision as a table, and the flipped tasks with both replies, folded.

    What models said stands there literally: escaped, in preformatted blocks. What doesn't fit is counted.
    """
    head = [
        f"## {decision.status}: {_text(document['run'])} against `{_code(document['baseline'])}`",
        "",
        table(_COLUMNS, [_row(line) for line in decision.lines]),
        "",
        *(f"- {_text(note)}" for note in document.get("notes", ())),
    ]
    text = _cut("\n".join(head), MOST_CHARS // 2)
    shown = 0
    for flip in flips:
        block = "\n\n" + _flip(flip, document["baseline"])
        if len(text) + len(block) > MOST_CHARS:
            break
        text += block
        shown += 1
    flipped = [document["flips"][name] for name in decision.contestants]
    total = sum(len(found[kind]) for found in flipped for kind in ("lost", "gained"))
    if total > shown:
        text += f"\n\n{total - shown} more flipped tasks: `arena report --json` lists them."
    return text + "\n"


def _row(line: Line) -> tuple[str, ...]:
    interval = "" if line.ci is None else f"[{100 * line.ci[0]:+.1f}, {100 * line.ci[1]:+.1f}]"
    return (
        _text(line.contestant),
        _text(line.benchmark) + ("" if line.critical else " (advisory)"),
        line.status,
        "" if line.delta is None else f"{100 * line.delta:+.1f}",
        interval,
        "" if line.p_holm is None else p_value(line.p_holm),
        str(line.pairs),
        f"{_text(line.reason)} (allowed: {points(line.max_drop)})",
    )


def _flip(flip: Flip, baseline: str) -> str:
    sides = [("seen", flip.observation), (baseline, flip.base_reply), (flip.contestant, flip.reply)]
    blocks = "\n".join(f"{_text(who)}:\n<pre>{_pre(text)}</pre>" for who, text in sides)
    summary = f"{_text(flip.contestant)} {flip.kind} {_text(flip.task)}, turn {flip.turn + 1}"
    return f"<details><summary>{summary}</summary>\n\n{blocks}\n</details>"


def _text(text: str) -> str:
    return literal(_printable(text))


def _code(text: str) -> str:
    return _printable(text).replace("`", "'").replace("\n", " ")


def _pre(text: str) -> str:
    """Return text for a preformatted block; blank lines would end the HTML block in Markdown."""
    escaped = html.escape(_printable(_cut(text, MOST_REPLY_CHARS)), quote=False)
    # entities: neither a mention nor a link nor a fence may come of a reply
    for char in "`@":
        escaped = escaped.replace(char, f"&#{ord(char)};")
    return "&#10;".join(escaped.splitlines())


def _printable(text: str) -> str:
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}… ({len(text) - length:,} characters more)"
