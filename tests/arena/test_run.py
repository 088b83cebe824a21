import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from arena.contestant import Contestant, agent_settings
from arena.engines.base import Completion, Engine, Request
from arena.errors import EngineError, StoreError
from arena.plan import Plan, read_plan
from arena.protocol.base import FailureKind
from arena.records import EpisodeEnded, EpisodeStarted, Event, Notice, TurnPlayed
from arena.run import MOST_ATTEMPTS, MOST_ENGINE_ERRORS, Tally, play_run
from arena.store.reader import RunReader
from arena.suite import Suite, expand, parse_suite

SUITE = """
name = "ladders"
[settings]
protocol = "PROTOCOL"
[[tasks]]
benchmark = "ladder"
"""

Answer = Callable[[Request], str]


class AnsweringEngine(Engine):
    """Answers with a function of the request, and remembers what it was asked."""

    concurrency = 3

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Request] = []
        self.in_flight = self.most_in_flight = 0
        self.released: list[str] = []
        self.closed = False

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.asked += requests
        self.in_flight += 1
        self.most_in_flight = max(self.in_flight, self.most_in_flight)
        await asyncio.sleep(0.002)
        self.in_flight -= 1
        return [Completion(self.answer(request), "stop", 10, 2) for request in requests]

    def identity(self) -> Mapping[str, Any]:
        return {"engine": "answering"}

    async def release(self, session: str) -> None:
        self.released.append(session)

    async def close(self) -> None:
        self.closed = True


def suite(protocol: str = "text") -> Suite:
    return parse_suite(SUITE.replace("PROTOCOL", protocol), "ladders")


def plan_of(names: Sequence[str], protocol: str = "text", repeats: int = 1) -> Plan:
    chosen = suite(protocol)
    settings = agent_settings(chosen.settings, {})
    contestants = [Contestant(name, name, {}, settings, {"engine": {"name": name}}) for name in names]
    return Plan(chosen, contestants, expand(chosen), repeats)


def play(plan: Plan, run: Path, answers: Mapping[str, Answer], **options) -> tuple[Tally, list[Event], dict]:
    engines = {name: AnsweringEngine(answer) for name, answer in answers.items()}
    events: list[Event] = []
    tally = asyncio.run(play_run(plan, run, engines, events.append, **options))
    return tally, events, engines


def ups(request: Request) -> str:
    return "up"


def test_a_run_plays_every_contestant_on_every_task(ladder: type, tmp_path: Path):
    plan = plan_of(["base", "other"], repeats=2)
    tally, events, engines = play(plan, tmp_path / "r", {"base": ups, "other": lambda request: "sit"})
    assert (tally.planned, tally.done, tally.owed, tally.errors) == (16, 16, 0, [])
    ended = [event for event in events if isinstance(event, EpisodeEnded)]
    base = [event for event in ended if event.key.contestant == "base"]
    assert all(event.success and event.progress == 1 for event in base)
    assert sorted(event.turns for event in base) == [1, 1, 2, 2, 3, 3, 4, 4]
    other = [event for event in ended if event.key.contestant == "other"]
    assert all(not event.success and event.turns == 6 for event in other)
    assert {event.key.seed for event in ended} == {0, 1}
    assert all(engine.closed for engine in engines.values())
    assert sorted(engines["base"].released) == sorted(event.key.session for event in base)


def test_the_store_holds_what_the_listeners_heard(ladder: type, tmp_path: Path):
    plan = plan_of(["base"])
    _, events, _ = play(plan, tmp_path / "r", {"base": ups})
    reader = RunReader(tmp_path / "r")
    recorded = {episode.key: reader.turns(episode) for episode in reader.episodes()}
    for key, turns in recorded.items():
        assert [event.turn for event in events if isinstance(event, TurnPlayed) and event.key == key] == turns
    followed, _ = reader.follow()
    assert [event for event in followed if isinstance(event, EpisodeStarted)] == [
        event for event in events if isinstance(event, EpisodeStarted)
    ]


def test_as_many_episodes_are_in_flight_as_the_engine_likes_or_as_was_asked_for(ladder: type, tmp_path: Path):
    plan = plan_of(["base"], repeats=3)
    _, _, engines = play(plan, tmp_path / "a", {"base": lambda request: "sit"})
    assert engines["base"].most_in_flight == 3
    assert ladder.made <= 3
    _, _, engines = play(plan, tmp_path / "b", {"base": lambda request: "sit"}, jobs=2)
    assert engines["base"].most_in_flight == 2


def test_match_by_match_nobody_starts_a_task_before_all_have_ended_theirs(ladder: type, tmp_path: Path):
    plan = plan_of(["base", "other"])
    _, events, _ = play(plan, tmp_path / "r", {"base": ups, "other": lambda r: "sit"}, match_by_match=True)
    running: set[str] = set()
    for event in events:
        if isinstance(event, EpisodeStarted):
            running.add(event.key.task)
        elif isinstance(event, EpisodeEnded):
            assert running == {event.key.task}
            if event.key.contestant == "other":
                running.clear()


def test_a_reply_without_an_action_costs_a_turn_and_is_answered(ladder: type, tmp_path: Path):
    plan = plan_of(["base"], protocol="json")
    replies = ["no call", '{"name": "up", "arguments": {}}']
    _, events, engines = play(plan, tmp_path / "r", {"base": lambda request: replies[request.turn % 2]})
    turns = [e.turn for e in events if isinstance(e, TurnPlayed) and e.key.task == "ladder/2"]
    assert [turn.failure.kind if turn.failure else None for turn in turns] == [
        FailureKind.NO_ACTION,
        None,
        FailureKind.NO_ACTION,
        None,
    ]
    assert [turn.progress for turn in turns] == [0, 0.5, 0.5, 1]
    assert not turns[0].valid
    assert turns[0].outcome == turns[1].observation != ""
    asked = [request for request in engines["base"].asked if request.task == "ladder/2"]
    assert turns[0].outcome in asked[1].messages[-1].content
    assert "no call" in asked[1].messages[-2].content


def test_an_engine_that_keeps_failing_is_given_up_and_its_episodes_are_owed(ladder: type, tmp_path: Path):
    def fails(request: Request) -> str:
        raise EngineError("server down")

    plan = plan_of(["base", "other"], repeats=2)
    tally, events, engines = play(plan, tmp_path / "r", {"base": ups, "other": fails}, jobs=1)
    assert (tally.done, tally.owed) == (8, 8)
    assert len(engines["other"].asked) == MOST_ENGINE_ERRORS
    assert any(isinstance(event, Notice) and "given up" in event.text for event in events)
    # the server is back: the same plan plays what is owed, and only that
    tally, _, engines = play(plan, tmp_path / "r", {"base": ups, "other": ups})
    assert (tally.done, tally.owed) == (16, 0)
    assert engines["base"].asked == []


def test_an_engine_error_in_mid_episode_repeats_no_recorded_turn(ladder: type, tmp_path: Path):
    def falters(request: Request) -> str:
        if request.turn == 2:
            raise EngineError("connection lost")
        return "up"

    plan = plan_of(["base"])
    tally, _, _ = play(plan, tmp_path / "r", {"base": falters}, jobs=1)
    assert (tally.done, tally.owed) == (2, 2)
    _, events, engines = play(plan, tmp_path / "r", {"base": ups})
    assert min(request.turn for request in engines["base"].asked) == 2
    started = [event for event in events if isinstance(event, EpisodeStarted)]
    assert [event.resumed_turns for event in started] == [2, 2]
    # the agent remembers what it did before
    assert engines["base"].asked[0].messages[-1].content.count("Action: up") == 2


def test_an_engine_that_cannot_start_is_a_notice_and_the_others_play(ladder: type, tmp_path: Path):
    class Broken(AnsweringEngine):
        async def start(self) -> None:
            raise EngineError("no tokenizer in model/", "copy it there")

    plan = plan_of(["base", "other"])
    events: list[Event] = []
    engines = {"base": AnsweringEngine(ups), "other": Broken(ups)}
    tally = asyncio.run(play_run(plan, tmp_path / "r", engines, events.append))
    assert (tally.done, tally.owed) == (4, 4)
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert notice.text == "other can't start: no tokenizer in model/"
    assert notice.details == {"contestant": "other", "next_step": "copy it there"}


def test_a_crashed_environment_is_replaced_and_the_episode_played_anew(ladder: type, tmp_path: Path):
    ladder.crashes = 1

    def shakes(request: Request) -> str:
        return "quake" if request.turn == 1 and request.task == "ladder/3" else "up"

    tally, _, _ = play(plan_of(["base"]), tmp_path / "r", {"base": shakes}, jobs=1)
    assert (tally.done, tally.owed) == (4, 0)
    reader = RunReader(tmp_path / "r")
    attempts = [episode for episode in reader.episodes(superseded=True) if episode.key.task == "ladder/3"]
    assert [(episode.attempt, episode.status) for episode in attempts] == [(1, "superseded"), (2, "done")]
    crashed = reader.turns(attempts[0])[-1]
    assert crashed.failure is not None
    assert crashed.failure.kind is FailureKind.ENVIRONMENT_ERROR
    assert crashed.action == "quake"


def test_an_environment_that_always_crashes_leaves_its_episode_owed_and_the_others_scored(
    ladder: type, tmp_path: Path
):
    ladder.crashes = 1000

    def shakes(request: Request) -> str:
        return "quake" if request.task == "ladder/3" else "up"

    tally, _, _ = play(plan_of(["base"]), tmp_path / "r", {"base": shakes})
    assert (tally.done, tally.owed) == (3, 1)
    assert tally.errors == ["ladder/3, base: the ladder fell over"]
    assert ladder.crashes == 1000 - MOST_ATTEMPTS


def test_a_record_that_does_not_replay_is_set_aside_loudly(
    ladder: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def falters(request: Request) -> str:
        if request.turn == 2:
            raise EngineError("connection lost")
        return "up"

    plan = plan_of(["base"])
    play(plan, tmp_path / "r", {"base": falters}, jobs=1)
    monkeypatch.setattr(ladder, "wording", "Rung {}.")
    tally, events, engines = play(plan, tmp_path / "r", {"base": ups})
    assert tally.owed == 0
    assert sum(isinstance(event, Notice) and "does not replay" in event.text for event in events) == 2
    assert min(request.turn for request in engines["base"].asked) == 0


def test_a_full_disk_stops_the_run_with_its_own_error(
    ladder: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import arena.store.writer as writer

    calls = 0
    real = writer.EpisodeWriter.append

    def full(self, turn) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise StoreError("run can't be written: database or disk is full")
        real(self, turn)

    monkeypatch.setattr(writer.EpisodeWriter, "append", full)
    with pytest.raises(StoreError, match="disk is full"):
        play(plan_of(["base"]), tmp_path / "r", {"base": ups})
    monkeypatch.setattr(writer.EpisodeWriter, "append", real)
    tally, _, engines = play(plan_of(["base"]), tmp_path / "r", {"base": ups})
    assert tally.owed == 0
    assert len(engines["base"].asked) == 1 + 2 + 3 + 4 - 3


def test_the_frozen_plan_says_who_played_what_where(ladder: type, tmp_path: Path):
    plan = plan_of(["base", "other"])
    play(plan, tmp_path / "r", {"base": ups, "other": ups})
    frozen = read_plan(tmp_path / "r")
    assert [contestant["name"] for contestant in frozen["contestants"]] == ["base", "other"]
    assert frozen["plan"]["tasks"] == [[task.id, task.hash] for task in plan.tasks]
    assert {"system", "python", "cores"} <= frozen["machine"].keys()
    assert "torch" in frozen["packages"]
