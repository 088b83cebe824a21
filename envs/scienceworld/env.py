"""ScienceWorld as a Gymnasium environment."""

import tomllib
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from envs.base import ArenaEnv, Outcome, Source, Task, ToolSchema
from envs.scienceworld import actions, patterns
from envs.scienceworld.grounding import took_effect
from envs.scienceworld.installed import simulator_folder

if TYPE_CHECKING:  # py4j is imported by the first reset
    from envs.scienceworld.simulator import Reply, Simulator

CHECK = "check valid actions"
MAX_ACTION_CHARS = 1000
"""Nothing in the simulator has so long a name."""
MAX_OBSERVATION_CHARS = 10_000
"""Three times the fullest room; but `move terminal to terminal` has half a million characters of choices."""
NOT_UNDERSTOOD = "No known action matches that input."
"""The simulator's own answer, also given to what is not sent to it."""


class ScienceWorldEnv(ArenaEnv):
    """Plays ScienceWorld's tasks on the original simulator, in a Java process of its own.

    The process is borrowed from a pool at the first reset and given back by `close` (or when the environment
    is dropped). One that dies or hangs raises `EnvironmentCrashed`; the next reset gets another.

    Bundled tasks: progress is the simulator's score / 100, success is a score of 100; the task's own subgoals
    are reported. A task that has failed for good (a wrong focus) ends.
    Official tasks: progress is the share of AgentBoard's subgoals found in an observation so far; the episode
    ends when all are found (agentboard/environment/scienceworld_env.py); the simulator's score is ignored.

    `valid`: on bundled tasks, the simulator understood the action and carried it out. On official ones,
    AgentBoard's rule: the action stands, letter for letter, in the simulator's list of valid actions after
    the step. `envs.scienceworld.grounding` says how far the two agree.
    """

    benchmark = "scienceworld"

    def __init__(self, source: Source = "bundled") -> None:
        super().__init__(source)
        self._simulator: Simulator | None = None
        self._give_back: Callable[[], object] = lambda: None
        self._goal = ""
        self._last: Reply | None = None
        self._found: dict[str, bool] = {}
        self._played: list[str] = []
        self._gold: list[str] | None = None

    def goal(self) -> str:
        """Return the running task's goal: the label's on official tasks, the simulator's on bundled ones."""
        return self._goal

    def instructions(self) -> str:
        """Return the rules in words, with the forms of all actions."""
        rows = (f"- `{_form_text(form)}`: {form.description}" for form in self._forms())
        return str(_wording()["instructions"]).strip().format(actions="\n".join(rows))

    def example(self) -> Sequence[tuple[str, str]]:
        """Return a short made-up episode: find the thing, focus on it, put it into a box."""
        return [(step["action"], step["observation"]) for step in _wording()["example"]]

    def tools(self) -> Sequence[ToolSchema]:
        """Return one tool for each form of action; those for circuits only where the task has them."""
        return actions.tools(self._forms())

    def call_to_action(self, name: str, arguments: Mapping[str, Any]) -> str | None:
        """Return the text of a tool call, or None where no tool has this name and these arguments."""
        return actions.to_text(self._forms(), name, arguments)

    def action_to_call(self, action: str) -> dict[str, Any] | None:
        """Return the tool call that means the same as a text action, or None."""
        return actions.to_call(self._forms(), action)

    def expert(self) -> Sequence[str]:
        """Return what is left of the simulator's own solution; takes 0.1 to 10 seconds the first time.

        On official tasks a solution may miss subgoals or be longer than the step limit. Raises
        `NotImplementedError` once the episode has left the solution's path (the simulator only knows how to
        solve a task from its start), and on bundled tasks that the simulator's own solution does not solve:
        animals that have moved, plants that have grown otherwise.
        """
        if self._simulator is None or self.task is None:
            raise NotImplementedError("ScienceWorld's expert needs a running task")
        if self._gold is None:
            gold = self._simulator.gold_path(*_setting(self.task))
            # the simulator has started the task afresh: try the solution, then go back to where we stand
            solved = self._replay(gold).score == 100
            self._replay(self._played)
            if self.task.source == "bundled" and not solved:
                raise NotImplementedError(f"the simulator's own solution does not solve {self.task.id}")
            self._gold = gold
        done, path = len(self._played), list(map(self._canonical, self._gold))
        if list(map(self._canonical, self._played)) != path[:done]:
            raise NotImplementedError("ScienceWorld's expert can't go on where its own path was left")
        return self._gold[done:]

    def valid_actions(self) -> Sequence[str]:
        """Return the simulator's list of valid actions; takes up to 0.3 seconds, but no step."""
        if self._simulator is None:
            return []
        return self._simulator.valid_actions()

    def close(self) -> None:
        """Give the Java process back for others to use; the next reset borrows one again."""
        if self._simulator is not None:
            self._simulator = None
            self._give_back()
        super().close()

    def _begin(self, task: Task) -> Outcome:
        simulator = self._borrow()
        self._played, self._gold = [], None
        self._found = dict.fromkeys(_subgoals(task), False)
        self._goal, observation = self._start(simulator, task)
        return self._outcome(observation, valid=True)

    def _apply(self, action: str) -> Outcome:
        assert self.task and self._simulator
        action = action.strip()
        if action == CHECK:
            # AgentBoard leaves out `reset task`
            templates = [form for form in self._simulator.action_templates() if "reset" not in form]
            return self._outcome(f"Valid actions: {', '.join([*templates, CHECK])}", valid=True)
        if len(action) > MAX_ACTION_CHARS or not _is_text(action):
            return self._outcome(NOT_UNDERSTOOD, valid=False)
        self._played.append(action)
        reply = self._last = self._simulator.step(action)
        if self.task.source == "official":
            valid = self._simulator.lists(action)
            missing = [name for name, found in self._found.items() if not found]
            self._found |= patterns.search(missing, reply.observation)
        else:
            valid = took_effect(reply.observation)
        return self._outcome(_shortened(reply.observation), valid=valid)

    def _outcome(self, observation: str, *, valid: bool) -> Outcome:
        assert self.task and self._last
        if self.task.source == "official":
            subgoals = _subgoals(self.task)
            progress = sum(self._found[name] for name in subgoals) / len(subgoals)
            return Outcome(observation, progress, valid, progress == 1, subgoals=dict(self._found))
        score, over = self._last.score, self._last.completed or self._last.score < 0
        return Outcome(observation, max(0, score) / 100, valid, score == 100, over, self._last.subgoals)

    def _start(self, simulator: "Simulator", task: Task) -> tuple[str, str]:
        description = simulator.load(*_setting(task))
        self._last = simulator.step("look around")
        goal = task.goal if task.source == "official" else description
        return goal, f"{self._last.observation}\n{simulator.inventory()}"

    def _replay(self, actions: Sequence[str]) -> "Reply":
        """Start the running task afresh and play actions until one ends it; returns the last reply."""
        assert self._simulator and self.task
        self._start(self._simulator, self.task)
        assert self._last
        for action in actions:
            if self._last.completed or self._last.score < 0:
                break
            self._last = self._simulator.step(action)
        return self._last

    def _borrow(self) -> "Simulator":
        # before py4j, which comes with the simulator, is imported
        simulator_folder()
        from envs.scienceworld import pool

        if self._simulator is None or not self._simulator.jvm.healthy():
            self.close()
            self._simulator = pool.borrow()
            # also when the environment is dropped without being closed
            finalizer = weakref.finalize(self, pool.give_back, self._simulator)
            finalizer.atexit = False
            self._give_back = finalizer
        return self._simulator

    def _forms(self) -> list[actions.Form]:
        simplified = self.task is not None and "noElectricalAction" in self.task.data["simplifications"]
        return actions.forms(electrical=not simplified)

    def _canonical(self, action: str) -> str:
        call = self.action_to_call(action)
        return self.call_to_action(call["name"], call["arguments"]) or action if call else action


def _form_text(form: actions.Form) -> str:
    return form.text.format(**{name: name.upper() for name in form.arguments})


def _setting(task: Task) -> tuple[str, int, str]:
    return task.data["task"], task.data["variation"], task.data["simplifications"]


def _subgoals(task: Task) -> Sequence[str]:
    return task.data.get("subgoals", ())


def _shortened(observation: str) -> str:
    if len(observation) <= MAX_OBSERVATION_CHARS:
        return observation
    start = observation[:MAX_OBSERVATION_CHARS]
    return (start.rpartition("\n")[0] or start) + "\n…"


def _is_text(action: str) -> bool:
    # half a surrogate pair can't be sent to anybody
    return not any("\ud800" <= character <= "\udfff" for character in action)


@cache
def _wording() -> Mapping[str, Any]:
    text = files(__package__).joinpath("wording.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
