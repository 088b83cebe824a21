"""Can a suite's tasks be swept along an axis? Asked before anything is played."""

from collections.abc import Callable, Mapping, Sequence

from arena.burden import offered
from arena.errors import UsageError
from arena.sweep.axes import Sweep
from envs import registry
from envs.base import ArenaEnv, Task


def check_tasks(sweep: Sweep, tasks: Sequence[Task]) -> None:
    """Raise `UsageError` where tasks have no results, or can't be offered so many tools, or so few."""
    check = _CHECKS.get(sweep.axis.setting)
    if check is None:
        return
    values = sorted(int(point.value or 0) for point in sweep.points)
    for task in {(task.benchmark, task.subset): task for task in tasks}.values():
        env = registry.benchmark(task.benchmark).make(task.source)
        try:
            env.reset(seed=task.seed, options={"task": task})
            check(env, task, values)
        finally:
            env.close()


def _check_tools(env: ArenaEnv, task: Task, counts: Sequence[int]) -> None:
    own = env.tools()
    try:
        for count in (counts[0], counts[-1]):
            offered(own, count, task.hash)
    except UsageError as error:
        fewest = f"begin with {len(own)}" if len(own) > counts[0] else error.next_step
        raise UsageError(f"{task.id}: {error.message}", fewest) from None


def _check_results(env: ArenaEnv, task: Task, _: Sequence[int]) -> None:
    if env.reply_form == "whole":
        raise UsageError(
            f"{task.id}: one reply is the whole task, so it has no results", "choose other tasks"
        )


_CHECKS: Mapping[str, Callable[[ArenaEnv, Task, Sequence[int]], None]] = {
    "offered_tools": _check_tools,
    "result_tokens": _check_results,
}
