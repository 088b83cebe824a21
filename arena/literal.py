"""Text from outside, made safe to show: it can't style, move, clear, reorder or hide anything.

Models, environments and run files are untrusted. What a terminal (or a reader's eye) would act on is made
visible instead: an escape character is drawn as `␛`, a bidi override as `<U+202E>`.
"""

import json
import re
import unicodedata
from typing import Any

_PLAIN = re.compile(r"[ -~\n]*")
_STACKED_MARKS = re.compile(r"([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3})[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")  # fmt: skip # noqa: E501
_LINE_BREAKS = {"\n", "\u2028", "\u2029"}
_JOINERS = {"\u200c", "\u200d"}
_UNSAFE = {"Cc", "Cf", "Cs", "Cn"}


class _Drawn(dict[int, str]):
    """Code point -> what is drawn for it, worked out when it is first met."""

    def __missing__(self, point: int) -> str:
        self[point] = drawn = _drawn(chr(point))
        return drawn


def literal(text: str) -> str:
    """Return text that is safe to draw and looks like what it holds; line breaks stay, tabs become spaces.

    Control characters, escapes, bidi and other invisible format characters and lone surrogates become
    visible; zero-width joiners are left out (terminals disagree on how wide they make a line); a pile of
    combining marks is cut to three. Takes linear time, whatever the text.
    """
    if _PLAIN.fullmatch(text):
        return text
    text = text.replace("\r\n", "\n").translate(_DRAWN)
    return _STACKED_MARKS.sub(r"\1", text)


def literal_json(value: Any, indent: int | None = None) -> str:
    r"""Return a value as a JSON document in which a terminal finds nothing to act on.

    What `literal` makes visible in text is written as an escape (`\u009b`) here: the document is the same.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return text if _PLAIN.fullmatch(text) else text.translate(_ESCAPED)


def _drawn(character: str) -> str:
    if character in _LINE_BREAKS:
        return "\n"
    if character == "\t":
        return "    "
    if character in _JOINERS:
        return ""
    point = ord(character)
    if point < 0x20:
        return chr(0x2400 + point)
    if point == 0x7F:
        return "\u2421"
    if unicodedata.category(character) in _UNSAFE:
        return f"<U+{point:04X}>"
    return character


class _Escaped(dict[int, str]):
    """Code point -> how a JSON document holds it, worked out when it is first met."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        harmless = character == "\n" or unicodedata.category(character) not in _UNSAFE
        self[point] = kept = character if harmless else json.dumps(character)[1:-1]
        return kept


_DRAWN = _Drawn()
_ESCAPED = _Escaped()
