"""Looking for turns and tasks: the search, the filter, the timeline, and opening at a given turn."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from arena.run import play_run
from tests.tui.fakes import FakeSource, not_json, turn
from tests.tui.screens import Driver, driving
from tests.tui.test_play_screen import frames, playing
from tests.tui.test_sources import StreamingEngine, plan_of, sits, ups
from tests.tui.test_watch_screen import finished
from tui.app import ArenaApp
from tui.screens.matches import MatchListScreen
from tui.sources import RecordSource
from tui.viewer import StartAt, Viewer
from tui.widgets.query import KeySuggester, QueryInput
from tui.widgets.timeline import Timeline

pytestmark = pytest.mark.usefixtures("ladder")


@pytest.fixture
def run(ladder: type, tmp_path: Path) -> Path:
    """Four matches: `base` climbs and solves all, `other` sits and solves none."""
    engines = {"base": StreamingEngine(ups), "other": StreamingEngine(sits)}
    asyncio.run(play_run(plan_of("base", "other"), tmp_path / "r", engines, lambda event: None))
    return tmp_path / "r"


async def type_in(driver: Driver, key: str, text: str) -> None:
    await driver.press(key)
    typed = driver.app.screen.query_one(QueryInput)
    assert typed.has_focus
    typed.value = text
    await driver.press("enter")
    await driver.pilot.pause(0.2)
    await driver.settle()


async def test_a_search_goes_to_its_first_hit_and_marks_it_and_a_full_stop_to_the_next(run: Path):
    async with driving(RecordSource(run), "watch") as driver:
        await driver.text_with("rung 0")
        await type_in(driver, "/", '"rung 2"')
        text = await driver.text_with("1 of ")
        assert 'search "rung 2"' in text
        hits = driver.viewer.finder.hits
        assert driver.viewer.here == hits[0]
        transcript = driver.app.match_screen.query("Transcript")[hits[0].contestant]
        marked = [piece for line in transcript._lines for piece, name in line if name == "hit"]
        assert "rung 2" in marked
        seen = []
        for _ in hits:
            await driver.press(".")
            await driver.pilot.pause(0.05)
            await driver.text_with("rung 2")
            seen.append(driver.viewer.here)
        assert seen == [*hits[1:], hits[0]]
        await driver.press(",")
        await driver.pilot.pause(0.05)
        assert driver.viewer.here == hits[-1]
        await driver.press("escape")
        assert "search" not in (await driver.text()).splitlines()[-2]
        assert driver.viewer.finder.hits == []
        assert driver.app.is_running


async def test_a_search_takes_the_filter_language_and_a_mistake_in_it_can_be_mended(run: Path):
    async with driving(RecordSource(run), "watch") as driver:
        await driver.text_with("rung 0")
        await type_in(driver, "/", "contestat:other")
        text = await driver.text()
        assert "there is no key 'contestat'" in text
        assert "contestant" in text
        driver.app.screen.query_one(QueryInput).value = "contestant:other turn>5"
        await driver.press("enter")
        await driver.text_with("1 of 4 turns")
        assert (driver.viewer.chosen_name, frames(driver)) == ("other", [0, 5])


async def test_a_search_without_a_hit_says_so(run: Path):
    async with driving(RecordSource(run), "watch") as driver:
        await type_in(driver, "/", "unicorn")
        assert "no turn found" in await driver.text_with("no turn found")
        await driver.press(".")
        assert "the search finds no turn" in await driver.text_with("the search finds no turn")


async def test_a_filter_leaves_some_matches_for_the_brackets_and_the_list(run: Path):
    async with driving(RecordSource(run), "watch") as driver:
        await type_in(driver, "t", "task:/2,/4 outcome:failure")
        assert "2 of 4 matches" in await driver.text()
        assert driver.viewer.series.place == 1
        await driver.press("]")
        assert driver.viewer.series.place == 3
        await driver.press("]")
        assert "no match beyond" in await driver.text()
        await driver.press("[", "[")
        assert driver.viewer.series.place == 1
        await driver.press("m")
        assert isinstance(driver.app.screen, MatchListScreen)
        text = await driver.text()
        assert "ladder/4" in text
        assert "ladder/3" not in text
        await driver.press("down", "enter")
        assert driver.viewer.series.place == 3
        await driver.press("escape")
        assert len(driver.viewer.finder.left) == 4


async def test_failures_are_looked_for_among_the_tasks_that_are_left(run: Path):
    async with driving(RecordSource(run), "watch") as driver:
        await driver.text_with("rung 0")
        await type_in(driver, "t", "task:/4")
        await driver.press("home", "x")
        await driver.text_with("✗ no effect")
        assert driver.viewer.series.place == 3


async def test_l_in_the_list_leaves_what_the_baseline_solved_and_another_lost():
    source = finished()
    source.found_episodes["base:success outcome:failure"] = [source.key("awq", 2)]
    async with driving(source, "watch") as driver:
        await driver.press("m", "l")
        assert "1 of 3 matches" in await driver.text()
        await driver.press("escape")
        assert "tasks base:success outcome:failure · 1 of 3 matches" in await driver.text()
        await driver.press("m", "l")
        assert "3 of 3 matches" in await driver.text()


async def test_a_filter_of_a_series_that_goes_on_follows_it():
    source = playing()
    source.found_episodes["outcome:failure"] = []
    async with driving(source) as driver:
        await type_in(driver, "t", "outcome:failure")
        assert "0 of 3 matches" in await driver.text()
        source.found_episodes["outcome:failure"] = [source.key("awq")]
        source.ended("awq", 4, success=False)
        assert "1 of 3 matches" in await driver.text_with("1 of 3 matches")


async def test_capitals_go_back_to_failures_and_differences():
    async with driving(finished(), "watch") as driver:
        await driver.press("x")
        assert driver.viewer.series.place == 2
        await driver.press("D")
        assert (driver.viewer.series.place, frames(driver)) == (1, [0, 0])
        await driver.press("x")
        assert (driver.viewer.series.place, driver.viewer.here.turn) == (2, 1)
        await driver.press("X")
        assert "no failed turn before this one" in await driver.text()


async def test_the_timeline_marks_failures_and_rises_and_the_mouse_scrubs_it():
    source = playing()
    source.played("awq", not_json(4), turn(5, valid=False))
    async with driving(source, size=(120, 40)) as driver:
        lines = [line for line in (await driver.text()).splitlines() if line[3:6] in ("bas", "awq")]
        assert [line.split()[-20:][:6] for line in lines[-2:]] == [
            ["▲", "▲", "▲", "▲", "─", "─"],
            ["▲", "▲", "▲", "▲", "✗", "x"],
        ]
        timeline = driver.app.match_screen.query_one(Timeline)
        await driver.pilot.click(timeline, offset=(1 + 17 + 3, 1))
        await driver.settle()
        assert (frames(driver), driver.viewer.chosen_name) == ([1, 1], "awq")
        await driver.pilot.mouse_down(timeline, offset=(1 + 17, 0))
        await driver.pilot.hover(timeline, offset=(1 + 17 + 9, 0))
        await driver.pilot.mouse_up(timeline, offset=(1 + 17 + 9, 0))
        await driver.settle()
        assert frames(driver) == [3, 3]
        await driver.pilot.hover(timeline, offset=(1 + 17, 0))
        await driver.settle()
        assert frames(driver) == [3, 3]


async def test_more_turns_than_cells_share_cells_and_failures_outweigh_the_rest():
    source = FakeSource(live=False)
    turns = [not_json(i) if i == 500 else turn(i, progress=0.0) for i in range(1000)]
    source.recorded_episode("base", turns)
    async with driving(source, "watch", size=(80, 24)) as driver:
        line = next(line for line in (await driver.text()).splitlines() if line.startswith(" ▸ base"))
        assert line.count("✗") == 1
        assert len(line) <= 80
        await driver.press("shift+right")
        assert frames(driver)[0] == 10


async def test_keys_choose_how_calls_and_replies_are_told():
    source = playing()
    source.played("awq", replace(not_json(4), reply="I think so: move to"))
    async with driving(source, size=(120, 40)) as driver:
        assert "expected a JSON object" in await driver.text()
        await driver.press("c", "c")
        text = await driver.text()
        assert "expected a JSON object" not in text
        assert "all folded" in text
        await driver.press("c", "w")
        text = await driver.text()
        assert "raw reply" in text
        assert "Action: pick ball3" in text
        assert "as written" in text


async def test_a_lost_episode_says_why():
    source = FakeSource(live=False)
    source.recorded_episode("base", [turn(0), turn(1, success=True, progress=1.0)])
    lost = [turn(0), turn(1, action="wait"), not_json(2), not_json(3), turn(4, valid=False)]
    source.recorded_episode("awq", lost)
    async with driving(source, "watch", size=(200, 50)) as driver:
        assert "solved in 2 turns" not in await driver.text()
        await driver.press("end")
        text = await driver.text_with("leaves the baseline")
    assert "solved in 2 turns" in text
    assert "leaves the baseline at turn 2 · ✗ 2 not JSON, 1 no effect" in text
    assert "0 won · 1 lost · 0 tied" in text


@pytest.mark.parametrize("live", [True, False])
async def test_the_screen_opens_at_the_turn_that_it_is_told(live: bool):
    source = finished()
    source.live = live
    app = ArenaApp(source, "watch", start_at=StartAt(source.key("awq", 2), 1))
    async with app.run_test(size=(120, 40)) as pilot:
        driver = Driver(app, pilot)
        text = await driver.text()
        assert "match 3/3" in text
        assert (frames(driver), driver.viewer.chosen_name) == ([1, 1], "awq")
        assert "not JSON" in text
        assert driver.app.focused is app.match_screen.query("Transcript")[1]


def test_a_place_that_the_plan_does_not_have_is_ignored():
    source = finished()
    stranger = FakeSource().card.matches[0].key("stranger")
    assert Viewer(source, StartAt(stranger, 7)).series.place == 0


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("cont", "contestant:"),
        ("turn>5 base:s", "turn>5 base:success"),
        ("-outcome:f", "-outcome:failure"),
        ("unicorn", None),
        ("", None),
    ],
)
async def test_keys_and_values_of_the_language_are_suggested(typed: str, suggested: str | None):
    assert await KeySuggester().get_suggestion(typed) == suggested
