"""PDDL worlds as a text environment, scored as AgentBoard scores them (agentboard/environment/pddl_env)."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from envs.base import ArenaEnv, Outcome, Source, Task, ToolSchema, parse_call
from envs.pddl import tools
from envs.pddl.compact import COMPACT, compact_goal, compact_state
from envs.pddl.parsing import Atom
from envs.pddl.planner import plan
from envs.pddl.problem import Problem, from_data, problem
from envs.pddl.reading import read, read_anywhere
from envs.pddl.wording import common, wording
from envs.pddl.world import Action, State, World, world

Example = tuple[tuple[str, str], ...]


class PDDLEnv(ArenaEnv):
    """One problem of gripper, blockworld, barman or tyreworld.

    Progress is the share of goal facts that are true, success is all of them. As in AgentBoard, both are
    looked at only after an action that changed something (an episode begins at progress 0 even where a goal
    fact is true from the start); "check" anywhere in an action lists what is possible, "look around" tells
    everything, both count as valid and cost a step; and an action is valid if it changed the state. Tasks
    may be told in few words (`compact`).
    """

    benchmark: ClassVar[str] = "pddl"

    def __init__(self, source: Source = "bundled") -> None:
        super().__init__(source)
        self._world: World | None = None
        self._state: State = 0
        self._solved = False
        self._plans: dict[State, tuple[Action, ...]] = {}
        self._is_compact = False

    def instructions(self) -> str:
        """Return the rules of the running task's domain and how its actions are written."""
        return self._running().words.instructions()

    def example(self) -> Sequence[tuple[str, str]]:
        """Return a tiny problem of the same domain, solved."""
        return _example(self._running().problem.domain, self._is_compact)[1]

    def tools(self) -> Sequence[ToolSchema]:
        """Return one tool per operator, and those that only look."""
        return tuple(tools.tools(self._running()))

    def call_to_action(self, name: str, arguments: Mapping[str, Any]) -> str | None:
        """Return the text form of a tool call, or None where no tool has this name or these arguments."""
        return tools.call_to_action(self._running(), name, arguments)

    def action_to_call(self, action: str) -> dict[str, Any] | None:
        """Return the tool call that means the same as a text action (the example's too), or None."""
        of = self._running()
        for name in of.words.extras:
            if _asks_for(name, action):
                return {"name": name, "arguments": {}}
        if reading := read(of, self._state, action) or read_anywhere(of, action):
            return tools.reading_to_call(of, reading)
        shown, steps = _example(of.problem.domain, self._is_compact)
        if action in (text for text, _ in steps) and (reading := read_anywhere(shown, action)):
            return tools.reading_to_call(shown, reading)
        return None

    def expert(self) -> Sequence[str]:
        """Return text actions that solve the task from its present state.

        Raises `MissingPackage` where the planner is not installed, `EnvsError` where there is no way left.
        """
        of, state = self._running(), self._state
        if state not in self._plans:
            found = plan(of.problem, state)
            for number, action in enumerate(found):
                self._plans[state] = found[number:]
                state = action.apply(state)
            self._plans[state] = ()
        return [of.words.action(each.operator, each.arguments) for each in self._plans[self._state]]

    def valid_actions(self) -> Sequence[str]:
        """Return the text actions that would change the state."""
        of = self._running()
        return [of.words.action(each.operator, each.arguments) for each in of.possible(self._state)]

    def facts(self) -> Sequence[Atom]:
        """Return the facts that are true now."""
        return self._running().atoms(self._state)

    def _begin(self, task: Task) -> Outcome:
        self._world = world(from_data(task.data))
        self._state, self._solved, self._plans = self._world.initial, False, {}
        self._is_compact = task.data.get("wording") == COMPACT
        return self._outcome(self._everything(), valid=True)

    def _apply(self, action: str) -> Outcome:
        of = self._running()
        if action.lstrip().startswith("{") and parse_call(action) is not None:
            return self._outcome(common()["bad_call"], valid=False)
        if _asks_for("check_valid_actions", action):
            listed = [*self.valid_actions(), *(common()[name]["text"] for name in of.words.extras)]
            return self._outcome(common()["check"].format(actions=", ".join(listed)), valid=True)
        if _asks_for("look_around", action):
            return self._outcome(self._everything(), valid=True)
        reading = read(of, self._state, action)
        found = of.actions.get((reading.operator, reading.arguments)) if reading else None
        if found is None or not found.changes(self._state):
            if self._is_compact:
                return self._outcome(common()["compact_failed"].format(state=self._everything()), valid=False)
            return self._outcome(common()["not_possible" if reading else "not_understood"], valid=False)
        before, self._state = self._state, found.apply(self._state)
        progress = of.progress(self._state)
        self._solved = progress == 1
        told = _news(of, before, self._state, self._solved, self._is_compact)
        return self._outcome(told, valid=True, progress=progress)

    def _everything(self) -> str:
        return _everything(self._running(), self._state, self._is_compact)

    def _outcome(self, observation: str, valid: bool, progress: float | None = None) -> Outcome:
        of, state = self._running(), self._state
        return Outcome(
            observation=observation,
            # where nothing changed, AgentBoard does not look at the goal
            progress=self._progress if progress is None else progress,
            valid=valid,
            success=self._solved,
            subgoals={sentence: state & bit != 0 for sentence, bit in of.goal.items()},
        )

    def _running(self) -> World:
        assert self._world is not None, "reset() comes first"
        return self._world


def _everything(of: World, state: State, compact: bool) -> str:
    if compact:
        return compact_state(of.words, of.domain.name, of.atoms(state), of.problem.goal)
    return of.describe(state)


def _news(of: World, before: State, after: State, solved: bool, compact: bool) -> str:
    sees_all = compact or of.words.sees == "everything"
    told = _everything(of, after, compact) if sees_all else of.describe(after & ~before)
    told = told or common()["nothing_new"]
    return f"{told} {common()['solved']}" if solved else told


def _asks_for(extra: str, action: str) -> bool:
    # AgentBoard finds these words anywhere in an action
    return ("check" if extra == "check_valid_actions" else "look around") in action.lower()


@cache
def _example(domain_name: str, compact: bool) -> tuple[World, Example]:
    words = wording(domain_name)
    shown = world(_example_problem(domain_name, words.example))
    state = shown.initial
    goal = compact_goal(words, domain_name) if compact else words.goal(shown.problem.goal)
    first = common()["example_start"].format(goal=goal, observation=_everything(shown, state, compact))
    steps = [("", first)]
    for text in words.example["actions"]:
        reading = read(shown, state, text)
        assert reading, text
        before, state = state, shown.actions[reading.operator, reading.arguments].apply(state)
        steps.append((text, _news(shown, before, state, shown.progress(state) == 1, compact)))
    return shown, tuple(steps)


def _example_problem(domain_name: str, example: Mapping[str, Any]) -> Problem:
    init, goal = ([tuple(atom) for atom in example[part]] for part in ("init", "goal"))
    return problem(domain_name, dict(example["objects"]), init, goal)
