"""`arena watch` on screen: a record, finished or still growing."""

from tests.tui.fakes import FakeSource, not_json, turn
from tests.tui.screens import driving
from tests.tui.test_play_screen import frames


def finished() -> FakeSource:
    source = FakeSource(live=False)
    for match in range(2):
        source.recorded_episode("base", [turn(i) for i in range(3)], match)
        source.recorded_episode("awq", [turn(i, action=f"go {i}") for i in range(2)], match)
    source.recorded_episode("base", [turn(0), turn(1)], 2)
    source.recorded_episode("awq", [turn(0), not_json(1)], 2)
    return source


async def test_a_finished_run_opens_paused_at_its_first_turn():
    async with driving(finished(), "watch") as driver:
        text = await driver.text()
        assert frames(driver) == [0, 0]
    assert "match 1/3" in text
    assert "‖ paused" in text
    assert "0/3 solved" in text
    assert "press f" not in text


async def test_space_replays_turn_by_turn_and_match_by_match_to_the_end():
    async with driving(finished(), "watch") as driver:
        await driver.press(*"=" * 9, "space")
        for _ in range(40):
            await driver.settle()
        text = await driver.text()
        assert "match 3/3" in text
        assert "‖ paused" in text
        assert frames(driver) == [1, 1]


async def test_space_again_pauses_the_replay():
    async with driving(finished(), "watch") as driver:
        await driver.press("space", "space")
        shown = frames(driver)
        assert not driver.viewer.replaying
        await driver.pilot.pause(0.2)
        assert frames(driver) == shown


async def test_n_goes_on_by_a_turn_and_from_match_to_match():
    async with driving(finished(), "watch") as driver:
        await driver.press("n", "n")
        assert frames(driver) == [2, 1]
        await driver.press("n")
        assert "match 2/3" in await driver.text()
        assert frames(driver) == [0, 0]


async def test_x_and_d_look_through_later_matches_too():
    async with driving(finished(), "watch") as driver:
        await driver.press("x")
        assert "match 3/3" in await driver.text()
        assert frames(driver) == [1, 1]
        assert driver.viewer.chosen == 1
        await driver.press("[", "[", "d")
        assert driver.viewer.series.place == 1
        await driver.press("d")
        assert driver.viewer.series.place == 2
        assert frames(driver) == [1, 1]


async def test_the_lock_is_no_key_of_a_record():
    async with driving(finished(), "watch", size=(200, 50)) as driver:
        text = await driver.text()
        assert "Lock" not in text
        await driver.press("?")
        assert "Locked:" not in await driver.text()


async def test_a_live_run_is_followed_and_space_holds_it():
    source = FakeSource(live=True)
    for name in ("base", "awq"):
        source.start(name)
        source.played(name, turn(0))
    async with driving(source, "watch") as driver:
        assert "● live" in await driver.text()
        source.played("base", turn(1))
        await driver.settle()
        assert frames(driver) == [1, 0]
        await driver.press("space")
        source.played("base", turn(2))
        text = await driver.text()
        assert frames(driver) == [1, 0]
        assert "‖ paused" in text
        assert "+1 new turn, press f" in text
        await driver.press("f")
        assert frames(driver) == [2, 0]
        assert "● live" in await driver.text()


async def test_a_live_view_goes_on_to_the_next_match_when_the_one_on_screen_is_over():
    source = FakeSource(live=True)
    for name in ("base", "awq"):
        source.start(name)
        source.played(name, turn(0))
        source.ended(name, 1)
    async with driving(source, "watch") as driver:
        source.start("base", 1)
        await driver.settle()
        assert "match 1/3" in await driver.text()
        assert "match 2/3" in await driver.text_with("match 2/3")


async def test_a_record_that_breaks_while_it_is_read_is_said_and_not_a_crash():
    from arena.errors import StoreError

    source = finished()

    async def broken(match):
        raise StoreError("run.sqlite can't be read: disk image is malformed")

    async with driving(source, "watch") as driver:
        source.recorded = broken
        await driver.press("]")
        assert "disk image is malformed" in await driver.text()
        await driver.pilot.pause(0.3)
        assert len(driver.app._notifications) == 1
        await driver.press("x")
        assert driver.app.is_running


async def test_an_interrupted_run_says_where_it_stopped_and_what_was_not_played():
    source = FakeSource(live=False)
    source.recorded_episode("base", [turn(0)], 0, "running")
    async with driving(source, "watch") as driver:
        text = await driver.text()
    assert "stopped here" in text
    assert "not played" in text
