"""HTML and SVG as trees of elements, so that no text from outside ever becomes an element or an attribute."""

import html
from collections.abc import Iterable

from arena.literal import literal

_VOID = {"meta", "wbr"}


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
        return Html(html.escape(literal(child)))
    return Html("".join(map(joined, child)))


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else literal(str(value))
    return f' {name}="{html.escape(text)}"'
