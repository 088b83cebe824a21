"""The executor `local`: engines and environments in this process."""

from arena.agent import Agent
from arena.contestant import Contestant
from arena.engines.base import Engine
from arena.episode import Listener, Recorder, play_episode
from arena.executors.base import Assignment, Notify, Venue
from arena.pace import Pace
from arena.pool import EnvPool
from arena.records import EpisodeEnded
from envs.base import ArenaEnv


class LocalExecutor:
    """Plays here. All contestants share the environments."""

    def __init__(self) -> None:
        self._envs = EnvPool()

    def venue(self, contestant: Contestant, engine: Engine, notify: Notify) -> "LocalVenue":
        """Return a contestant's venue, not started."""
        return LocalVenue(contestant, engine, self._envs)

    async def close(self) -> None:
        """Close the environments."""
        await self._envs.close()


class LocalVenue(Venue):
    """An engine in this process, and environments lent from a pool."""

    def __init__(self, contestant: Contestant, engine: Engine, envs: EnvPool) -> None:
        self._contestant = contestant
        self._engine = engine
        self._envs = envs

    @property
    def concurrency(self) -> int:
        """How many episodes in flight the engine makes good use of."""
        return self._engine.concurrency

    @property
    def exclusive(self) -> bool:
        """Whether the engine fills this machine."""
        return self._engine.exclusive

    async def start(self) -> None:
        """Start the engine. Raises `EngineError`."""
        await self._engine.start()

    def has_place(self, benchmark: str) -> bool:
        """Tell whether an environment of a benchmark could be lent at once."""
        return self._envs.has_place(benchmark)

    async def play(
        self, assignment: Assignment, recorder: Recorder, pace: Pace, listen: Listener
    ) -> EpisodeEnded:
        """Play an episode to its end, and return how it ended; raises what `play_episode` raises."""
        key = assignment.key

        def make_agent(env: ArenaEnv) -> Agent:
            return Agent(self._engine, self._contestant.settings, env, key)

        try:
            async with self._envs.lend(assignment.task) as env:
                return await play_episode(
                    key,
                    assignment.task,
                    env,
                    make_agent,
                    recorder,
                    assignment.recorded,
                    pace,
                    listen,
                    streaming=assignment.streaming,
                    step_timeout_s=assignment.step_timeout_s,
                )
        finally:
            await self._engine.release(key.session)

    async def close(self) -> None:
        """Close the engine."""
        await self._engine.close()
