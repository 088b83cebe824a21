"""Teachers: the next action in gripper and blockworld by a fixed rule, from any state on.

The planner's plans are as short, but it takes a second a plan, and its choices among equals have no rule that
a small model could learn. These play the first object by name wherever several would do.
"""

from collections.abc import Callable, Collection, Mapping

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
    on = {atom[1]: atom[2] for atom in facts if atom[0] == "on"}
    clear = sorted(atom[1] for atom in facts if atom[0] == "clear")
    table = {atom[1] for atom in facts if atom[0] == "on-table"}
    held = [atom[1] for atom in facts if atom[0] == "holding"]
    goes = {atom[1]: atom[2] for atom in goal if atom[0] == "on"}

    def settled(block: str) -> bool:
        if block not in goes:
            return block in table
        return on.get(block) == goes[block] and settled(goes[block])

    def ready(block: str) -> bool:
        return block in goes and goes[block] in clear and settled(goes[block])

    def take(block: str) -> Step:
        return ("unstack", (block, on[block])) if block in on else ("pickup", (block,))

    for block in held:
        return ("stack", (block, goes[block])) if ready(block) else ("putdown", (block,))
    for block in clear:
        if not settled(block) and ready(block):
            return take(block)
    return take(next(block for block in clear if block in on and not settled(block)))


TEACHERS: Mapping[str, Callable[[Collection[Atom], Collection[Atom]], Step]] = {
    "gripper": _gripper,
    "blockworld": _blockworld,
}
