"""HTML and SVG as trees of elements, so that no text from outside ever becomes an element or an attribute."""

import html
import unicodedata
from collections.abc import Iterable

_UNSAFE = {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}
_KEPT = "\n\t"
_VOID = {"meta", "br", "hr", "col"}


class Html(str):
    """Markup. Any other text is escaped where it is put into an element."""

    __slots__ = ()


Child = str | None | Iterable["Child"]
"""Markup, text, nothing, or several of them."""


def element(tag: str, /, *children: Child, **attributes: str | float | bool | None) -> Html:
    """Return an element. `class_` is `class`, `stroke_width` `stroke-width`; None and False leave one out.

    Names of elements and attributes are those of the page's own code; children that are not `Html` are text.
    """
    head = tag + "".join(_attribute(key, value) for key, value in attributes.items())
    return Html(f"<{head}>" if tag in _VOID else f"<{head}>{joined(children)}</{tag}>")


def joined(child: Child) -> Html:
    """Return children one after the other, texts escaped."""
    if child is None:
        return Html()
    if isinstance(child, Html):
        return child
    if isinstance(child, str):
        return Html(html.escape(visible(child)))
    return Html("".join(map(joined, child)))


def visible(text: str) -> str:
    """Return text in which nothing is hidden or turns the text round it: `⟨U+202E⟩` for a bidi override.

    Line breaks and tabs stay; control and format characters, lone surrogates and unassigned ones are named.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n")
    return "".join(char if _plain(char) else f"⟨U+{ord(char):04X}⟩" for char in text)


def _plain(char: str) -> bool:
    return char in _KEPT or unicodedata.category(char) not in _UNSAFE


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else visible(str(value))
    return f' {name}="{html.escape(text)}"'
