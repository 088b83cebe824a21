"""A replica as an object of this process: what its actor does, without a cluster."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))
from playing import AnsweringEngine, ladder_plan, ups

from arena import __version__
from arena.episode import Diverged
from arena.errors import EngineError, OutOfMemory, UsageError
from arena.executors.base import Assignment
from arena.executors.replica import Failed, Replica, failed
from arena.plan import Plan
from arena.records import EpisodeEnded, EpisodeStarted, TurnPlayed
from envs.errors import EnvironmentCrashed

Make = Callable[..., Replica]


@pytest.fixture
def engine() -> AnsweringEngine:
    return AnsweringEngine(ups)


@pytest.fixture
def plan(ladder: type, engine: AnsweringEngine) -> Plan:
    plan = ladder_plan(["base"])
    same = replace(plan.contestants[0], identity={"engine": dict(engine.identity())})
    return replace(plan, contestants=[same])


@pytest.fixture
def make(plan: Plan, engine: AnsweringEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.chdir(tmp_path)  # a replica goes where its command was; this process comes back
    monkeypatch.setattr("arena.executors.replica.make_engine", lambda spec, options: engine)

    def replica(version: str = __version__, **changed) -> Replica:
        return Replica(replace(plan.contestants[0], **changed), str(tmp_path), version)

    return replica


def assignments(plan: Plan) -> list[Assignment]:
    return [Assignment(key, task) for key, task in zip(plan.episodes(), plan.tasks, strict=True)]


async def test_no_reply_is_asked_for_before_the_episode_is_told_to_go_on(
    make: Make, plan: Plan, engine: AnsweringEngine
):
    replica, assignment = make(), assignments(plan)[2]
    assert await replica.start() == engine.concurrency
    (begun,) = await replica.begin(assignment)
    assert isinstance(begun, EpisodeStarted)
    for asked in range(3):
        await asyncio.sleep(0.01)
        assert len(engine.asked) == asked
        first, *rest = await replica.go_on(assignment.key)
        assert isinstance(first, TurnPlayed)
        assert first.turn.index == asked
    (ended,) = rest
    assert isinstance(ended, EpisodeEnded)
    assert (ended.status, ended.success, ended.turns) == ("done", True, 3)
    await replica.close()


async def test_an_episode_goes_on_from_the_turns_that_another_replica_played(
    make: Make, plan: Plan, engine: AnsweringEngine
):
    first, assignment = make(), assignments(plan)[3]
    await first.start()
    await first.begin(assignment)
    played = [(await first.go_on(assignment.key))[0].turn for _ in range(2)]
    second = make()
    await second.start()
    (begun,) = await second.begin(replace(assignment, recorded=tuple(played)))
    assert begun.resumed_turns == 2
    (third,) = await second.go_on(assignment.key)
    assert (third.turn.index, third.turn.progress) == (2, 0.75)
    assert [request.turn for request in engine.asked] == [0, 1, 2]
    await asyncio.gather(first.close(), second.close())


async def test_several_episodes_are_under_way_at_once(make: Make, plan: Plan, engine: AnsweringEngine):
    replica = make()
    await replica.start()
    several = assignments(plan)
    await asyncio.gather(*map(replica.begin, several))
    await asyncio.gather(*(replica.go_on(each.key) for each in several))
    assert engine.most_in_flight == len(several)
    await replica.close()


async def test_a_dropped_episode_may_begin_again(make: Make, plan: Plan):
    replica, assignment = make(), assignments(plan)[3]
    await replica.start()
    await replica.begin(assignment)
    await replica.drop(assignment.key)
    await replica.drop(assignment.key)
    (begun,) = await replica.begin(assignment)
    assert isinstance(begun, EpisodeStarted)
    await replica.close()


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemory("full", "a smaller batch"),
        EngineError("down"),
        UsageError("asked wrongly", "ask rightly"),
        EnvironmentCrashed("gone"),
        Diverged("turn 3"),
    ],
)
def test_an_error_is_of_its_class_after_the_way_between_processes(error: Exception):
    back = failed(error).error()
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert getattr(back, "next_step", "") == getattr(error, "next_step", "")


def test_an_error_of_a_class_that_is_not_ours_keeps_its_name_and_words():
    class OfAnotherPackage(EngineError):
        pass

    assert type(failed(OfAnotherPackage("x")).error()) is EngineError
    assert str(failed(KeyError("k")).error()) == "KeyError: 'k'"


async def test_an_engine_that_fails_is_heard_of(make: Make, plan: Plan, engine: AnsweringEngine):
    def answer(request) -> str:
        raise OutOfMemory("There is not enough memory.")

    engine.answer = answer
    replica, assignment = make(), assignments(plan)[0]
    await replica.start()
    await replica.begin(assignment)
    assert await replica.go_on(assignment.key) == [Failed("OutOfMemory", "There is not enough memory.")]
    await replica.close()


async def test_another_model_under_the_same_name_on_a_node_is_refused(make: Make, engine: AnsweringEngine):
    started = await make(identity={"engine": {"engine": "answering", "weights": "0123"}}).start()
    assert isinstance(started, Failed)
    assert "another contestant: weights is None, not '0123'" in started.message
    assert engine.starts == 0


async def test_another_arena_on_a_node_is_refused(make: Make):
    started = await make(version="0.0.1").start()
    assert isinstance(started, Failed)
    assert f"it has Arena {__version__}, not 0.0.1" in started.message
