"""Markers of tool calls that are broken: cut, mistyped, doubled, closed but never opened, or in a call."""

import itertools
import re
from dataclasses import dataclass
from functools import cache

from arena.protocol.dialects import dialects
from arena.protocol.quoting import Span, excerpt

_EDGES = r"[<\[|\uff5c/>\]]"


@dataclass(frozen=True)
class BrokenMarker:
    """A marker that is not as its family writes it: where, and what is wrong with it."""

    span: Span
    what: str


def broken_marker(reply: str) -> BrokenMarker | None:
    """Return the first marker of a reply that is broken; None where all are whole, or there is none."""
    whole = list(_whole().finditer(reply))
    places = {place for match in whole for place in range(*match.span())}
    for match in _loose().finditer(reply):
        if not places & set(range(*match.span())):
            return BrokenMarker(match.span(), f"{excerpt(match[0])} is no marker of any family")
    for first, second in itertools.pairwise(whole):
        if first[0] == second[0] and not reply[first.end() : second.start()].strip():
            return BrokenMarker(second.span(), f"{first[0]} stands there twice")
    opened = set()
    for match in whole:
        opening = _openings().get(match[0])
        if opening is not None and opening not in opened:
            return BrokenMarker(match.span(), f"{match[0]} closes what nothing opened")
        opened.add(match[0])
    return None


def marker_in(reply: str, span: Span) -> BrokenMarker | None:
    """Return the marker that a part of a reply holds which is no place for one: the value that failed."""
    match = _whole().search(reply, *span)
    if match is None or match.span() == span or match.start() == span[0]:
        return None
    return BrokenMarker(match.span(), f"{match[0]} stands inside the call")


@cache
def _markers() -> tuple[tuple[str, ...], ...]:
    return tuple(pair for each in dialects().values() for pair in each.markers)


@cache
def _openings() -> dict[str, str]:
    return {pair[1]: pair[0] for pair in _markers() if len(pair) > 1}


@cache
def _whole() -> re.Pattern[str]:
    texts = {text for pair in _markers() for text in pair}
    return re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True))))


@cache
def _loose() -> re.Pattern[str]:
    """Match a marker's words with some, not all, of what belongs around them."""
    words = {_words(text) for pair in _markers() for text in pair}
    any_word = "|".join(sorted(words, key=len, reverse=True))
    return re.compile(rf"(?:{_EDGES}{{1,4}}(?:{any_word}){_EDGES}{{0,4}}|\b(?:{any_word}){_EDGES}{{1,4}})")


def _words(marker: str) -> str:
    found: list[str] = re.findall(r"[A-Za-z]+", marker)
    return r"[\s_▁-]?".join(found)
