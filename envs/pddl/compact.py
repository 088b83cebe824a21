"""States in few words, with the goal beside them: what small agents read instead of full sentences.

A task whose data say `"wording": "compact"` is told this way, whatever happens: each observation is the whole
state, and each object stands beside where it has to go, so that nothing has to be looked up elsewhere; who
acts comes last, next to the reply. In
gripper places are named as the robot sees them (`here`). In blockworld `done` marks a block that stays where
it is, because it and all below it are as they shall be, and `ready` a destination that can take its block
now. Actions, rules and scoring are those of the full wording.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from envs.errors import BadData
from envs.pddl.blocks import blocks
from envs.pddl.parsing import Atom
from envs.pddl.wording import Wording

COMPACT = "compact"
"""What a task's data say under `wording` where it is told so; the full wording needs no word."""


def compact_goal(words: Wording, domain_name: str) -> str:
    """Return the goal in words. Raises `BadData` where the domain has no compact form."""
    return _texts(words, domain_name)["goal"]


def compact_state(words: Wording, domain_name: str, facts: Iterable[Atom], goal: Iterable[Atom]) -> str:
    """Return a state, given by its facts, with the goal beside it.

    Raises `BadData` as above, and where no room has the robot.
    """
    texts = _texts(words, domain_name)
    return " ".join(_FORMS[domain_name](texts, frozenset(facts), frozenset(goal)))


def _texts(words: Wording, domain_name: str) -> Mapping[str, str]:
    if words.compact is None or domain_name not in _FORMS:
        raise BadData(f"{domain_name} has no compact wording, only {', '.join(_FORMS)}")
    return words.compact


def _gripper(texts: Mapping[str, str], facts: Collection[Atom], goal: Collection[Atom]) -> list[str]:
    here = next((atom[1] for atom in facts if atom[0] == "at-robby"), None)
    if here is None:
        raise BadData("the robot is in no room")
    lies = {atom[1]: atom[2] for atom in facts if atom[0] == "at"}
    held = {atom[2]: atom[1] for atom in facts if atom[0] == "carry"}
    goes = {atom[1]: atom[2] for atom in goal if atom[0] == "at"}

    def seen(room: str) -> str:
        return texts["here"] if room == here else room

    def wanted(ball: str) -> str:
        if ball not in goes:
            return ""
        if lies.get(ball) == goes[ball]:
            return texts["settled"]
        return texts["wanted"].format(place=seen(goes[ball]))

    lines = [
        texts["ball"].format(ball=ball, place=seen(room), wanted=wanted(ball))
        for ball, room in sorted(lies.items())
    ]
    for gripper in sorted(atom[1] for atom in facts if atom[0] == "gripper"):
        if gripper in held:
            ball = held[gripper]
            lines.append(texts["holds"].format(gripper=gripper, ball=ball, wanted=wanted(ball)))
        else:
            lines.append(texts["free"].format(gripper=gripper))
    return [*lines, texts["robot"].format(room=here)]


def _blockworld(texts: Mapping[str, str], facts: Collection[Atom], goal: Collection[Atom]) -> list[str]:
    now = blocks(facts, goal)

    def wanted(block: str) -> str:
        if now.settled(block):
            return texts["settled"]
        if block not in now.goes:
            return ""
        ready = texts["ready"] if now.ready(block) else ""
        return texts["wanted"].format(below=now.goes[block]) + ready

    lines = [
        texts["block"].format(
            block=block,
            place=texts["on"].format(below=now.on[block]) if block in now.on else texts["table"],
            clear=texts["clear"] if block in now.clear else "",
            wanted=wanted(block),
        )
        for block in sorted({*now.on, *now.table})
    ]
    if now.held:
        return [*lines, texts["holds"].format(block=now.held, wanted=wanted(now.held))]
    return [*lines, texts["free"]]


_FORMS: Mapping[str, Callable[[Mapping[str, str], Collection[Atom], Collection[Atom]], list[str]]] = {
    "gripper": _gripper,
    "blockworld": _blockworld,
}
