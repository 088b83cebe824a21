"""How a batch is asked to stop before everything is played: by a person, a limit, or a decision."""

from collections.abc import Mapping
from typing import Any, Literal

Finish = Literal["turns", "episodes"]
"""What is still played after a run was asked to stop: the turns that are running, or their whole episodes."""


class Halted(Exception):
    """An episode ends after its running turn because its run was asked to stop; it stays unfinished."""


class Halt:
    """Whether a run shall stop, and why. The first reason stands; asking again can only hurry it.

    `details` are recorded with the reason.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self.details: Mapping[str, Any] = {}
        self.finish: Finish = "episodes"

    def ask(self, reason: str, finish: Finish = "turns", details: Mapping[str, Any] | None = None) -> None:
        """Ask the run to take no new episode, and to finish what runs: its turns, or its episodes."""
        if self.reason is None:
            self.reason, self.details = reason, details or {}
        if finish == "turns":
            self.finish = "turns"

    @property
    def takes_episodes(self) -> bool:
        """Whether new episodes may begin."""
        return self.reason is None

    def check_turn(self) -> None:
        """Raise `Halted` where no further turn shall begin."""
        if self.reason is not None and self.finish == "turns":
            raise Halted(self.reason)
