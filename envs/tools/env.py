"""The environments `arena/ToolQuery-v0` and `arena/ToolOperation-v0`: an agent calls tools until it finishes.

A task's data are `tool` (its subset), `init` (the state it starts from), `solution` (a solving sequence of
text actions; empty where none is known) and what it is judged by: `subgoals` (expected results; the last is
the answer), for to-do lists also `final` (the state at the end; may be absent), for sheets `target` (the
sheet's values).

From AgentBoard (agentboard/tasks/tool.py, agentboard/environment/*_env.py). Kept: a line that is no call
costs a step; results that begin with `ERROR |` are not grounded, refusals are; the episode ends with `finish`
and succeeds where the progress rate is 1 then. In official mode any action that holds the word `finish` ends
it, sheets are scored the faithful way (`score`), and progress stays as it is where the original does not look
at it: after what is no call, or an observation that holds `Invalid`. Not kept: arguments are never evaluated
(`call`).
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar

from envs.base import ArenaEnv, Outcome, Task, ToolSchema
from envs.errors import BadData
from envs.tools import call as calls
from envs.tools import schema, score
from envs.tools.academia import AcademiaToolkit
from envs.tools.call import BadArguments, Call
from envs.tools.movie import MovieToolkit
from envs.tools.sheet import SheetToolkit
from envs.tools.todo import TodoToolkit
from envs.tools.toolkit import Refused, ToolError, Toolkit
from envs.tools.weather import WeatherToolkit, same

TOOLKITS: Mapping[str, Callable[..., Toolkit]] = {
    "weather": WeatherToolkit,
    "movie": MovieToolkit,
    "academia": AcademiaToolkit,
    "todo": TodoToolkit,
    "sheet": SheetToolkit,
}
MAX_OBSERVATION_CHARS = 50_000


class ToolEnv(ArenaEnv):
    """One agent, one set of tools. Subclasses name the benchmark."""

    _toolkit: Toolkit
    _results: list[Any]
    _answers: list[Any]
    _played: list[str]
    _start: score.Table
    _values: score.Table

    def instructions(self) -> str:
        """Return what the subset is about, and its tools in words."""
        if self.task is None:
            return ""
        subset = self.task.data["tool"]
        about = _wording()[subset]["about"]
        text = _wording()["instructions"].format(about=about, tools=schema.described(subset))
        return text.strip()

    def example(self) -> Sequence[tuple[str, str]]:
        """Return an episode of the subset, from a world of its own."""
        if self.task is None:
            return ()
        wording = _wording()[self.task.data["tool"]]
        (_, first), *rest = wording["example"]
        return (("", f"Goal: {wording['goal']}\n{first}"), *((action, result) for action, result in rest))

    def tools(self) -> Sequence[ToolSchema]:
        """Return the tools of the running task's subset."""
        return schema.tools(self.task.data["tool"]) if self.task else ()

    def call_to_action(self, name: str, arguments: Mapping[str, Any]) -> str | None:
        """Return the line that means a call; None for other tools, missing or unknown arguments."""
        if not self._fits(name, arguments):
            return None
        try:
            return calls.write(Call(name, arguments))
        except (TypeError, ValueError, RecursionError):  # not JSON, or too deep for it
            return None

    def action_to_call(self, action: str) -> dict[str, Any] | None:
        """Return the call that a line means, where its tool and argument names exist."""
        try:
            call = calls.read(action)
        except BadArguments:
            return None
        if call is None or not self._fits(call.name, call.arguments):
            return None
        return {"name": call.name, "arguments": dict(call.arguments)}

    def expert(self) -> Sequence[str]:
        """Return the rest of the solving sequence, which only leads there if the episode has kept to it.

        A query may have strayed: asking more does no harm, so all of the sequence is returned. Raises
        `NotImplementedError` for tasks without one (official ones), and where an operation has strayed.
        """
        solution = list(self.task.data["solution"]) if self.task else []
        if not solution:
            raise NotImplementedError("this task comes without a solution")
        if self._played == solution[: len(self._played)]:
            return solution[len(self._played) :]
        if self.benchmark == ToolQueryEnv.benchmark:
            return solution
        raise NotImplementedError("the expert can't mend what the episode has changed")

    def valid_actions(self) -> Sequence[str]:
        """Return the calls that need no arguments, and `finish` with no answer; no others can be listed."""
        if self.task is None:
            return ()
        takes = schema.signatures(self.task.data["tool"])
        free = [calls.write(Call(name, {})) for name, takes_ in takes.items() if not takes_.required]
        return [*free, *([calls.write(Call("finish", {"answer": ""}))] if takes["finish"].required else [])]

    def _begin(self, task: Task) -> Outcome:
        try:
            self._toolkit = TOOLKITS[task.data["tool"]](**task.data["init"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadData(f"the data of task {task.id} are broken: {type(error).__name__} {error}") from error
        self._results, self._answers, self._played, self._start, self._values = [], [], [], (), ()
        self._first = self._toolkit.state() if isinstance(self._toolkit, TodoToolkit) else None
        observation = _wording()["begin"]
        if isinstance(self._toolkit, SheetToolkit):
            self._start = self._values = self._toolkit.values()
            observation = _wording()["opened"].format(name=task.data["init"]["opened"], values=self._start)
        return Outcome(_shown(observation), 0.0, valid=True, subgoals=self._subgoals())

    def _apply(self, action: str) -> Outcome:
        self._played.append(action)
        try:
            call = calls.read(action)
        except BadArguments as error:
            return self._outcome(f"ERROR | {error}", valid=False, counts=False)
        if call is None:
            return self._outcome(_wording()["format_error"], valid=False, counts=False)
        try:
            result = self._toolkit.call(call.name, call.arguments)
        except ToolError as error:
            # an unknown tool raises nothing in AgentBoard, so that its name can end the episode
            unknown = call.name not in schema.signatures(self._toolkit.subset)
            return self._outcome(f"ERROR | {error}", valid=False, done=unknown and self._ends(call, action))
        except Refused as refusal:
            # AgentBoard notes a refused call as a result of its own, which its tasks never expect
            return self._outcome(str(refusal), valid=True, done=self._ends(call, action))
        if call.name == "check_valid_actions":
            listed = _wording()["valid_actions"].format(names=", ".join(result))
            known = not isinstance(self._toolkit, SheetToolkit)  # AgentBoard's sheets have no such tool
            return self._outcome(listed, valid=True, done=self._ends(call, action), counts=known)
        (self._answers if call.name == "finish" else self._results).append(self._toolkit.comparable(result))
        return self._outcome(str(result), valid=True, done=self._ends(call, action))

    def _outcome(self, observation: str, *, valid: bool, done: bool = False, counts: bool = True) -> Outcome:
        if isinstance(self._toolkit, SheetToolkit):
            self._values = self._toolkit.values()
        unseen = self._faithful and (not counts or "Invalid" in observation)
        progress = self._progress if unseen else self._rate()
        if done and not self._faithful and self._is_changed_as_wanted():
            progress = 1.0  # whichever way it was done
        reached = max(progress, self._progress) if self._faithful else progress
        success = done and reached >= 1.0 and self._state_is_final()
        return Outcome(_shown(observation), progress, valid, success, done, self._subgoals())

    def _rate(self) -> float:
        assert self.task is not None
        if isinstance(self._toolkit, SheetToolkit):
            target = self.task.data["target"]
            if self._faithful:
                return score.matching_faithful(self._values, target)
            return score.matching_strict(self._values, target, self._start)
        obtained = self._obtained()
        return sum(obtained) / len(obtained)

    def _obtained(self) -> list[bool]:
        assert self.task is not None
        agree = same if self.task.data["tool"] == "weather" else None
        wanted = self.task.data["subgoals"]
        if self._faithful or self.benchmark != ToolQueryEnv.benchmark:
            return score.obtained(wanted, [*self._results, *self._answers], agree)
        # the last is the answer: what a tool said is none, and an answer is nothing that was looked up
        found = score.obtained(wanted[:-1], self._results, agree)
        return found + score.obtained(wanted[-1:], self._answers, agree)

    def _state_is_final(self) -> bool:
        final = self.task.data.get("final") if self.task else None
        return final is None or not isinstance(self._toolkit, TodoToolkit) or self._toolkit.state() == final

    def _is_changed_as_wanted(self) -> bool:
        final = self.task.data.get("final") if self.task else None
        if final is None or not isinstance(self._toolkit, TodoToolkit):
            return False
        return self._first != final == self._toolkit.state()

    def _subgoals(self) -> dict[str, bool]:
        assert self.task is not None
        if isinstance(self._toolkit, SheetToolkit):
            right = score.rows_right(self._values, self.task.data["target"], self._faithful)
            return {f"row {i}": done for i, done in enumerate(right, 1)}
        return {f"result {i}": done for i, done in enumerate(self._obtained(), 1)}

    @property
    def _faithful(self) -> bool:
        return self.task is not None and self.task.source == "official"

    def _ends(self, call: Call, action: str) -> bool:
        if self._faithful:
            return "finish" in action.lower()
        return call.name == "finish"

    def _fits(self, name: str, arguments: Mapping[str, Any]) -> bool:
        signature = schema.signatures(self.task.data["tool"]).get(name) if self.task else None
        return signature is not None and set(signature.required) <= set(arguments) <= signature.arguments


class ToolQueryEnv(ToolEnv):
    """Questions about weather, movies or papers: `arena/ToolQuery-v0`."""

    benchmark: ClassVar[str] = "tool-query"


class ToolOperationEnv(ToolEnv):
    """A to-do list or a spreadsheet to be changed: `arena/ToolOperation-v0`."""

    benchmark: ClassVar[str] = "tool-operation"


@cache
def _wording() -> dict[str, Any]:
    return tomllib.loads(files("envs.tools").joinpath("wording.toml").read_text(encoding="utf-8"))


def _shown(text: str) -> str:
    # arguments can bring lone surrogates and any amount of text into a result
    text = text if len(text) <= MAX_OBSERVATION_CHARS else text[:MAX_OBSERVATION_CHARS] + "…"
    return text.encode("utf-8", "replace").decode("utf-8")
