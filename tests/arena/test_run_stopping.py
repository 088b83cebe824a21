import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
from playing import AnsweringEngine, ladder_plan, play, ups

from arena.deciding import DECIDED
from arena.errors import UsageError
from arena.halt import Halt
from arena.limits import Limits, Spending
from arena.records import EpisodeEnded, EpisodeKey, Turn, TurnPlayed
from arena.store.reader import RunReader, all_events


def test_a_run_that_is_asked_to_stop_finishes_its_turns_and_goes_on_from_them(ladder: type, tmp_path: Path):
    halt, plan = Halt(), ladder_plan(["base"])

    def stop(event) -> None:
        if isinstance(event, TurnPlayed) and event.key.task == "ladder/4" and event.turn.index == 1:
            halt.ask("enough")

    engine = AnsweringEngine(ups, concurrency=1)
    tally, _ = play(plan, tmp_path / "r", {"base": engine}, stop, halt=halt)
    assert (tally.stopped, tally.errors) == ("enough", [])
    assert tally.owed > 0
    reader = RunReader(tmp_path / "r")
    head = reader.episodes()[-1]
    assert (head.status, head.turns) == ("running", 2)
    again = AnsweringEngine(ups)
    tally, _ = play(plan, tmp_path / "r", {"base": again})
    assert (tally.owed, tally.stopped) == (0, None)
    assert len(engine.asked) + len(again.asked) == 1 + 2 + 3 + 4


def test_a_run_that_is_decided_ends_its_episodes_and_records_why(ladder: type, tmp_path: Path):
    halt = Halt()

    def stop(event) -> None:
        if isinstance(event, TurnPlayed):
            halt.ask("decided: base: same", "episodes", {DECIDED: "base: same"})

    tally, events = play(
        ladder_plan(["base"]), tmp_path / "r", {"base": AnsweringEngine(ups, 2)}, stop, halt=halt
    )
    assert (tally.done, tally.stopped) == (2, "decided: base: same")
    assert all(event.status == "done" for event in events if isinstance(event, EpisodeEnded))
    assert list(all_events(tmp_path / "r"))[-1].details == {DECIDED: "base: same"}


def test_the_longest_episodes_are_played_first(ladder: type, tmp_path: Path):
    engine = AnsweringEngine(ups, concurrency=1)
    plan = ladder_plan(["base"])
    from dataclasses import replace

    sized = [replace(task, max_steps=steps) for task, steps in zip(plan.tasks, (2, 9, 4, 7), strict=True)]
    play(replace(plan, tasks=sized), tmp_path / "r", {"base": engine})
    assert list(dict.fromkeys(request.task for request in engine.asked)) == [
        "ladder/2",
        "ladder/4",
        "ladder/3",
        "ladder/1",
    ]


def test_where_an_order_is_given_all_contestants_play_in_it_block_by_block(
    ladder: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("arena.schedule.FIRST_BLOCK", 1)
    plan = ladder_plan(["base", "other"], repeats=2)
    order = [plan.tasks[index].hash for index in (2, 0, 3, 1)]
    ended: list[EpisodeKey] = []

    def note(event) -> None:
        if isinstance(event, EpisodeEnded):
            ended.append(event.key)

    engines = {name: AnsweringEngine(ups, 1) for name in ("base", "other")}
    play(plan, tmp_path / "r", engines, note, order=order)
    for name in engines:
        tasks = [key.task_hash for key in ended if key.contestant == name]
        assert list(dict.fromkeys(tasks)) == order
    assert [key.task_hash for key in ended[:4]] == [order[0]] * 4
    # blocks of 1, 1 and 2 tasks
    assert engines["base"].starts == 3


def turn(prompt_tokens: int, completion_tokens: int) -> TurnPlayed:
    played = Turn(
        0, "", "", "", "", None, "", True, 0.0, False,
        prompt_tokens=prompt_tokens, completion_tokens=completion_tokens,
    )  # fmt: skip
    return TurnPlayed(EpisodeKey("base", "t/0", "h", 0, 0), played)


def test_each_limit_says_when_it_is_reached():
    tokens = Spending(Limits(tokens=100))
    tokens.hear(turn(90, 9))
    assert tokens.reached is None
    tokens.hear(turn(1, 0))
    assert "100 tokens" in (tokens.reached or "")

    cost = Spending(Limits(cost=1.0, prompt_price=1.0, completion_price=10.0))
    cost.hear(turn(500_000, 49_000))
    assert (cost.reached, cost.cost) == (None, pytest.approx(0.99))
    cost.hear(turn(0, 1_000))
    assert "1.00 spent" in (cost.reached or "")

    clock = [0.0]
    seconds = Spending(Limits(seconds=5), now=lambda: clock[0])
    clock[0] = 4.9
    assert seconds.reached is None
    clock[0] = 5.0
    assert "5 s" in (seconds.reached or "")

    turns = Spending(Limits(turns=2))
    turns.hear(turn(1, 1))
    assert turns.reached is None
    turns.hear(turn(1, 1))
    assert "2 turns is reached (2 played)" in (turns.reached or "")


def test_what_a_server_does_not_count_is_estimated_and_called_an_estimate():
    spending = Spending(Limits(tokens=100, cost=1.0, prompt_price=1.0))
    spending.hear(turn(40, 9))
    assert not spending.goes_by_estimate
    spending.hear(replace(turn(0, 0), estimated_tokens=(50, 1)))
    assert spending.goes_by_estimate
    assert (spending.tokens, spending.prompt_tokens) == (100, 90)
    assert "(by an estimate 100 used)" in (spending.reached or "")
    without_limits = Spending(Limits(seconds=5))
    without_limits.hear(replace(turn(0, 0), estimated_tokens=(50, 1)))
    assert not without_limits.goes_by_estimate


def test_a_limit_of_the_cost_without_a_price_is_refused():
    with pytest.raises(UsageError, match="needs a price"):
        Limits(cost=3.0)


def test_retrying_plays_only_what_it_is_given(ladder: type, tmp_path: Path):
    plan = ladder_plan(["base"])
    engine = AnsweringEngine(ups)
    tally, _ = play(plan, tmp_path / "r", {"base": engine}, only=[plan.episodes()[1]])
    assert (tally.done, tally.owed) == (1, 3)
    assert {request.task for request in engine.asked} == {"ladder/2"}
