"""Environments kept for the next episode: some (ScienceWorld's JVM) take seconds to start."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from arena.patience import within
from envs import registry
from envs.base import ArenaEnv, Source, Task
from envs.errors import EnvironmentCrashed

CLOSE_TIMEOUT_S = 20.0


class EnvPool:
    """Lends environments, one episode each; a broken one is closed and not lent again."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, Source], list[ArenaEnv]] = defaultdict(list)
        self._places: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def lend(self, task: Task) -> AsyncIterator[ArenaEnv]:
        """Lend an environment that can play `task`; waits where its benchmark bounds how many may run."""
        async with self._place(task.benchmark):
            kept = self._idle[task.benchmark, task.source]
            env = kept.pop() if kept else registry.benchmark(task.benchmark).make(task.source)
            try:
                yield env
            except BaseException:
                # what hung may hang again when it is closed
                with suppress(EnvironmentCrashed):
                    await within(CLOSE_TIMEOUT_S, env.close)
                raise
            kept.append(env)

    async def close(self) -> None:
        """Close all idle environments."""
        for kept in self._idle.values():
            while kept:
                with suppress(EnvironmentCrashed):
                    await within(CLOSE_TIMEOUT_S, kept.pop().close)

    def has_place(self, benchmark: str) -> bool:
        """Tell whether an environment of a benchmark could be lent at once."""
        return not self._place(benchmark).locked()

    def _place(self, benchmark: str) -> asyncio.Semaphore:
        if benchmark not in self._places:
            most = registry.benchmark(benchmark).most_at_once or 1_000_000
            self._places[benchmark] = asyncio.Semaphore(most)
        return self._places[benchmark]
