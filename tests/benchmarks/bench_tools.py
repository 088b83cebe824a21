"""Prints how many steps a second the tool environments play: the bar is 2,000 in each."""

import sys
import time

from envs import registry
from envs.base import ArenaEnv, Task

BAR_STEPS_PER_S = 2000


def steps_per_second(env: ArenaEnv, tasks: list[Task], seconds: float = 2.0) -> float:
    """Play the solutions of all tasks over and over; only `step` is timed."""
    steps, spent, began = 0, 0.0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for task in tasks:
            env.reset(options={"task": task})
            actions = env.expert()
            start = time.perf_counter()
            for action in actions:
                env.step(action)
            spent += time.perf_counter() - start
            steps += len(actions)
    return steps / spent


def main() -> None:
    """Measure each subset of both benchmarks."""
    missed = False
    for name in ("tool-query", "tool-operation"):
        env = registry.benchmark(name).make()
        tasks = list(registry.tasks(name))
        for subset in sorted({task.subset or "" for task in tasks}):
            rate = steps_per_second(env, [task for task in tasks if task.subset == subset])
            missed |= rate < BAR_STEPS_PER_S
            print(f"{name}/{subset}: {rate:,.0f} steps/s ({rate / BAR_STEPS_PER_S:.1f} x the bar)")
    sys.exit(missed)


if __name__ == "__main__":
    main()
