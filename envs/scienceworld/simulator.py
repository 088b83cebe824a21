"""The simulator as episodes need it: load, step, and whatever else is asked, nothing that isn't."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from envs.errors import EnvsError
from envs.scienceworld.jvm import JavaFault, Jvm

GOLD_LIMIT_S = 300.0
NOTHING_HAPPENS = "Nothing happens."
COMMANDS = ("help", "objects", "task")
"""Answered before an action is parsed; they neither take time nor change the score."""
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
_SCRAMBLE = 0x5DEECE66D
"""java.util.Random.setSeed keeps its argument xored with this."""


@dataclass(frozen=True)
class Reply:
    """What one action led to; `score` is a percentage, and negative once the task has failed for good."""

    observation: str
    score: int
    completed: bool


class Simulator:
    """One simulator in one Java process, playing one task at a time; `load` comes first.

    All methods raise `EnvironmentCrashed` where the process dies or hangs.
    """

    def __init__(self, jvm: Jvm) -> None:
        self.jvm = jvm
        self._listers: dict[str, Any] = {}
        self._interface: Any = None
        self._electrical = True
        jvm.call(self._look_up_classes)

    def _look_up_classes(self) -> None:
        # py4j asks Java anew each time that a class is named
        java = self.jvm.gateway.jvm
        self._server: Any = java.scienceworld.runtime.pythonapi.PythonInterface()
        self._string, self._predef = java.java.lang.String, java.scala.Predef
        self._buffer, self._byte_stream = java.scala.collection.mutable.StringBuilder, java.java.io
        self._parsing, self._actions = java.scienceworld.input.InputParser, java.scienceworld.actions
        self._fast_parser = java.arena.FastParser
        self._object_tag = java.scala.reflect.ClassTag.apply(
            java.java.lang.Class.forName("scienceworld.struct.EnvObject")
        )
        self._chance = getattr(getattr(java.scala.util, "Random$"), "MODULE$").self()

    def task_names(self) -> list[str]:
        """Return the names of all tasks."""
        return self._lines(self._server.getTaskNames)

    def variations(self, task: str) -> int:
        """Return how many variations a task has."""
        return self.jvm.call(lambda: self._server.getTaskMaxVariations(task))

    def splits(self) -> dict[str, list[int]]:
        """Return the loaded task's variations by split: train, dev, test."""
        lists = {
            "train": self._server.getVariationsTrain,
            "dev": self._server.getVariationsDev,
            "test": self._server.getVariationsTest,
        }
        return {split: list(map(int, self.jvm.call(held))) for split, held in lists.items()}

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
        if action.strip().lower() in COMMANDS:
            return self._command(action)

        def work() -> str:
            # the agent interface's own step: what the server's adds is a look around and an inventory before
            # each step, for a history that nobody reads, and a list of all names for a debug print
            with self.jvm.keeping() as keep:
                # a Scala triple; its text form comes in one round trip: (observation,score,completed)
                return str(keep(self._interface.step(action)).toString())

        try:
            text = self.jvm.call(work)
        except JavaFault:
            # the parser tripped over the action before anything happened
            return self._command("")
        observation, score, completed = text[1:-1].rsplit(",", 2)
        return Reply(observation or NOTHING_HAPPENS, round(100 * float(score)), completed == "true")

    def look(self) -> str:
        """Return what is to be seen; takes no time."""
        return str(self.jvm.call(self._server.freeActionLook))

    def inventory(self) -> str:
        """Return what is being carried; takes no time."""
        return str(self.jvm.call(self._server.freeActionInventory))

    def subgoals(self) -> dict[str, bool]:
        """Return the task's subgoals, first those in sequence, then the optional ones, and which are done."""
        rows = [row.split("\t") for row in self.jvm.call(self._server.getGoalProgressStr).split("\n")]
        done: dict[str, bool] = {}
        for _, passed, _, name in (row for row in rows if len(row) == 4):
            same = sum(known == name or known.startswith(f"{name} (") for known in done)
            done[f"{name} ({same + 1})" if same else name] = passed == "true"
        return done

    def action_templates(self) -> list[str]:
        """Return the forms that actions can take, such as `open OBJ`, sorted."""
        return self._lines(self._server.getPossibleActions)

    def valid_actions(self) -> list[str]:
        """Return all actions that would work now, sorted; the episode goes on as if it had not been asked."""
        with self._unchanged_chance():
            return self._lines(self._server.getValidActionObjectCombinations)

    def lists(self, action: str) -> bool:
        """Tell whether `action` is, letter for letter, in the simulator's list of valid actions.

        The same answer as `action in valid_actions()` at a fraction of its cost: only the lines that begin
        as the action does are made, and they are searched where they are.
        """
        verbs = [verb for verb in LISTERS if f"{action} ".startswith(f"{verb} ")]

        def work() -> bool:
            with self.jvm.keeping() as keep:
                parser = keep(self._interface.inputParser())
                if parser.isInAmbiguousState():
                    return action in map(str, range(parser.getNumAmbiguousMatches()))
                if not verbs or ("connect" in verbs[0] and not self._electrical):
                    return False
                return self._search(action, verbs[-1], parser, keep)

        with self._unchanged_chance():
            return self.jvm.call(work)

    def _search(self, action: str, verb: str, parser: Any, keep: Callable[[Any], Any]) -> bool:
        if verb not in self._listers:
            self._listers[verb] = getattr(self._actions, f"Action{LISTERS[verb]}")
        room = keep(keep(self._interface.getAgentVisibleObjects(False))._2())
        objects = keep(keep(self._parsing.collectObjects(room, False)).toArray(self._object_tag))
        names = keep(parser.getAllUniqueReferentsLUTObjList(objects, room, True, True))
        agent = keep(self._interface.agent())
        found = keep(self._listers[verb].generatePossibleValidActions(agent, objects, names))
        lines = keep(self._buffer())
        keep(keep(self._predef.genericWrapArray(found)).addString(lines, "\n", "\n", "\n"))
        return bool(lines.indexOf(f"\n{action}\n") >= 0)

    def _load(self, task: str, variation: int, simplifications: str, *, with_gold: bool) -> str:
        def work() -> tuple[str, str]:
            if self._interface is not None:
                self.jvm.gateway.detach(self._interface)
                self._interface = None
            error = self._server.load(task, variation, simplifications, with_gold)
            with self.jvm.keeping() as keep:
                self._interface = keep(self._server.agentInterface()).get()
            self._fast_parser.install(self._interface)
            return error, self._server.getTaskDescription()

        try:
            error, description = self.jvm.call(work, GOLD_LIMIT_S)
        except JavaFault as fault:
            error, description = str(fault), ""
        if error:
            raise EnvsError(f"the simulator can't load variation {variation} of {task}: {error}")
        self._electrical = "noElectricalAction" not in simplifications
        return description

    def _command(self, command: str) -> Reply:
        def work() -> Reply:
            answer = self._server.step(command) if command else ""
            with self.jvm.keeping() as keep:
                goals = keep(keep(self._interface.task()).goalSequence())
                score = round(100 * goals.score())
                return Reply(answer or NOTHING_HAPPENS, score, bool(goals.isCompleted()))

        return self.jvm.call(work)

    def _lines(self, ask: Callable[[], Any]) -> list[str]:
        def work() -> str:
            # in one string: a Java list would be read in one round trip an item
            with self.jvm.keeping() as keep:
                return str(self._string.join("\n", keep(ask())))

        text = self.jvm.call(work)
        return text.split("\n") if text else []

    @contextmanager
    def _unchanged_chance(self) -> Iterator[None]:
        """Put the simulator's random numbers back to where they stood: listing actions draws from them."""
        state = self.jvm.call(self._read_chance)
        yield
        self.jvm.call(lambda: self._chance.setSeed(state ^ _SCRAMBLE))

    def _read_chance(self) -> int:
        with self.jvm.keeping() as keep:
            buffer = keep(self._byte_stream.ByteArrayOutputStream())
            stream = keep(self._byte_stream.ObjectOutputStream(buffer))
            stream.writeObject(self._chance)
            stream.flush()
            # java.util.Random is written as a flag, a double, its 48 bits of state and an end mark
            return int.from_bytes(buffer.toByteArray()[-9:-1], "big")
