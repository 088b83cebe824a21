"""The simulator as episodes need it: load, step, and whatever else is asked, nothing that isn't."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from envs.errors import EnvsError
from envs.scienceworld.jvm import JavaFault, Jvm

GOLD_LIMIT_S = 300.0
NOTHING_HAPPENS = "Nothing happens."
LISTERS = {
    "open": "OpenDoor",
    "close": "CloseDoor",
    "go to": "MoveThroughDoor",
    "look around": "LookAround",
    "look at": "LookAt",
    "look in": "LookIn",
    "activate": "Activate",
    "deactivate": "Deactivate",
    "eat": "Eat",
    "move": "MoveObject",
    "pour": "PourObject",
    "dunk": "DunkObject",
    "focus on": "Focus",
    "reset task": "ResetTask",
    "use": "UseDevice",
    "read": "Read",
    "flush": "Flush",
    "connect": "ConnectElectrical",
    "disconnect": "DisconnectElectrical",
    "wait": "Wait10",
    "wait1": "Wait1",
    "inventory": "Inventory",
    "pick up": "PickUpObjectIntoInventory",
    "put down": "PutDownObjectIntoInventory",
    "mix": "Mix",
    "task": "TaskDesc",
}
"""How each line of the simulator's list of valid actions begins -> the class of actions that writes it."""


@dataclass(frozen=True)
class Reply:
    """What one action led to.

    `score` is a percentage, and negative once the task has failed for good. `subgoals` are the task's own,
    first those in sequence, then the optional ones, and whether they are done.
    """

    observation: str
    score: int
    completed: bool
    subgoals: Mapping[str, bool]


class Simulator:
    """One simulator in one Java process, playing one task at a time; `load` comes first.

    All methods raise `EnvironmentCrashed` where the process dies or hangs.
    """

    def __init__(self, jvm: Jvm) -> None:
        self.jvm = jvm
        self._electrical = True
        jvm.call(self._look_up_classes)

    def _look_up_classes(self) -> None:
        # py4j asks Java anew each time that a class is named
        java = self.jvm.gateway.jvm
        self._server: Any = java.scienceworld.runtime.pythonapi.PythonInterface()
        self._string = java.java.lang.String
        # our own, in the folder java/arena
        self._fast_parser = java.arena.FastParser
        self._turn = java.arena.Turn
        self._listing = java.arena.Listing

    def task_names(self) -> list[str]:
        """Return the names of all tasks."""
        return self._lines(self._server.getTaskNames)

    def variations(self, task: str) -> int:
        """Return how many variations a task has."""
        return self.jvm.call(lambda: self._server.getTaskMaxVariations(task))

    def splits(self) -> dict[str, list[int]]:
        """Return the loaded task's variations by split: train, dev, test."""
        return self.jvm.call(
            lambda: {
                "train": list(self._server.getVariationsTrain()),
                "dev": list(self._server.getVariationsDev()),
                "test": list(self._server.getVariationsTest()),
            }
        )

    def load(self, task: str, variation: int, simplifications: str) -> str:
        """Start a task afresh and return its description. Raises `EnvsError` where there is no such task."""
        return self._load(task, variation, simplifications, with_gold=False)

    def gold_path(self, task: str, variation: int, simplifications: str) -> list[str]:
        """Return the simulator's own solution of a task; the task is started afresh by this.

        Takes 0.1 to 10 seconds. Raises `EnvsError` where there is no such task.
        """
        self._load(task, variation, simplifications, with_gold=True)
        return self._lines(self._server.getGoldActionSequence)

    def step(self, action: str) -> Reply:
        """Play one action, any string at all.

        Score and completion are those of the simulator's own Python class, less its step limit.
        """
        text = self.jvm.call(lambda: self._turn.play(self._server, action))
        score, completed, subgoals, observation = text.split("\x1f", 3)
        return Reply(
            observation or NOTHING_HAPPENS, round(100 * float(score)), completed == "true", _read(subgoals)
        )

    def inventory(self) -> str:
        """Return what is being carried; takes no time."""
        return str(self.jvm.call(self._server.freeActionInventory))

    def action_templates(self) -> list[str]:
        """Return the forms that actions can take, such as `open OBJ`, sorted."""
        return self._lines(self._server.getPossibleActions)

    def valid_actions(self) -> list[str]:
        """Return all actions that would work now, sorted; the episode goes on as if it had not been asked."""
        text: str = self.jvm.call(lambda: self._listing.all(self._server))
        return text.split("\n")

    def lists(self, action: str) -> bool:
        """Tell whether `action` is, letter for letter, in the simulator's list of valid actions.

        The same answer as `action in valid_actions()` at a fraction of its cost.
        """
        verbs = [verb for verb in LISTERS if f"{action} ".startswith(f"{verb} ")]
        lister = LISTERS[verbs[-1]] if verbs else ""
        if lister.endswith("Electrical") and not self._electrical:
            lister = ""
        return bool(self.jvm.call(lambda: self._listing.has(self._server, action, lister)))

    def _load(self, task: str, variation: int, simplifications: str, *, with_gold: bool) -> str:
        def work() -> tuple[str, str]:
            error = self._server.load(task, variation, simplifications, with_gold)
            self._fast_parser.install(self._server)
            return error, self._server.getTaskDescription()

        try:
            error, description = self.jvm.call(work, GOLD_LIMIT_S)
        except JavaFault as fault:
            error, description = str(fault), ""
        if error:
            raise EnvsError(f"the simulator can't load variation {variation} of {task}: {error}")
        self._electrical = "noElectricalAction" not in simplifications
        return description

    def _lines(self, ask: Callable[[], Any]) -> list[str]:
        def work() -> str:
            # in one string: a Java list would be read in one round trip an item
            with self.jvm.keeping() as keep:
                return str(self._string.join("\n", keep(ask())))

        text = self.jvm.call(work)
        return text.split("\n") if text else []


def _read(progress: str) -> dict[str, bool]:
    """Read the simulator's table of subgoals: number, passed, class, description in each row that counts."""
    rows = [row.split("\t") for row in progress.split("\n")]
    done: dict[str, bool] = {}
    for _, passed, _, name in (row for row in rows if len(row) == 4):
        same = sum(known == name or known.startswith(f"{name} (") for known in done)
        done[f"{name} ({same + 1})" if same else name] = passed == "true"
    return done
