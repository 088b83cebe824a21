"""The parts of a tool call that is no JSON: what each piece was meant as, as far as that can be said.

`arena.analyzing.parts` reads calls that can be read; a reply that broke is one `other text` to it. Here the
pieces of a broken call are told apart by what stands before them: the place where it broke has a name.
"""

import re

import numpy as np
from numpy.typing import NDArray

from arena.analyzing.parts import ARGUMENT_NAME, ARGUMENT_VALUE, OTHER, PARTS, SYNTAX, TOOL_NAME

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\]:,]|[^\s"{}\[\]:,]++', re.DOTALL)
_NAMES = {"name", "tool", "function"}


def name_parts(parts: NDArray[np.int8], reply: str) -> None:
    """Name the parts of a call in `parts` [characters] of a reply, where they are `other text` so far.

    From the first brace on, quotes, braces and the outermost names are syntax, `name` has the tool's name for
    a value, and what stands deeper is arguments. Text that comes after the last closing brace stays as it is.
    """
    start = reply.find("{")
    if start < 0:
        return
    opened: list[str] = []
    is_value, key = False, ""
    for piece in _PIECE.finditer(reply, start):
        text = piece[0]
        if text in "{[":
            opened.append(text)
            is_value = text == "["
        elif text in "}]":
            opened.pop()
            is_value = False
        elif text in ":,":
            is_value = text == ":" or opened[-1] == "["
        if text in "{}[]:,":
            _mark(parts, piece.span(), SYNTAX)
        else:
            is_quoted = text.startswith('"')
            inside = (
                piece.start() + is_quoted,
                piece.end() - (is_quoted and len(text) > 1 and text[-1] == '"'),
            )
            _mark(parts, piece.span(), SYNTAX)
            _mark(parts, inside, _meant_as(len(opened), key, is_value=is_value))
            if len(opened) == 1 and not is_value:
                key = reply[slice(*inside)]
        if not opened:
            return


def _meant_as(depth: int, key: str, *, is_value: bool) -> str:
    if depth > 1:
        return ARGUMENT_VALUE if is_value else ARGUMENT_NAME
    return TOOL_NAME if is_value and key in _NAMES else SYNTAX


def _mark(parts: NDArray[np.int8], span: tuple[int, int], part: str) -> None:
    place = parts[slice(*span)]
    place[(place == PARTS.index(OTHER)) | (place == PARTS.index(SYNTAX))] = PARTS.index(part)
