"""The sources on real runs: played here through `play_run`, or read from the record of another."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from arena.contestant import Contestant, agent_settings
from arena.engines.base import Completion, Engine, Request
from arena.errors import EngineError, StoreError, UsageError
from arena.filtering import parse
from arena.plan import Plan
from arena.records import EpisodeEnded, ReplyText, TurnPlayed
from arena.run import play_run
from arena.store.files import PLAN, is_being_played, writer_lock
from arena.store.reader import RunReader
from arena.suite import expand, parse_suite
from tests.tui.screens import driving, soon
from tui.series import Heard, TurnBegan
from tui.sources import PlaySource, RecordSource

SUITE = '[settings]\n[[tasks]]\nbenchmark = "ladder"\n'


class StreamingEngine(Engine):
    """Says what it is told to, word by word, from a thread of its own."""

    def __init__(
        self, answer: Callable[[Request], str], delay_s: float = 0.0, closing_s: float = 0.0
    ) -> None:
        self.answer, self.delay_s, self.closing_s = answer, delay_s, closing_s
        self.closed = False
        self.asked: list[tuple[str, int]] = []

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return [await self._reply(request) for request in requests]

    async def _reply(self, request: Request) -> Completion:
        self.asked.append((request.task, request.turn))
        text = self.answer(request)

        def speak() -> None:
            for word in text.split(" "):
                if request.on_text:
                    request.on_text(word + " ")

        speaking = threading.Thread(target=speak)
        speaking.start()
        await asyncio.sleep(self.delay_s)
        speaking.join()
        return Completion(text, "stop", 10, 3, latency_s=0.01)

    def identity(self):
        return {"engine": "streaming"}

    async def close(self) -> None:
        await asyncio.sleep(self.closing_s)
        self.closed = True


def plan_of(*names: str) -> Plan:
    suite = parse_suite(f'name = "ladders"\n{SUITE}', "ladders")
    settings = agent_settings(suite.settings, {})
    contestants = [Contestant(name, name, {}, settings, {"engine": {"name": name}}) for name in names]
    return Plan(suite, contestants, expand(suite), 1)


def ups(request: Request) -> str:
    return "Action: up"


def sits(request: Request) -> str:
    return "Action: sit"


def play_source(run: Path, **engines: Engine) -> PlaySource:
    source = PlaySource(plan_of(*engines), run, engines)
    source.pacer.speed = float("inf")
    return source


async def test_a_series_is_played_through_play_run_turn_by_turn(ladder: type, tmp_path: Path):
    source = play_source(tmp_path / "r", base=StreamingEngine(ups), other=StreamingEngine(sits))
    heard: list[Heard] = []
    tally = await source.run(heard.append)
    await source.close()
    assert (tally.done, tally.owed) == (8, 0)
    assert not source.live
    began = [(event.key, event.turn) for event in heard if isinstance(event, TurnBegan)]
    played = [(event.key, event.turn.index) for event in heard if isinstance(event, TurnPlayed)]
    assert sorted(began, key=str) == sorted(played, key=str)
    assert any(isinstance(event, ReplyText) for event in heard)
    for key, turn in began:
        position = next(i for i, event in enumerate(heard) if event == TurnBegan(key, turn))
        rivals = {
            event.turn.index
            for event in heard[:position]
            if isinstance(event, TurnPlayed) and event.key.task == key.task
        }
        assert turn == 0 or turn - 1 in rivals


async def test_the_screen_plays_a_real_series_to_its_end(ladder: type, tmp_path: Path):
    source = play_source(tmp_path / "r", base=StreamingEngine(ups), other=StreamingEngine(sits))
    async with driving(source) as driver:
        await driver.until(lambda: driver.app.tally is not None)
        text = await driver.text()
        assert driver.app.tally.done == 8
        assert "4/4 solved · mean 1.00" in text
        other = driver.viewer.series.standings["other"]
        assert (other.episodes, other.successes, other.mean_progress) == (4, 0, 0.0)
        assert "match 4/4" in text
        assert "the series is over" in text
        await driver.press("[", "[", "home")
        text = await driver.text_with("rung 0")
        assert "match 2/4" in text
        assert "rung 0" in text


async def test_quitting_in_mid_match_loses_nothing_and_the_same_plan_goes_on(ladder: type, tmp_path: Path):
    engines = {"base": StreamingEngine(ups, closing_s=0.4), "other": StreamingEngine(sits, closing_s=0.4)}
    source = play_source(tmp_path / "r", **engines)
    async with driving(source) as driver:
        await driver.press("space")
        await driver.pilot.pause(0.3)
        for _ in range(3):
            await driver.press("n")
            await driver.pilot.pause(0.2)
        await driver.press("q")
        assert driver.app.is_running
        assert "stopping" in await driver.text()
        await driver.ended()
        assert not driver.app.is_running
    assert all(engine.closed for engine in engines.values())
    assert driver.app.tally is None
    assert not is_being_played(tmp_path / "r")
    before = RunReader(tmp_path / "r")
    recorded = sum(len(before.turns(episode)) for episode in before.episodes())
    before.close()
    assert recorded >= 3
    again = {"base": StreamingEngine(ups), "other": StreamingEngine(sits)}
    resumed = play_source(tmp_path / "r", **again)
    tally = await resumed.run(lambda event: None)
    await resumed.close()
    assert tally.owed == 0
    assert sum(len(engine.asked) for engine in again.values()) == 1 + 2 + 3 + 4 + 4 * 6 - recorded


async def test_a_resumed_series_counts_what_was_played_before(ladder: type, tmp_path: Path):
    plan = plan_of("base")
    await play_run(plan, tmp_path / "r", {"base": StreamingEngine(ups)}, lambda event: None)
    source = play_source(tmp_path / "r", base=StreamingEngine(ups))
    async with driving(source) as driver:
        await driver.until(lambda: driver.app.tally is not None)
        text = await driver.text()
    assert "4/4 solved" in text
    assert "30 tok" in text


async def test_a_run_that_another_process_plays_ends_the_screen_with_that_error(ladder: type, tmp_path: Path):
    await play_run(plan_of("base"), tmp_path / "r", {"base": StreamingEngine(ups)}, lambda event: None)
    with writer_lock(tmp_path / "r"):
        async with driving(play_source(tmp_path / "r", base=StreamingEngine(ups))) as driver:
            await driver.ended()
    assert isinstance(driver.app.problem, UsageError)
    assert "is being played by" in driver.app.problem.message


async def test_an_engine_that_fails_is_shown_and_the_others_play_on(ladder: type, tmp_path: Path):
    def fails(request: Request) -> str:
        raise EngineError("server down")

    source = play_source(tmp_path / "r", base=StreamingEngine(ups), other=StreamingEngine(fails))
    async with driving(source) as driver:
        await driver.until(lambda: driver.app.tally is not None)
        text = await driver.text()
    assert driver.app.tally.owed == 4
    assert "server down" in text
    assert "4 of 8 episodes are owed" in text


async def test_a_record_tells_what_another_process_adds_to_it(ladder: type, tmp_path: Path):
    run = tmp_path / "r"
    slow = StreamingEngine(ups, delay_s=0.1)
    playing = asyncio.create_task(play_run(plan_of("base"), run, {"base": slow}, lambda event: None))
    await soon(lambda: (run / PLAN).exists() and is_being_played(run))
    source = RecordSource(run)
    assert source.live
    heard: list[Heard] = []
    following = asyncio.create_task(source.run(heard.append))
    await playing
    await soon(lambda: not source.live)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    known = {head.key for head in source.heads if head.status == "done"}
    ended = {event.key for event in heard if isinstance(event, EpisodeEnded)}
    assert len(known | ended) == 4
    assert ended
    matches = [await source.recorded(match) for match in source.card.matches]
    assert [len(match[0].turns) for match in matches] == [1, 2, 3, 4]
    await source.close()


async def test_a_recorded_run_is_shown_from_its_beginning(ladder: type, tmp_path: Path):
    engines = {"base": StreamingEngine(ups), "other": StreamingEngine(sits)}
    await play_run(plan_of("base", "other"), tmp_path / "r", engines, lambda event: None)
    async with driving(RecordSource(tmp_path / "r"), "watch") as driver:
        text = await driver.text_with("rung 0")
        assert "match 1/4" in text
        assert "rung 0" in text
        await driver.press("x")
        await driver.until(lambda: driver.viewer.chosen == 1)
        assert driver.viewer.chosen == 1
        await driver.press("q")
        await driver.ended()
    assert driver.app.problem is None


async def test_some_contestants_of_a_run_are_shown_beside_its_baseline(ladder: type, tmp_path: Path):
    names = ("base", "other", "third")
    engines = {name: StreamingEngine(ups if name == "base" else sits) for name in names}
    await play_run(plan_of(*names), tmp_path / "r", engines, lambda event: None)
    source = RecordSource(tmp_path / "r", ["third"])
    assert source.card.names == ["base", "third"]
    assert {head.key.contestant for head in source.heads} == {"base", "third"}
    async with driving(source, "watch") as driver:
        text = await driver.text_with("rung 0")
        assert "third" in text
        assert "other" not in text
        assert {key.contestant for key, _ in await source.find_turns(parse("", "base"))} == {"base", "third"}
        failed = await source.find_episodes(parse("outcome:failure", "base"))
        assert {key.contestant for key in failed} == {"third"}
    with pytest.raises(UsageError, match="no contestant 'thrid'"):
        RecordSource(tmp_path / "r", ["thrid"])


@pytest.mark.parametrize("broken", ["missing plan", "plan of another shape", "torn database", "bad record"])
def test_a_broken_run_is_one_typed_error(ladder: type, tmp_path: Path, broken: str):
    run = tmp_path / "r"
    asyncio.run(play_run(plan_of("base"), run, {"base": StreamingEngine(ups)}, lambda event: None))
    if broken == "missing plan":
        (run / "run.toml").unlink()
    elif broken == "plan of another shape":
        (run / "run.toml").write_text("plan = 3\ncontestants = [1]\n")
    elif broken == "torn database":
        (run / "run.sqlite").write_bytes(b"SQLite format 3\x00 and then nothing")
    else:
        database = run / "run.sqlite"
        whole = database.read_bytes()
        database.write_bytes(whole[: len(whole) // 2])
        for name in ("run.sqlite-wal", "run.sqlite-shm"):
            (run / name).unlink(missing_ok=True)
    with pytest.raises(StoreError):
        asyncio.run(look(run))


async def look(run: Path) -> None:
    source = RecordSource(run)
    try:
        for match in source.card.matches:
            await source.recorded(match)
        await asyncio.wait_for(source.run(lambda event: None), 0.5)
    finally:
        await source.close()


async def test_who_asks_a_record_that_is_closed_is_cancelled_and_what_was_asked_before_is_answered(
    ladder: type, tmp_path: Path
):
    await play_run(plan_of("base"), tmp_path / "r", {"base": StreamingEngine(ups)}, lambda event: None)
    source = RecordSource(tmp_path / "r")
    match = source.card.matches[0]
    asked = asyncio.create_task(source.recorded(match))
    await asyncio.sleep(0)
    await source.close()
    (episode,) = await asked
    assert episode.head.status == "done"
    late = asyncio.create_task(source.recorded(match))
    await asyncio.gather(late, return_exceptions=True)
    assert late.cancelled()
