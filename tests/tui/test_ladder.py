"""The ladder: matches won, lost and tied against the baseline, and the interval that may be looked at."""

import pytest

from tests.tui.fakes import FakeSource, card, turn
from tests.tui.screens import driving
from tui.card import MatchCard, RunCard
from tui.ladder import Ladder
from tui.shown import interval_words


def ladder_of(tasks: int = 4, repeats: int = 1) -> Ladder:
    run = card(["base", "awq"], tasks)
    matches = [
        MatchCard(m.task, m.task_hash, repeat, repeat) for repeat in range(repeats) for m in run.matches
    ]
    return Ladder(RunCard(run.suite, run.contestants, matches))


def play(ladder: Ladder, place: int, base: float, awq: float) -> None:
    ladder.ends(place, "base", base)
    ladder.ends(place, "awq", awq)


def test_matches_are_won_lost_and_tied_by_progress_against_the_baseline():
    ladder = ladder_of()
    play(ladder, 0, 1.0, 0.5)
    play(ladder, 1, 0.2, 0.4)
    play(ladder, 2, 0.3, 0.1 + 0.2)
    ladder.ends(3, "awq", 1.0)
    rung = ladder.rungs["awq"]
    assert (rung.won, rung.lost, rung.tied) == (1, 1, 1)
    assert ladder.result(0, "awq") == -0.5
    assert ladder.result(3, "awq") is None
    assert "base" not in ladder.rungs


def test_an_episode_that_is_told_twice_counts_once():
    ladder = ladder_of()
    play(ladder, 0, 1.0, 0.5)
    play(ladder, 0, 1.0, 0.5)
    assert ladder.rungs["awq"].matches == 1


def test_the_interval_takes_tasks_in_their_planned_order_whatever_is_over_first():
    early, late = ladder_of(), ladder_of()
    results = [(1.0, 0.0), (1.0, 1.0), (0.5, 0.0), (1.0, 0.0)]
    for place, (base, awq) in enumerate(results):
        play(early, place, base, awq)
        early.catch_up()
    for place in (3, 1):
        play(late, place, *results[place])
    late.catch_up()
    assert late.rungs["awq"].sequence.count == 0
    for place in (0, 2):
        play(late, place, *results[place])
    late.catch_up()
    assert late.rungs["awq"].sequence.interval == early.rungs["awq"].sequence.interval
    assert late.rungs["awq"].sequence.mean == pytest.approx(-0.625)


def test_where_one_benchmark_follows_another_no_interval_is_shown_that_the_mean_has_left():
    ladder = ladder_of(240)
    for place in range(60):
        play(ladder, place, 0.0, 0.8)
    ladder.catch_up()
    assert interval_words(ladder, "awq").startswith("Δ +80 [")
    for place in range(60, 240):
        play(ladder, place, 0.8, 0.0)
    while ladder.catch_up():
        pass
    assert interval_words(ladder, "awq") == ""


def test_a_task_enters_the_interval_once_when_all_its_repeats_are_over():
    ladder = ladder_of(tasks=2, repeats=2)
    play(ladder, 0, 1.0, 0.0)
    ladder.catch_up()
    assert ladder.rungs["awq"].sequence.count == 0
    play(ladder, 2, 1.0, 1.0)
    ladder.catch_up()
    assert (ladder.rungs["awq"].sequence.count, ladder.rungs["awq"].sequence.mean) == (1, -0.5)


def test_an_episode_that_failed_does_not_hold_up_the_interval():
    ladder = ladder_of()
    ladder.fails(0, "awq")
    ladder.ends(0, "base", 1.0)
    play(ladder, 1, 1.0, 0.5)
    assert ladder.catch_up()
    assert ladder.rungs["awq"].sequence.count == 1
    assert not ladder.catch_up()
    ladder.ends(0, "awq", 1.0)
    assert (ladder.rungs["awq"].matches, ladder.catch_up()) == (2, False)


def test_a_long_series_is_caught_up_with_in_parts():
    ladder = ladder_of(tasks=250)
    for place in range(250):
        play(ladder, place, 1.0, 0.9)
    parts = 0
    while ladder.catch_up():
        parts += 1
    assert parts == 3
    low, high = ladder.rungs["awq"].sequence.interval
    assert low <= -0.1 <= high < 0


LONG = "bundled+magnitude-unstructured-70"


def a_match_lost(names: tuple[str, str] = ("base", "awq")) -> FakeSource:
    """A series of which one match is over, lost by the second of two contestants."""
    source = FakeSource(card(names), live=False)
    for name, progress in zip(names, (1.0, 0.25), strict=True):
        source.recorded_episode(name, [turn(0, progress=progress, completion_tokens=1234)])
    return source


@pytest.mark.parametrize("size", [(80, 24), (160, 24), (200, 50)])
async def test_an_interval_is_shown_whole_and_says_that_it_holds_at_any_time_or_is_left_out(
    size: tuple[int, int],
):
    async with driving(a_match_lost(), "watch", size) as driver:
        text = await driver.text_with("0 won · 1 lost · 0 tied")
        await driver.press("2", "z")
        alone = await driver.text_with("any time Δ \N{MINUS SIGN}75 [")
    assert ("Δ" in text) == ("any time Δ \N{MINUS SIGN}75 [\N{MINUS SIGN}100, +" in text) == (size[0] > 80)
    assert "any time Δ \N{MINUS SIGN}75 [\N{MINUS SIGN}100, +" in alone


@pytest.mark.parametrize("names", [("base", "awq"), ("base", LONG)])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_no_column_of_the_ladder_is_cut(names: tuple[str, str], size: tuple[int, int]):
    async with driving(a_match_lost(names), "watch", size) as driver:
        await driver.press("m")
        text = await driver.text_with("▼")
    ladder = text.split("task")[0].splitlines()[1:]
    assert "any time" in ladder[1]
    assert "\N{MINUS SIGN}75 [\N{MINUS SIGN}100, +" in ladder[3]
    assert not any(line.endswith("…") for line in ladder)
    assert ("270 MB" in ladder[3]) == (size[0] > 80 or names[1] == "awq")
