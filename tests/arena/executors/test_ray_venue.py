"""What the recording side decides about replicas, without a cluster."""

import asyncio
from collections import Counter

import pytest

from arena.engines.base import Engine
from arena.errors import EngineError
from arena.executors import ray_venue
from arena.executors.placing import Node, Placement
from arena.executors.ray_venue import Lost, RayVenue, _Member
from arena.executors.replica import Failed

NODES = [Node(name, name, 4, 0) for name in ("one", "two", "three")]


class Quiet(Engine):
    def identity(self):
        return {"engine": "quiet"}

    async def complete(self, requests):
        return []


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def venue(contestant_with, said: list[str], monkeypatch: pytest.MonkeyPatch) -> RayVenue:
    monkeypatch.setattr(ray_venue, "_kill", lambda actor: None)
    return RayVenue(contestant_with({"engine": "quiet"}), Quiet(), said.append, lambda: NODES)


def member(where: str, concurrency: int = 8, **running: int) -> _Member:
    return _Member(None, where, concurrency, Counter(running))


def test_an_episode_begins_where_least_is_played_for_its_size(venue: RayVenue):
    venue._members = [member("small", 4, pddl=3), member("large", 16, pddl=8), member("full", 8, pddl=8)]
    assert venue._least_loaded("pddl").where == "large"


def test_a_replica_with_all_environments_of_a_benchmark_lent_is_passed_over(venue: RayVenue):
    # ScienceWorld runs four at a time in one process
    venue._members = [member("a", 8, scienceworld=4), member("b", 8, scienceworld=3, pddl=3)]
    assert venue._least_loaded("scienceworld").where == "b"
    assert venue._least_loaded("pddl").where == "a"
    assert venue.has_place("scienceworld")
    venue._members = [member("a", 8, scienceworld=4)]
    assert not venue.has_place("scienceworld")
    assert venue._least_loaded("scienceworld").where == "a"  # where it waits for its turn


def test_a_replica_that_cannot_start_is_said_and_the_others_play(
    venue: RayVenue, said: list[str], monkeypatch: pytest.MonkeyPatch
):
    async def open_(place: Placement) -> _Member | Failed:
        if place.node.name == "two":
            return Failed("EngineError", "on node two: no such file")
        return member(place.node.name)

    monkeypatch.setattr(venue, "_open", open_)
    asyncio.run(venue.start())
    assert venue.concurrency == 16
    assert said == ["c is played without a replica: on node two: no such file"]


def test_a_lost_replica_is_said_once_and_without_any_left_the_engine_has_failed(
    venue: RayVenue, said: list[str]
):
    lost = member("one")
    venue._members = [lost]
    for _ in range(3):  # as its three episodes notice it
        venue._lose(lost, Lost("NodeDiedError"))
    assert len(said) == 1
    assert "c: the replica on one is lost (NodeDiedError), 0 left" in said[0]
    with pytest.raises(EngineError, match="has lost all its replicas"):
        venue._least_loaded("pddl")
