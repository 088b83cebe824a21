"""Can a suite's tasks be swept along an axis? Asked before anything is played."""

from collections.abc import Sequence

from arena.burden import offered
from arena.errors import UsageError
from arena.sweep.axes import Sweep
from envs import registry
from envs.base import Task


def check_tasks(sweep: Sweep, tasks: Sequence[Task]) -> None:
    """Raise `UsageError` where tasks can't be offered as many tools as the sweep wants, or as few."""
    if sweep.axis.setting != "offered_tools":
        return
    counts = sorted(int(point.value or 0) for point in sweep.points)
    for task in {(task.benchmark, task.subset): task for task in tasks}.values():
        env = registry.benchmark(task.benchmark).make(task.source)
        try:
            env.reset(seed=task.seed, options={"task": task})
            own = env.tools()
            for count in (counts[0], counts[-1]):
                offered(own, count, task.hash)
        except UsageError as error:
            fewest = f"begin with {len(own)}" if len(own) > counts[0] else error.next_step
            raise UsageError(f"{task.id}: {error.message}", fewest) from None
        finally:
            env.close()
