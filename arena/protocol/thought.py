"""Splits off what a reasoning model thinks aloud, so that it is never mistaken for an action.

A thought is a block `<think>…</think>` (also `thinking`, `reasoning`, `thought`, in any case) that begins a
line, such as the reply's first; or all that comes before a closing tag that nothing opened, because chat
templates of reasoning models put the opening tag into the prompt. A tag in the middle of a line is text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from arena.protocol.quoting import Span

_TAG = re.compile(r"<(/?)(think|thinking|reasoning|thought)>", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """A reply without its thoughts. `body` is as long as the reply: thoughts are blanks, so offsets hold.

    `rest` is what is left where thoughts are cut out, each with the line breaks behind it and the blanks
    before it; a reply without thoughts is all rest, edges included. `unfinished` is where a block begins that
    never closes, or None; from there on `body` is blank.
    """

    thought: str
    body: str
    rest: str
    unfinished: int | None = None


@dataclass(frozen=True)
class _Block:
    span: Span
    inner: Span
    closed: bool = True


def split(reply: str) -> Reading:
    """Split a reply into its thoughts and the rest; one pass, whatever the tags."""
    blocks = list(_blocks(reply))
    texts, pieces, end = [], [], 0
    for block in blocks:
        start, next_end = block.span
        texts.append(reply[end:start])
        pieces += [reply[end:start], " " * (next_end - start)]
        end = next_end
    thoughts = [reply[slice(*block.inner)].strip() for block in blocks]
    return Reading(
        thought="\n".join(filter(None, thoughts)),
        body="".join(pieces) + reply[end:],
        rest=_joined([*texts, reply[end:]]),
        unfinished=next((block.span[0] for block in blocks if not block.closed), None),
    )


def _joined(texts: list[str]) -> str:
    """Return the texts around thoughts in one, less the blanks before a thought and line breaks behind it."""
    *before, last = texts
    if not before:
        return last
    pieces = [text.lstrip("\r\n").rstrip(" \t") for text in before]
    return "".join([*pieces, last.lstrip("\r\n")])


def _blocks(reply: str) -> Iterator[_Block]:
    opening: re.Match[str] | None = None
    text_from = seen = 0  # the text since the last block; where the last tag in it ended
    line_is_blank, opened_in_text = True, False
    for tag in _TAG.finditer(reply):
        if opening:
            if tag[1] and tag[2].lower() == opening[2].lower():
                yield _Block((opening.start(), tag.end()), (opening.end(), tag.start()))
                opening, text_from, seen = None, tag.end(), tag.end()
                line_is_blank, opened_in_text = True, False
            continue
        _, line_break, before = reply[seen : tag.start()].rpartition("\n")
        line_is_blank = (line_is_blank or bool(line_break)) and not before.strip()
        seen = tag.end()
        if not tag[1] and line_is_blank:
            opening = tag
        elif tag[1] and not opened_in_text:
            yield _Block((text_from, tag.end()), (text_from, tag.start()))
            text_from, line_is_blank = tag.end(), True
        else:
            opened_in_text, line_is_blank = True, False
    if opening:
        yield _Block((opening.start(), len(reply)), (opening.end(), len(reply)), closed=False)
