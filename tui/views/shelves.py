"""Barman and tyreworld: every place with the things that are there and what is true of them.

What a fact means for the picture stands in `shelves.toml`.
"""

import tomllib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from textual.content import Content

from envs.pddl.parsing import Atom
from tui.views.view import QUIET, Room, name
from tui.wrap import wrap

Words = Mapping[str, Sequence[str]]
"""Object -> what is said of it."""


def draw(domain: str, facts: Collection[Atom], room: Room) -> list[Content]:
    """Return each place with its things below it, and in the last lines what never changes."""
    table, known = _tables()[domain], sorted(facts)
    marks = _marks(known, table["marks"])
    shelves: dict[str, list[Content]] = {}
    placed: set[str] = set()
    for atom in known:
        for each in table["places"]:
            if atom[0] == each["predicate"]:
                thing = atom[each["thing"]]
                placed.add(thing)
                own = [each["mark"]] if "mark" in each else []
                shelves.setdefault(_place(each, atom), []).append(
                    _thing(thing, [*own, *marks.get(thing, ())])
                )
        for each in table["empty"]:
            if atom[0] == each["predicate"]:
                shelves.setdefault(_place(each, atom), [])
    for thing in marks:  # such as a hub that bears nothing
        if thing not in placed:
            shelves.setdefault(name(thing), [])
    lines: list[Content] = []
    for place, things in sorted(shelves.items()):
        said = ", ".join(marks[place]) if place in marks else ""
        lines.append(Content.assemble((f"▤ {place}", "bold"), (f"  {said}" if said else "", QUIET)))
        lines += [Content("  ") + thing for thing in things or [Content.styled("—", QUIET)]]
    return [*lines, *_unchanging(known, table, room)]


def _marks(facts: Sequence[Atom], words: Mapping[str, str]) -> Words:
    marks: dict[str, list[str]] = defaultdict(list)
    for predicate, text in words.items():
        for atom in facts:
            if atom[0] == predicate:
                marks[atom[1]].append(text.format(*map(name, atom[1:])))
    return marks


def _place(meaning: Mapping[str, Any], atom: Atom) -> str:
    return str(meaning["title"]).format(name(atom[meaning["place"]]) if "place" in meaning else "")


def _thing(thing: str, said: Sequence[str]) -> Content:
    return Content.assemble(name(thing), (f"  {', '.join(said)}" if said else "", QUIET))


def _unchanging(facts: Sequence[Atom], table: Mapping[str, Any], room: Room) -> list[Content]:
    texts = [
        words.format(*map(name, atom[1:]))
        for predicate, words in table["quiet"].items()
        for atom in facts
        if atom[0] == predicate
    ]
    parts: dict[str, list[str]] = defaultdict(list)
    for predicate in table["recipes"]:
        for atom in facts:
            if atom[0] == predicate:
                parts[name(atom[1])].append(name(atom[2]))
    texts += [f"{made} = {' + '.join(of)}" for made, of in parts.items()]
    return [Content.styled(line, QUIET) for line in wrap(" · ".join(texts), room.width)] if texts else []


@cache
def _tables() -> Mapping[str, Any]:
    return tomllib.loads(files("tui.views").joinpath("shelves.toml").read_text(encoding="utf-8"))
