"""New problems of each domain, seeded and always solvable.

A generator draws a problem of a given size and says how many steps a plain plan for it takes at most; its
comments say which plan that is. What `size` counts
differs by domain: balls (gripper), blocks but one (blockworld), steps of a ladder of orders (barman) and of
repairs (tyreworld).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import TypeVar

from envs.errors import EnvsError
from envs.pddl.parsing import ANYTHING, Atom
from envs.pddl.problem import Problem, problem

T = TypeVar("T")

ROOMS = ("kitchen", "hall", "study", "cellar")
INGREDIENTS = ("gin", "rum", "lime", "cola")
COCKTAILS = ("breeze", "comet", "ember", "harbour", "velvet")
HUBS = ("front-left-hub", "front-right-hub", "rear-left-hub", "rear-right-hub")
TOOLS = ("wrench", "jack", "pump")


@dataclass(frozen=True)
class Draft:
    """A drawn problem, and an upper bound on the steps of a plan for it."""

    problem: Problem
    plan_steps: int


@dataclass(frozen=True)
class Generator:
    """How to draw problems of a domain, of sizes 1 to `largest` (which the planner solves in seconds)."""

    draw: Callable[["Dice", int], Draft]
    largest: int


class Dice:
    """Random draws that stay the same in all versions of Python: only `Random.random` is promised to."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def below(self, limit: int) -> int:
        """Return an integer from 0 to `limit` - 1."""
        return int(self._random.random() * limit)

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in random order (Fisher-Yates)."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed


def draft(domain: str, seed: int, size: int) -> Draft:
    """Return the problem that belongs to domain, seed and size. Raises `EnvsError` for other sizes."""
    generator = GENERATORS[domain]
    if not 1 <= size <= generator.largest:
        raise EnvsError(f"size {size} of {domain} is not between 1 and {generator.largest}")
    return generator.draw(Dice(f"{domain}/{size}/{seed}"), size)


def _gripper(dice: Dice, balls: int) -> Draft:
    rooms = ROOMS[: 2 + dice.below(3)]
    start = dice.pick(rooms)
    names = [f"ball{number}" for number in range(1, balls + 1)]
    lies = {name: dice.pick(rooms) for name in names}
    # a quarter of the balls, never the first, are where they belong
    stays = {name for name in names[1:] if dice.below(4) == 0}
    wanted = {
        name: lies[name] if name in stays else dice.pick([room for room in rooms if room != lies[name]])
        for name in names
    }
    init: list[Atom] = [("at-robby", start), *(("room", room) for room in rooms)]
    for side in ("left", "right"):
        init += [("gripper", side), ("free", side)]
    for name in names:
        init += [("ball", name), ("at", name, lies[name])]
    objects = dict.fromkeys((*rooms, "left", "right", *names), ANYTHING)
    goal = [("at", name, room) for name, room in wanted.items()]
    # for each ball: go there, pick it, go where it belongs, drop it
    return Draft(problem("gripper", objects, init, goal), plan_steps=4 * (balls - len(stays)))


def _blockworld(dice: Dice, size: int) -> Draft:
    names = [f"b{number}" for number in range(1, size + 2)]
    init: list[Atom] = [("arm-empty",)]
    for tower in (towers := _towers(dice, names)):
        init += [("on-table", tower[0]), ("clear", tower[-1])]
        init += [("on", upper, lower) for lower, upper in pairwise(tower)]
    now = set(init)
    goal: list[Atom] = []
    while set(goal) <= now:
        goal = [("on", upper, lower) for tower in _towers(dice, names) for lower, upper in pairwise(tower)]
    # take every tower apart, then build: two steps a block that is on another, before and after
    steps = 2 * (len(names) - len(towers)) + 2 * len(goal)
    return Draft(problem("blockworld", dict.fromkeys(names, ANYTHING), init, goal), steps)


def _towers(dice: Dice, names: Sequence[str]) -> list[list[str]]:
    towers: list[list[str]] = []
    for name in dice.shuffled(names):
        place = dice.below(len(towers) + 1)
        if place == len(towers):
            towers.append([])
        towers[place].append(name)
    return towers


def _barman(dice: Dice, size: int) -> Draft:
    # orders grow by an ingredient, a cocktail, a cocktail and an ingredient, two cocktails, …
    mixed, plain = size // 2, size % 2
    # three ingredients have six ordered pairs, more than there are cocktails
    ingredients = INGREDIENTS[: (2 if mixed < 2 else 3) + dice.below(2)]
    cocktails = COCKTAILS[: max(1, mixed) + dice.below(2)]
    shots = [f"shot{number}" for number in range(1, mixed + plain + 2 + dice.below(2))]
    objects = {
        "left": "hand",
        "right": "hand",
        "shaker1": "shaker",
        "l0": "level",
        "l1": "level",
        "l2": "level",
    }
    objects |= dict.fromkeys(shots, "shot") | dict.fromkeys(ingredients, "ingredient")
    objects |= dict.fromkeys(cocktails, "cocktail")
    init: list[Atom] = [
        ("handempty", "left"),
        ("handempty", "right"),
        ("next", "l0", "l1"),
        ("next", "l1", "l2"),
    ]
    init += [("shaker-empty-level", "shaker1", "l0"), ("shaker-level", "shaker1", "l0")]
    for container in (*shots, "shaker1"):
        init += [("ontable", container), ("clean", container), ("empty", container)]
    for number, ingredient in enumerate(ingredients, start=1):
        objects[f"tap{number}"] = "dispenser"
        init.append(("dispenses", f"tap{number}", ingredient))
    pairs = [(one, other) for one in ingredients for other in ingredients if one != other]
    for cocktail, (one, other) in zip(cocktails, dice.shuffled(pairs), strict=False):
        init += [("cocktail-part1", cocktail, one), ("cocktail-part2", cocktail, other)]
    drinks = [*dice.shuffled(cocktails)[:mixed], *(dice.pick(ingredients) for _ in range(plain))]
    goal = [("contains", shot, drink) for shot, drink in zip(dice.shuffled(shots), drinks, strict=False)]
    # a cocktail: grasp, fill, pour, clean, fill, pour, clean, leave a glass; grasp the shaker, shake, pour;
    # before the next: empty, clean, leave the shaker. An ingredient, first of all: grasp, fill, leave
    return Draft(problem("barman", objects, init, goal), plan_steps=max(0, 14 * mixed - 3) + 3 * plain)


def _tyreworld(dice: Dice, size: int) -> Draft:
    # repairs grow: pump up, change, change and pump up, the same and tidy up, two wheels, …
    repair = _REPAIRS[size - 1]
    hubs = dice.shuffled(HUBS)[: repair.wheels]
    objects = {"boot": "container"}
    open_, in_hand = dice.below(2) == 0, dice.pick(TOOLS)
    init: list[Atom] = [("unlocked", "boot"), ("isopen" if open_ else "closed", "boot")]
    init += [("have", tool) if tool == in_hand else ("in", tool, "boot") for tool in TOOLS]
    goal: list[Atom] = []
    for number, hub in enumerate(hubs, start=1):
        spare, flat, nuts = f"spare{number}", f"flat{number}", f"nuts{number}"
        objects |= {hub: "hub", nuts: "nut", spare: "wheel", flat: "wheel"}
        init += [("on", flat, hub), ("on-ground", hub), ("fastened", hub), ("in", spare, "boot")]
        init += [("loose" if dice.below(3) == 0 else "tight", nuts, hub), ("intact", spare)]
        init += [("not-inflated", flat), ("not-inflated" if repair.pump else "inflated", spare)]
        goal += [("inflated", spare)] if repair.pump else []
        if repair.change:
            goal += [("on", spare, hub), ("tight", nuts, hub), ("in", flat, "boot")]
    if repair.tidy:
        goal += [("closed", "boot"), *(("in", tool, "boot") for tool in TOOLS)]
    # open the boot, fetch the tools; a wheel: fetch it, pump it up, loosen, jack up, undo, take off, put on,
    # do up, jack down, tighten, put away; then put away the tools and close the boot
    steps = 4 + repair.wheels * (1 * repair.pump + 10 * repair.change) + 4 * repair.tidy
    return Draft(problem("tyreworld", objects, init, goal), steps)


@dataclass(frozen=True)
class _Repair:
    wheels: int
    pump: bool
    change: bool
    tidy: bool = False


_REPAIRS = (
    _Repair(1, pump=True, change=False),
    _Repair(3, pump=True, change=False),
    _Repair(1, pump=False, change=True),
    _Repair(1, pump=True, change=True),
    _Repair(1, pump=True, change=True, tidy=True),
    _Repair(2, pump=False, change=True),
    _Repair(2, pump=True, change=True),
    _Repair(2, pump=True, change=True, tidy=True),
    _Repair(3, pump=True, change=True),
    _Repair(4, pump=True, change=True, tidy=True),
)

GENERATORS: Mapping[str, Generator] = {
    "gripper": Generator(_gripper, largest=40),
    "blockworld": Generator(_blockworld, largest=30),
    "barman": Generator(_barman, largest=6),
    "tyreworld": Generator(_tyreworld, largest=len(_REPAIRS)),
}
