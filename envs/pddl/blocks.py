"""Blockworld's facts as towers: what stands where, what shall stand where, and what is settled."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from envs.pddl.parsing import Atom


@dataclass(frozen=True)
class Blocks:
    """A state with its goal. `on` and `goes`: what a block is on and shall be on; `held` is in the hand."""

    on: Mapping[str, str]
    goes: Mapping[str, str]
    clear: frozenset[str]
    table: frozenset[str]
    held: str | None

    def settled(self, block: str) -> bool:
        """Tell whether a block and all below it are where they shall be: what goes nowhere, on the table."""
        passed: set[str] = set()
        while block in self.goes and block not in passed:  # recorded data may say that blocks stand in a ring
            if self.on.get(block) != self.goes[block]:
                return False
            passed.add(block)
            block = self.goes[block]
        return block in self.table and block not in self.goes

    def ready(self, block: str) -> bool:
        """Tell whether a block goes somewhere that can take it now and for good."""
        return block in self.goes and self.goes[block] in self.clear and self.settled(self.goes[block])


def blocks(facts: Collection[Atom], goal: Collection[Atom]) -> Blocks:
    """Read a state, given by its facts, and its goal."""
    return Blocks(
        on={atom[1]: atom[2] for atom in facts if atom[0] == "on"},
        goes={atom[1]: atom[2] for atom in goal if atom[0] == "on"},
        clear=frozenset(atom[1] for atom in facts if atom[0] == "clear"),
        table=frozenset(atom[1] for atom in facts if atom[0] == "on-table"),
        held=next((atom[1] for atom in facts if atom[0] == "holding"), None),
    )
