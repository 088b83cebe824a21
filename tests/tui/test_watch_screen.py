"""`arena watch` on screen: a record, finished or still growing."""

import pytest

from tests.tui.fakes import FakeSource, card, not_json, turn
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


BASE = "qwen2.5-coder-0.5b"
RECIPES = (
    *("again", "gptq-w4g128", "awq-w4g128", "rtn-w4g128", "rtn-w3g128", "magnitude-50", "magnitude-30"),
    *("magnitude-2of4", "wanda-50", "wanda-2of4", "smoothquant-w8a8", "sparsegpt-50", "sparsegpt-2of4"),
    *("in-hf", "tools", "fp8"),
)


def study(turns: int = 3) -> FakeSource:
    """A finished run of a model and sixteen variants, whose names share a long beginning."""
    source = FakeSource(card([BASE, *(f"{BASE}-{recipe}" for recipe in RECIPES)]), live=False)
    for name in source.card.names:
        played = [turn(i, success=i == turns - 1) for i in range(turns)]
        source.recorded_episode(name, played)
    return source


async def test_variants_of_one_model_are_told_apart_where_there_is_little_room():
    async with driving(study(), "watch", (80, 24)) as driver:
        text = await driver.text_with("1.3 GB")
        for shown in ("…gptq-w4g128", "…awq-w4g128", "…rtn-w4g128", "…rtn-w3g128", "…wanda-2of4", "…fp8"):
            assert shown in text
        await driver.press("m")
        assert "…gptq-w4g128" in await driver.text_with("3 of 3 matches")


async def test_names_are_whole_where_there_is_room_for_them():
    async with driving(study(), "watch", (200, 50)) as driver:
        text = await driver.text_with(f"{BASE}-smoothquant-w8a8")
        assert all(f"{BASE}-{recipe} " in text for recipe in RECIPES)
        await driver.press("m")
        text = await driver.text_with("3 of 3 matches")
        assert all(f"{BASE}-{recipe} " in text for recipe in RECIPES)


async def test_a_tall_screen_gives_its_lines_to_the_chosen_contestants_pane():
    source = study()
    told = "\n".join(f"line {i}" for i in range(20))
    source.record[source.card.matches[0]][0].turns[0] = turn(0, outcome=told)
    async with driving(source, "watch", (200, 50)) as driver:
        await driver.text_with("turn")
        screen = driver.app.match_screen
        assert screen.query("ContestantPane").first().size.height >= 35
        assert "line 19" in await driver.text_with("line 19")


async def test_on_the_smallest_screen_the_chosen_contestants_card_is_shown():
    async with driving(study(), "watch", (40, 12)) as driver:
        text = await driver.text_with("pick ball0")
        assert BASE in text
        await driver.press("tab", "tab")
        assert "gptq-w4g128" in await driver.text_with("gptq-w4g128")
        assert "▸ 3" in await driver.text()


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (100, 30), (120, 40), (200, 50)])
async def test_help_is_at_the_bottom_at_any_width_and_no_key_is_cut(size: tuple[int, int]):
    async with driving(finished(), "watch", size) as driver:
        await driver.text_with("? Help")
        last = (await driver.text()).splitlines()[-1]
    assert "? Help" in last
    labels = ("Leave", "Play", "Step", "Speed", "Turn", "Follow", "Next ✗", "Differs", "Match", "Matches")
    labels += ("Tasks", "Search", "Calls", "As written", "View", "Zoom", "Help", "Export", "palette")
    rest = last
    for label in sorted(labels, key=len, reverse=True):
        rest = rest.replace(f" {label}", "")
    assert all(len(word) <= 6 for word in rest.split())  # keys alone are left
    assert not any(rest.rstrip().endswith(label[:3]) for label in labels)


async def test_how_an_episode_ended_is_said_when_the_replay_reaches_its_end():
    source = study()
    async with driving(source, "watch", (120, 40)) as driver:
        seen = [driver._text()]
        text = await driver.text_with("turn     1/20")
        seen.append(text)
        await driver.press("right")
        seen.append(await driver.text_with("turn     2/20"))
        assert not any("✓ solved" in each or "solved in 3 turns" in each for each in seen)
        await driver.press("right")
        assert "✓ solved" in await driver.text_with("solved in 3 turns")


async def test_what_is_not_read_yet_has_no_outcome():
    source = study()

    async def never(match):
        return []

    source.recorded = never
    async with driving(source, "watch", (120, 40)) as driver:
        text = await driver.text_with("reading")
        assert "✓" not in text
        assert "✗" not in text.replace("Next ✗", "")
