"""Which benchmarks there are, what state they are in, and their tasks.

Built-in benchmarks are listed here; other packages add theirs with an entry point in the group
`arena.benchmarks` whose value is a `Benchmark` (or a function that returns one).
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from envs.errors import BadData, EnvsError, MissingData, UnknownTask

if TYPE_CHECKING:  # `import gymnasium` imports this module (see gymnasium_hook), which so must not import it
    from envs.base import ArenaEnv, Source, Task

State = Literal["playable", "needs-data", "needs-package"]


def _register(which: Benchmark) -> None:
    import gymnasium

    if which.env_id not in gymnasium.registry:
        gymnasium.register(id=which.env_id, entry_point=which.env)


@dataclass(frozen=True)
class Benchmark:
    """A benchmark's card. Heavy things are named as `module:attribute` and imported on use.

    `encodes` says that scores compare texts by an encoder, `grades` that there are two ways of scoring.
    `most_at_once` bounds how many environments may run at once on this machine (None: no bound).
    `tasks` names a function `(source) -> Sequence[Task]` that raises `MissingData` where the official data
    are absent; `packages` are the import names that playing needs, `mend` the command that installs them.
    `expert_solves` names a function `(task) -> bool`, for an expert that does not solve every task.
    """

    name: str
    title: str
    capability: str
    env_id: str
    env: str
    tasks: str
    has_expert: bool
    packages: tuple[str, ...] = ()
    mend: str = ""
    most_at_once: int | None = None
    encodes: bool = False
    grades: bool = False
    expert_solves: str = ""

    def __post_init__(self) -> None:
        # a package that is imported by itself, before or without Arena, has its environment registered too
        if "gymnasium" in sys.modules:
            _register(self)

    def make(self, source: Source = "bundled") -> ArenaEnv:
        """Create an environment of this benchmark (not wrapped by Gymnasium)."""
        return _load(self.env)(source=source)

    def has_tools(self) -> bool:
        """Tell whether its tasks offer tools, in the JSON protocol: calls with a schema each."""
        from envs.base import ArenaEnv

        return _load(self.env).tools is not ArenaEnv.tools

    def has_expert_for(self, task: Task) -> bool:
        """Tell whether the benchmark's expert is known to solve a task."""
        return self.has_expert and (not self.expert_solves or bool(_load(self.expert_solves)(task)))


BUILT_IN = (
    Benchmark(
        name="pddl",
        title="PDDL",
        capability="real-world applications",
        env_id="arena/PDDL-v0",
        env="envs.pddl.env:PDDLEnv",
        tasks="envs.pddl.tasks:tasks",
        has_expert=True,
    ),
    Benchmark(
        name="scienceworld",
        title="ScienceWorld",
        capability="real-world applications",
        env_id="arena/ScienceWorld-v0",
        env="envs.scienceworld.env:ScienceWorldEnv",
        tasks="envs.scienceworld.tasks:tasks",
        has_expert=True,
        packages=("scienceworld",),
        mend="pip install 'arena[scienceworld]'",
        most_at_once=4,  # a Java process of 150 to 400 MB each
        expert_solves="envs.scienceworld.tasks:expert_solves",
    ),
    Benchmark(
        name="jericho",
        title="Jericho",
        capability="real-world applications",
        env_id="arena/Jericho-v0",
        env="envs.jericho.env:JerichoEnv",
        tasks="envs.jericho.tasks:tasks",
        has_expert=True,
        packages=("jericho",),
        mend="pip install 'arena[jericho]'",
    ),
    Benchmark(
        name="tool-query",
        title="Tool-Query",
        capability="real-world applications",
        env_id="arena/ToolQuery-v0",
        env="envs.tools.env:ToolQueryEnv",
        tasks="envs.tools.tasks:query_tasks",
        has_expert=True,
    ),
    Benchmark(
        name="tool-operation",
        title="Tool-Operation",
        capability="real-world applications",
        env_id="arena/ToolOperation-v0",
        env="envs.tools.env:ToolOperationEnv",
        tasks="envs.tools.tasks:operation_tasks",
        has_expert=True,
    ),
    Benchmark(
        name="worfbench",
        title="WorfBench",
        capability="workflow generation",
        env_id="arena/WorfBench-v0",
        env="envs.workflow.env:WorfBenchEnv",
        tasks="envs.workflow.tasks:tasks",
        has_expert=True,
        encodes=True,
        grades=True,
    ),
    Benchmark(
        name="teval",
        title="T-Eval",
        capability="action execution",
        env_id="arena/TEval-v0",
        env="envs.teval.env:TEvalEnv",
        tasks="envs.teval.tasks:tasks",
        has_expert=True,
        encodes=True,
        grades=True,
    ),
    Benchmark(
        name="longbench",
        title="LongBench",
        capability="long context",
        env_id="arena/LongBench-v0",
        env="envs.longbench.env:LongBenchEnv",
        tasks="envs.longbench.tasks:tasks",
        has_expert=True,
        grades=True,
    ),
    Benchmark(
        name="needle",
        title="Needle in a haystack",
        capability="long context",
        env_id="arena/Needle-v0",
        env="envs.needle.env:NeedleEnv",
        tasks="envs.needle.tasks:tasks",
        has_expert=True,
        grades=True,
    ),
    Benchmark(
        name="longgen",
        title="LongGenBench",
        capability="long context",
        env_id="arena/LongGen-v0",
        env="envs.longgen.env:LongGenEnv",
        tasks="envs.longgen.tasks:tasks",
        has_expert=True,
        grades=True,
    ),
)


def _load(entry: str) -> Any:
    module, _, attribute = entry.partition(":")
    return getattr(importlib.import_module(module), attribute)


@cache
def benchmarks() -> dict[str, Benchmark]:
    """Return all benchmarks by name, those of other packages included."""
    found = {benchmark.name: benchmark for benchmark in BUILT_IN}
    for point in entry_points(group="arena.benchmarks"):
        try:
            value = point.load()
        except Exception as error:
            raise EnvsError(f"benchmark {point.name!r} ({point.value}) can't be loaded: {error}") from error
        benchmark = value() if isinstance(value, Callable) else value  # type: ignore[arg-type]
        if not isinstance(benchmark, Benchmark):
            raise EnvsError(f"entry point {point.name!r} of {point.value} gives no envs.registry.Benchmark")
        found[benchmark.name] = benchmark
    return found


def benchmark(name: str) -> Benchmark:
    """Return a benchmark by name. Raises `UnknownTask` with the nearest names."""
    known = benchmarks()
    if name not in known:
        raise UnknownTask(f"no benchmark is called {name!r}", _nearest(name, known))
    return known[name]


def tasks(name: str, source: Source = "bundled") -> Sequence[Task]:
    """Return a benchmark's tasks. Raises `UnknownTask`, `MissingData` or `BadData`."""
    return _tasks(benchmark(name), source)


@cache
def _tasks(which: Benchmark, source: Source) -> tuple[Task, ...]:
    listed: Callable[[Source], Sequence[Task]] = _load(which.tasks)
    return tuple(listed(source))


def find_task(task_id: str, source: Source = "bundled") -> Task:
    """Return the task called `task_id`. Raises `UnknownTask` with the nearest names."""
    by_id = _by_id(benchmark(task_id.partition("/")[0]), source)
    if task_id not in by_id:
        raise UnknownTask(f"no {source} task is called {task_id!r}", _nearest(task_id, by_id))
    return by_id[task_id]


@cache
def _by_id(which: Benchmark, source: Source) -> dict[str, Task]:
    return {task.id: task for task in _tasks(which, source)}


def state(which: Benchmark, source: Source = "bundled") -> tuple[State, str]:
    """Tell whether a benchmark can be played now, and the command that mends it where not."""
    if any(find_spec(package) is None for package in which.packages):
        return "needs-package", which.mend
    try:
        _tasks(which, source)
    except (MissingData, BadData) as problem:
        return "needs-data", problem.next_step or problem.message
    return "playable", ""


def register_environments() -> None:
    """Register every benchmark with Gymnasium; called right after Gymnasium is imported (gymnasium_hook)."""
    try:
        known: Iterable[Benchmark] = benchmarks().values()
    except Exception:  # noqa: BLE001
        # another package's fault (or it is itself importing Gymnasium just now) must not break that import;
        # Arena's own commands say what is wrong
        known = BUILT_IN
    for each in known:
        _register(each)


def _nearest(name: str, known: Sequence[str] | dict[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    return f"did you mean {', '.join(near)}?" if near else "`arena tasks` lists them all"
