"""Teachers: the next action in gripper and blockworld by a fixed rule, from any state on.

The planner's plans are as short, but it takes a second a plan, and its choices among equals have no rule that
a small model could learn. These play the first object by name wherever several would do.
"""

from collections.abc import Callable, Collection, Mapping

from envs.pddl.blocks import blocks
from envs.pddl.parsing import Atom

Step = tuple[str, tuple[str, ...]]
"""An operator and its arguments."""


def next_step(domain: str, facts: Collection[Atom], goal: Collection[Atom]) -> Step | None:
    """Return the teacher's step in a state that is given by its facts; None where the goal is reached.

    Raises `KeyError` for a domain without a teacher.
    """
    return None if set(goal) <= set(facts) else TEACHERS[domain](facts, goal)


def _gripper(facts: Collection[Atom], goal: Collection[Atom]) -> Step:
    """Drop what belongs here; else take what belongs elsewhere; else bring what is held; else fetch."""
    here = next(atom[1] for atom in facts if atom[0] == "at-robby")
    held = sorted((atom[2], atom[1]) for atom in facts if atom[0] == "carry")
    free = sorted(atom[1] for atom in facts if atom[0] == "free")
    goes = {atom[1]: atom[2] for atom in goal if atom[0] == "at"}
    astray = sorted(
        (atom[1], atom[2]) for atom in facts if atom[0] == "at" and goes.get(atom[1], atom[2]) != atom[2]
    )
    for gripper, ball in held:
        if goes.get(ball, here) == here:
            return "drop", (ball, here, gripper)
    for ball, room in astray:
        if room == here and free:
            return "pick", (ball, here, free[0])
    for _, ball in held:
        return "move", (here, goes[ball])
    return "move", (here, astray[0][1])


def _blockworld(facts: Collection[Atom], goal: Collection[Atom]) -> Step:
    """Put the block in hand where it goes or else down; else build; else take apart what is in the way."""
    now = blocks(facts, goal)

    def take(block: str) -> Step:
        return ("unstack", (block, now.on[block])) if block in now.on else ("pickup", (block,))

    if now.held:
        return ("stack", (now.held, now.goes[now.held])) if now.ready(now.held) else ("putdown", (now.held,))
    unsettled = [block for block in sorted(now.clear) if not now.settled(block)]
    for block in unsettled:
        if now.ready(block):
            return take(block)
    return take(next(block for block in unsettled if block in now.on))


TEACHERS: Mapping[str, Callable[[Collection[Atom], Collection[Atom]], Step]] = {
    "gripper": _gripper,
    "blockworld": _blockworld,
}
