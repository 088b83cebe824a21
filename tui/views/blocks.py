"""Blockworld: towers on a table, and the towers that they shall become."""

from collections.abc import Collection, Mapping, Sequence

from textual.content import Content

from envs.pddl.blocks import Blocks, blocks
from envs.pddl.parsing import Atom
from tui.views.view import DONE, GOOD, QUIET, Room, fitted, heading, in_rows, name

Towers = Sequence[Sequence[str]]
"""Towers of blocks, each from the lowest block up."""


def draw(facts: Collection[Atom], goal: Collection[Atom], room: Room) -> list[Content]:
    """Return the table with its towers and the hand above; beside it the towers of the goal.

    A block is ticked where it and all below it are as they shall be.
    """
    now = blocks(facts, goal)
    ticked = {block for block in {*now.on, *now.table, *now.goes.values()} if now.settled(block)}
    shown, wanted = _towers(now.on, now.table), _goal_towers(now)
    # one line a block where boxes would not fit
    boxed = 2 * max(map(len, (*shown, *wanted)), default=0) + 3 <= room.height
    hand = Content.assemble(("hand  ", QUIET), f"[ {name(now.held)} ]" if now.held else ("free", QUIET))
    table = [hand, *in_rows([_tower(each, ticked, boxed=boxed) for each in shown], room)]
    lost = {*now.on, *now.goes} - {block for tower in (*shown, *wanted) for block in tower} - {now.held}
    if lost:  # recorded data may say that blocks stand in a ring
        table.append(Content(f"on no table: {', '.join(map(name, sorted(lost)))}"))
    aim = [heading("goal"), *in_rows([_tower(each, ticked, boxed=boxed) for each in wanted], room)]
    return fitted(table, aim if wanted else [], room)


def _goal_towers(now: Blocks) -> Towers:
    return _towers(now.goes, {*now.goes.values()} - {*now.goes})


def _towers(on: Mapping[str, str], lowest: Collection[str]) -> Towers:
    above: dict[str, str] = {below: block for block, below in sorted(on.items(), reverse=True)}
    towers = []
    for block in sorted(lowest):
        tower = [block]
        while (top := above.get(tower[-1])) is not None and top not in tower:
            tower.append(top)
        towers.append(tower)
    return towers


def _tower(tower: Sequence[str], ticked: Collection[str], *, boxed: bool) -> list[Content]:
    labels = [(f" {name(block)} {DONE if block in ticked else ' '}", block in ticked) for block in tower]
    width = max(len(label) for label, _ in labels)
    sides = [
        Content.styled(f"│{label:<{width}}│", GOOD if is_ticked else "")
        for label, is_ticked in reversed(labels)
    ]
    ground = Content("▔" * (width + 2))
    if not boxed:
        return [*sides, ground]
    lines = [Content(f"┌{'─' * width}┐")]
    for side in sides:
        lines += [side, Content(f"├{'─' * width}┤")]
    return [*lines[:-1], Content(f"┴{'─' * width}┴")]
