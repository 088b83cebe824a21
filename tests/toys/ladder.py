"""A toy benchmark for the contest's own tests: climb a ladder; it can crash, and it can change its mind."""

from collections.abc import Mapping, Sequence
from typing import Any

from envs.base import ArenaEnv, Outcome, Source, Task, ToolSchema
from envs.errors import EnvironmentCrashed
from envs.registry import Benchmark

BENCHMARK = Benchmark(
    name="ladder",
    title="Ladder",
    capability="toy",
    env_id="arena/Ladder-v0",
    env="ladder:LadderEnv",
    tasks="ladder:tasks",
    has_expert=True,
)


def tasks(source: Source) -> Sequence[Task]:
    return [
        Task(f"ladder/{top}", "ladder", None, source, 0, max_steps=6, difficulty="easy", data={"top": top})
        for top in range(1, 5)
    ]


class LadderEnv(ArenaEnv):
    """`up` and `down`; `quake` crashes as often as `crashes` says; `wording` changes what is seen."""

    benchmark = "ladder"
    crashes = 0
    wording = "You are on rung {}."
    made = 0

    def __init__(self, source: Source = "bundled") -> None:
        super().__init__(source)
        LadderEnv.made += 1

    def goal(self) -> str:
        return "Climb to the top."

    def instructions(self) -> str:
        return "Actions: up, down."

    def expert(self) -> Sequence[str]:
        return ["up"] * (self._top - self._rung)

    def valid_actions(self) -> Sequence[str]:
        return ["up", "down"]

    def tools(self) -> Sequence[ToolSchema]:
        parameters = {"type": "object", "properties": {}, "additionalProperties": False}
        return [
            {"type": "function", "function": {"name": name, "description": name, "parameters": parameters}}
            for name in ("up", "down")
        ]

    def call_to_action(self, name: str, arguments: Mapping[str, Any]) -> str | None:
        return name

    def action_to_call(self, action: str) -> dict[str, Any] | None:
        return {"name": action, "arguments": {}}

    def _begin(self, task: Task) -> Outcome:
        self._top, self._rung = task.data["top"], 0
        return self._now(valid=True)

    def _apply(self, action: str) -> Outcome:
        if action == "quake" and LadderEnv.crashes > 0:
            LadderEnv.crashes -= 1
            raise EnvironmentCrashed("the ladder fell over")
        step = {"up": 1, "down": -1}.get(action, 0)
        self._rung = max(0, self._rung + step)
        return self._now(valid=step != 0)

    def _now(self, *, valid: bool) -> Outcome:
        return Outcome(
            self.wording.format(self._rung),
            progress=min(1.0, self._rung / self._top),
            valid=valid,
            success=self._rung >= self._top,
            subgoals={"top": self._rung >= self._top},
        )
