"""Nodes and processes of a Ray cluster that die: what was recorded stays, the rest is played elsewhere."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs the package ray: pip install 'arena[ray]'")
sys.path.append(str(Path(__file__).parents[1] / "arena/executors"))
from two_nodes import play, pull_the_plug, replicas, scripted, turns, two_nodes

from arena.executors.ray_cluster import connected
from arena.records import Event, Notice, TurnPlayed
from arena.store.reader import RunReader


@pytest.fixture(scope="module")
def cluster() -> Iterator:
    with two_nodes() as cluster:
        yield cluster


def announced(events: list[Event]) -> list[tuple]:
    return [(event.key, event.turn.index) for event in events if isinstance(event, TurnPlayed)]


def notices(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


def test_all_processes_lost_leave_what_was_played_and_the_same_command_goes_on(cluster, tmp_path: Path):
    plan, run = scripted(tmp_path, latency_s=0.05), tmp_path / "r"
    seen: list[Event] = []

    def kill_all(event: Event) -> None:
        seen.append(event)
        if len(announced(seen)) == 9 and isinstance(event, TurnPlayed):
            for process in replicas(cluster):
                process.kill()

    with connected() as executor:
        tally, events = play(plan, run, executor, kill_all)
    assert tally.done == 0
    lost = [text for text in notices(events) if "is lost (ActorDiedError)" in text]
    assert [text.partition(", ")[2][:6] for text in lost] == ["1 left", "0 left"]
    reader = RunReader(run)
    kept = sum(episode.turns for episode in reader.episodes())
    assert kept == len(announced(events)) >= 9
    errored = [episode for episode in reader.episodes() if episode.status == "error"]
    assert errored
    assert {reader.provenance(episode)["error_kind"] for episode in errored} == {"engine"}
    reader.close()

    with connected() as executor:
        tally, more = play(plan, run, executor)
    assert (tally.owed, tally.errors) == (0, [])
    assert len({*announced(events), *announced(more)}) == len(announced(events) + announced(more))
    play(plan, tmp_path / "whole")
    assert turns(run) == turns(tmp_path / "whole")


def test_a_lost_node_costs_the_running_turns_and_nothing_else(cluster, tmp_path: Path):
    plan, run = scripted(tmp_path, latency_s=0.1), tmp_path / "r"
    seen: list[Event] = []

    def cut_the_power(event: Event) -> None:
        seen.append(event)
        if len(announced(seen)) == 15 and isinstance(event, TurnPlayed):
            pull_the_plug(cluster)

    with connected() as executor:
        tally, events = play(plan, run, executor, cut_the_power)
    assert (tally.owed, tally.errors) == (0, [])
    (lost,) = notices(events)
    assert "1 left; its episodes go on from their last turns" in lost
    # nothing that was recorded was played again, on no node
    assert len(set(announced(events))) == len(announced(events)) == 48
    play(plan, tmp_path / "whole")
    assert turns(run) == turns(tmp_path / "whole")
    reader = RunReader(run)
    assert all(episode.attempt == 1 for episode in reader.episodes(superseded=True))
    reader.close()
