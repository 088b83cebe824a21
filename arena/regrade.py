"""Recorded replies, read and scored again by today's parser, environments and scorers.

The replies are what they were; what they do is worked out anew, from the first turn on. Where an earlier turn
now leads elsewhere, later replies answer to what their model saw then, not to what it would see now: such
episodes are counted as `apart`, and whoever wants them exact plays them again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from arena.agent import Agent
from arena.contestant import Contestant
from arena.engines.base import Completion, Engine, Request
from arena.episode import Position, play
from arena.errors import EngineError, StoreError
from arena.patience import STEP_TIMEOUT_S, within
from arena.plan import Plan
from arena.pool import EnvPool
from arena.protocol.base import FailureKind
from arena.rebuild import recorded_plan
from arena.records import Episode, EpisodeKey, Turn
from arena.run import GRADING_VERSION, provenance
from arena.store.files import writer_lock
from arena.store.reader import RunReader
from arena.store.writer import RunWriter
from envs.base import Task
from envs.errors import EnvironmentCrashed


@dataclass(frozen=True)
class Regraded:
    """One episode before and after. `moved_turns` are read or played otherwise than they were recorded.

    `apart`: a turn that is not the last leads elsewhere now. `version` is the grading version before. `crash`
    says why the environment could not play it again: the episode stays as it was.
    """

    episode: Episode
    progress: float
    success: bool
    turns: Sequence[Turn]
    moved_turns: int
    apart: bool
    version: int | None
    crash: str = ""

    @property
    def moved(self) -> bool:
        """Whether anything that counts has changed."""
        before = self.episode
        return bool(self.moved_turns) or (self.progress, self.success) != (before.progress, before.success)


class _Silent(Engine):
    """An engine that is never asked: the replies are there."""

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        raise EngineError("a recorded episode asks for no reply")

    def identity(self) -> Mapping[str, Any]:
        return {}


async def regrade(
    run: Path, *, record: bool = True, on_episode: Callable[[Regraded], None] | None = None
) -> list[Regraded]:
    """Score a run's finished episodes again and return each; `on_episode` hears them one by one.

    With `record`, an episode that moved, or that was graded by another version, gets a new attempt under
    today's version; the old one stays, superseded. Where the environment crashes, the episode stays as it was
    (`Regraded.crash`). Raises `StoreError` where the run can't be read or written, `UsageError` where it is
    being played.
    """
    plan = recorded_plan(run)
    envs, found = EnvPool(), []
    reader = RunReader(run)
    try:
        with writer_lock(run):
            writer = RunWriter(run) if record else None
            try:
                for episode in reader.episodes():
                    if episode.status != "done":
                        continue
                    try:
                        regraded = await _regraded(episode, plan, reader, envs)
                    except EnvironmentCrashed as crash:
                        regraded = _as_it_was(episode, reader, crash.message)
                    is_due = regraded.moved or regraded.version != GRADING_VERSION
                    if writer and is_due and not regraded.crash:
                        _record(writer, regraded, plan)
                    found.append(replace(regraded, turns=()))
                    if on_episode:
                        on_episode(regraded)
            finally:
                if writer:
                    writer.close()
    finally:
        reader.close()
        await envs.close()
    return found


def _as_it_was(episode: Episode, reader: RunReader, crash: str) -> Regraded:
    version = reader.provenance(episode).get("grading_version")
    progress, success = episode.progress, episode.success
    return Regraded(episode, progress, success, (), 0, apart=False, version=version, crash=crash)


async def _regraded(episode: Episode, plan: Plan, reader: RunReader, envs: EnvPool) -> Regraded:
    key, recorded = episode.key, reader.turns(episode)
    task, contestant = _task(plan, key), _contestant(plan, key)
    turns: list[Turn] = []
    async with envs.lend(task) as env:
        first, info = await within(STEP_TIMEOUT_S, env.reset, seed=key.seed, options={"task": task})
        agent = Agent(_Silent(), contestant.settings, env, key)
        now = Position(first, info["progress"], info["success"], info["success"], info["subgoals"])
        for before in recorded:
            if now.over:
                break
            decision = agent.read(before.reply, "length" if before.finish_reason == "length" else "stop")
            agent.recall(now.observation, before.reply, decision)
            seen = now.observation
            now = await play(decision, before.finish_reason, now, agent, env, STEP_TIMEOUT_S)
            if now.failure and now.failure.kind is FailureKind.ENVIRONMENT_ERROR:
                raise EnvironmentCrashed(now.failure.got)  # the infrastructure's fault is nobody's score
            turns.append(
                replace(
                    before,
                    observation=seen,
                    thought=decision.thought,
                    action=decision.action,
                    failure=now.failure,
                    outcome=now.observation,
                    valid=now.valid,
                    progress=now.progress,
                    success=now.success,
                    subgoals=now.subgoals,
                    scores=now.scores,
                )
            )
    moved = [_differs(old, new) for old, new in zip(recorded, turns, strict=False)]
    led_elsewhere = [old.outcome != new.outcome for old, new in zip(recorded, turns, strict=False)]
    return Regraded(
        episode=episode,
        progress=now.progress,
        success=now.success,
        turns=turns,
        moved_turns=sum(moved) + len(recorded) - len(turns),
        apart=any(led_elsewhere[:-1]),
        version=reader.provenance(episode).get("grading_version"),
    )


def _differs(old: Turn, new: Turn) -> bool:
    graded = ("action", "failure", "valid", "progress", "success")
    return any(getattr(old, name) != getattr(new, name) for name in graded) or _plain(old.scores) != _plain(
        new.scores
    )


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))  # as the store gives it back


def _record(writer: RunWriter, regraded: Regraded, plan: Plan) -> None:
    key = regraded.episode.key
    task, contestant = _task(plan, key), _contestant(plan, key)
    writer.replace_attempt(
        regraded.episode,
        {**provenance(contestant, task), "regraded_from": regraded.version},
        regraded.turns,
        progress=regraded.progress,
        success=regraded.success,
    )


def _task(plan: Plan, key: EpisodeKey) -> Task:
    for task in plan.tasks:
        if task.hash == key.task_hash:
            return task
    raise StoreError(f"the plan has no {key.task} as it was played ({key.task_hash})", "was the run edited?")


def _contestant(plan: Plan, key: EpisodeKey) -> Contestant:
    for each in plan.contestants:
        if each.name == key.contestant:
            return each
    raise StoreError(f"the plan has no contestant {key.contestant!r}, who has played", "was the run edited?")
