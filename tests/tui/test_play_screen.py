"""`arena play` on screen: a contest that runs, with every key of the table."""

import math
from itertools import pairwise

from arena.records import EpisodeEnded, Notice, ReplyText
from tests.tui.fakes import FakeSource, card, not_json, turn
from tests.tui.screens import Driver, driving
from tui.names import short_name
from tui.screens.help import HelpScreen
from tui.screens.matches import MatchListScreen
from tui.series import TurnBegan
from tui.tables import keys


def playing(turns: int = 4) -> FakeSource:
    source = FakeSource(steered=True)
    for name in ("base", "awq"):
        source.start(name)
        source.played(name, *(turn(i) for i in range(turns)))
    return source


def frames(driver: Driver) -> list[int]:
    viewer = driver.viewer
    return [viewer.playhead.frame(name, viewer.frames) for name in viewer.source.card.names]


async def test_a_turn_shows_observation_thought_reply_action_and_outcome():
    source = FakeSource(steered=True)
    source.start("base")
    said = "<think>The ball is near.</think>\nAction: pick ball9"
    source.played("base", turn(0, observation="You see a door.", thought="The ball is near.", reply=said))
    async with driving(source) as driver:
        text = await driver.text()
    for shown in (
        "You see a door.",
        "The ball is near.",
        "▸ action",
        "pick ball0",
        "✓ valid",
        "You see 2 balls.",
    ):
        assert shown in text
    assert "<think>" not in text


async def test_the_header_says_what_is_played_and_how():
    async with driving(playing()) as driver:
        text = await driver.text()
    for shown in ("pddl/gripper/0", "match 1/3", "quick", "playing", "locked", "Move all balls"):
        assert shown in text
    assert "base (baseline)" in text
    assert "270 MB" in text


async def test_a_reply_appears_as_it_streams_with_its_thought_apart():
    source = playing()
    async with driving(source) as driver:
        source.tell(TurnBegan(source.key("base"), 4))
        source.tell(ReplyText(source.key("base"), 4, "<think>Which hand is fr"))
        text = await driver.text()
        assert "thinking" in text
        assert "Which hand is fr" in text
        source.tell(ReplyText(source.key("base"), 4, "ee?</think>Action: dr"))
        text = await driver.text()
        assert "Which hand is free?" in text
        assert "Action: dr▌" in text
        source.played("base", turn(4, reply="Action: drop it", action="drop it"))
        text = await driver.text()
    assert "▌" not in text
    assert "drop it" in text


async def test_a_long_reply_is_followed_in_half_views_with_its_end_always_in_view():
    source = playing()
    async with driving(source) as driver:
        transcript = driver.app.match_screen._panes[0].transcript
        source.tell(TurnBegan(source.key("base"), 4))
        await driver.settle()
        seen: list[int] = []
        for number in range(60):
            source.tell(ReplyText(source.key("base"), 4, f"line {number} of the reply\n"))
            assert f"line {number} of the reply" in await driver.text()
            seen.append(transcript.scroll_offset.y)
        step = transcript.scrollable_content_region.height // 2
        assert {after - before for before, after in pairwise(seen[20:])} == {0, step}
        source.played("base", turn(4, reply="Action: drop it", action="drop it"))
        assert "drop it" in await driver.text()


async def test_a_failed_reply_says_which_kind_in_words_and_how_the_contestant_was_told():
    source = playing()
    source.played("awq", not_json(4))
    async with driving(source) as driver:
        text = await driver.text()
    for shown in (
        "✗ failed",
        "not JSON",
        "expected a JSON object",
        "Your tool call is not valid",
        "would read: move()",
    ):
        assert shown in text


async def test_an_action_that_differs_from_the_baselines_is_marked():
    source = playing()
    source.played("base", turn(4))
    source.played("awq", turn(4, action="wait", valid=False))
    async with driving(source) as driver:
        text = await driver.text()
    assert "≠ baseline ✗ no effect" in text


async def test_results_are_counted_over_the_series():
    source = playing()
    source.ended("base", 4)
    source.ended("awq", 4, progress=0.5, success=False)
    async with driving(source) as driver:
        text = await driver.text()
        assert "1/1 solved · mean 1.00" in text
        assert "0/1 solved · mean 0.50" in text
        assert "✓ solved" in text
        assert "✗ not solved" in text
        assert "48 tok · 24/s · 2.0 s" in text


async def test_space_n_and_speed_and_lock_steer_the_contest():
    source = playing()
    async with driving(source) as driver:
        await driver.press("space")
        assert not source.pacer.playing
        assert "‖ paused" in await driver.text()
        await driver.press("space")
        assert source.pacer.playing
        await driver.press("n")
        assert not source.pacer.playing
        assert source.pacer._rounds_granted == 1
        await driver.press("enter")
        assert source.pacer._rounds_granted == 2
        await driver.press("+", "=", "-")
        assert source.pacer.speed == 2.0
        await driver.press(*"=" * 9)
        assert source.pacer.speed == math.inf
        assert "full speed" in await driver.text()
        await driver.press("l")
        assert not source.pacer.locked
        assert "free" in await driver.text()


async def test_left_and_right_move_all_panes_and_the_end_follows_again():
    source = playing()
    async with driving(source) as driver:
        await driver.press("left")
        assert frames(driver) == [2, 2]
        assert "history, press f to follow" in await driver.text()
        source.played("base", turn(4), turn(5))
        assert "+2 new turns, press f" in await driver.text()
        assert frames(driver) == [2, 2]
        await driver.press("right", "right", "right")
        assert driver.viewer.playhead.following
        await driver.press("home")
        assert frames(driver) == [0, 0]
        await driver.press("end")
        assert driver.viewer.playhead.following
        await driver.press("left", "f")
        assert frames(driver) == [5, 3]


async def test_k_unlinks_the_panes_and_tab_and_numbers_choose_one():
    async with driving(playing()) as driver:
        await driver.press("k", "tab", "left", "left")
        assert frames(driver) == [3, 1]
        assert "unlinked" in await driver.text()
        await driver.press("1", "left")
        assert frames(driver) == [2, 1]
        await driver.press("shift+tab")
        assert driver.viewer.chosen == 1
        await driver.press("8")
        assert driver.viewer.chosen == 1
        await driver.press("k")
        assert frames(driver) == [1, 1]


async def test_x_goes_to_the_next_failed_turn_and_chooses_who_failed():
    source = FakeSource(steered=True)
    for name in ("base", "awq"):
        source.start(name)
    source.played("base", *(turn(i) for i in range(4)))
    source.played("awq", turn(0), turn(1), not_json(2), turn(3))
    async with driving(source) as driver:
        await driver.press("home", "x")
        assert frames(driver) == [2, 2]
        assert driver.viewer.chosen == 1
        await driver.press("x")
        assert "no failed turn after this one" in await driver.text()


async def test_d_goes_to_the_first_difference():
    source = playing()
    source.played("base", turn(4), turn(5))
    source.played("awq", turn(4, action="wait"), turn(5))
    async with driving(source) as driver:
        await driver.press("home", "d")
        assert frames(driver) == [4, 4]
        await driver.press("d")
        assert "act alike from here" in await driver.text()


async def test_z_shows_one_contestant_alone_and_the_others_in_a_strip():
    async with driving(playing()) as driver:
        await driver.press("2", "z")
        assert [pane.display for pane in driver.app.match_screen.query("ContestantPane")] == [False, True]
        assert "▸2 awq" in await driver.text()
        await driver.press("tab")
        assert [pane.display for pane in driver.app.match_screen.query("ContestantPane")] == [True, False]
        await driver.press("z")
        assert all(pane.display for pane in driver.app.match_screen.query("ContestantPane"))


async def test_the_next_match_comes_into_view_with_its_first_turn_unless_one_looks_back():
    source = playing()
    async with driving(source) as driver:
        for name in ("base", "awq"):
            source.ended(name, 4)
            source.start(name, 1)
        assert "match 1/3" in await driver.text()
        source.tell(TurnBegan(source.key("base", 1), 0))
        assert "match 2/3" in await driver.text()
        await driver.press("[")
        assert "match 1/3" in await driver.text()
        assert "match 2 is on: press f" in await driver.text()
        await driver.press("f")
        assert "match 2/3" in await driver.text()


async def test_brackets_and_m_go_to_other_matches_whose_turns_are_read_from_the_record():
    source = playing()
    for name in ("base", "awq"):
        source.recorded_episode(name, [turn(0, action="look"), turn(1, success=True, progress=1.0)], 2)
    async with driving(source) as driver:
        await driver.press("]", "]")
        assert "match 3/3" in await driver.text()
        assert "look" in await driver.text()
        await driver.press("[", "[", "[")
        assert "match 1/3" in await driver.text()
        await driver.press("m")
        assert isinstance(driver.app.screen, MatchListScreen)
        text = await driver.text()
        assert "✓ 1.00" in text
        await driver.press("down", "end", "up", "enter")
        assert "match 2/3" in await driver.text()
        await driver.press("m", "escape")
        assert driver.app.screen is driver.app.match_screen


async def test_question_mark_lists_every_key_with_its_help():
    async with driving(playing(), size=(120, 130)) as driver:
        await driver.press("?")
        assert isinstance(driver.app.screen, HelpScreen)
        text = await driver.text()
        for key in keys():
            assert key.shown_keys in text
            assert key.help.split(".")[0][:40] in text
        assert "repeated             goes round in circles" in text
        await driver.press("escape")
        assert driver.app.screen is driver.app.match_screen


async def test_every_key_is_a_command_in_the_palette_too():
    async with driving(playing()) as driver:
        commands = {command.title: command for command in driver.app.get_system_commands(driver.app.screen)}
        assert {key.label for key in keys() if not key.numbered} <= commands.keys()
        await commands["Back a turn"].callback()
        await driver.settle()
        assert frames(driver) == [2, 2]


async def test_the_footer_shows_the_keys_of_the_table():
    async with driving(playing(), size=(200, 50)) as driver:
        last = (await driver.text()).splitlines()[-1]
    for key in keys():
        if key.footer:
            assert (key.shared_label or key.label) in last


async def test_a_contestant_who_cannot_start_says_why_in_its_pane():
    source = FakeSource(steered=True)
    source.start("base")
    source.played("base", turn(0))
    source.tell(Notice("awq can't start: no tokenizer", {"contestant": "awq", "next_step": "copy it there"}))
    async with driving(source) as driver:
        text = await driver.text()
    assert text.count("awq can't start: no tokenizer") == 2
    assert "(copy it there)" in text


async def test_an_episode_that_the_infrastructure_failed_says_so():
    source = playing()
    source.tell(EpisodeEnded(source.key("awq"), "error", 0.5, False, 4, "server down"))
    async with driving(source) as driver:
        text = await driver.text()
    assert "error, owed" in text
    assert "server down" in text


async def test_q_stops_the_contest_and_waits_until_it_has_cleaned_up():
    source = playing()
    async with driving(source) as driver:
        await driver.pilot.press("q")
        await driver.ended()
        assert not driver.app.is_running
    assert source.cancelled
    assert source.closed
    assert driver.app.return_code == 0


async def test_clicking_a_pane_chooses_it_and_the_wheel_and_arrows_scroll_it():
    source = playing()
    source.played("awq", turn(4, outcome="\n".join(f"line {i}" for i in range(80))))
    async with driving(source, size=(120, 30)) as driver:
        await driver.pilot.click("ContestantPane:last-of-type PaneHead")
        await driver.settle()
        assert driver.viewer.chosen == 1
        assert "line 30" not in await driver.text()
        await driver.press("pagedown", "pagedown")
        assert "line 30" in await driver.text_with("line 30")


async def test_a_turn_behind_a_long_observation_opens_at_its_action():
    source = FakeSource(steered=True)
    source.start("base")
    source.played(
        "base", turn(0, observation="\n".join(f"tool {i}" for i in range(80)), outcome="Well done.")
    )
    async with driving(source, size=(120, 30)) as driver:
        text = await driver.text_with("Well done.")
        assert "pick ball0" in text
        assert "tool 3 " not in text
        await driver.press(*["pageup"] * 8)
        assert "tool 3 " in await driver.text_with("tool 3 ")


async def test_all_played_the_series_can_be_replayed():
    source = playing()
    async with driving(source) as driver:
        for name in ("base", "awq"):
            source.ended(name, 4)
        await driver.settle()
        source.live = False
        await driver.press("f")
        assert "■ finished" in await driver.text()
        driver.viewer.speed = 1e-3  # no frame goes by itself, however long the machine takes
        await driver.press("space")
        assert frames(driver) == [0, 0]
        assert "▶ replay" in await driver.text()
        await driver.press("n")
        assert frames(driver) == [1, 1]


async def test_eight_contestants_stand_in_two_rows_and_narrow_screens_have_tabs():
    names = [f"c{i}" for i in range(8)]
    for size, columns, tabs in (((200, 50), 4, False), ((120, 40), 1, True), ((80, 24), 1, True)):
        source = FakeSource(card(names), steered=True)
        for name in names:
            source.start(name)
            source.played(name, turn(0))
        async with driving(source, size=size) as driver:
            grid = driver.app.match_screen.query_one("#panes")
            assert grid.styles.grid_size_columns == columns
            assert driver.app.match_screen.has_class("-tabs") == tabs
            text = await driver.text()
            assert all(name in text for name in names)
            await driver.press("5")
            assert "c4" in await driver.text()


def test_long_names_in_tabs_keep_the_ends_in_which_variants_differ():
    names = ("bundled", "bundled+rtn-w4g128", "bundled+rtn-w2g32")
    assert [short_name(name, 12, "bundled") for name in names] == ["bundled", "…rtn-w4g128", "…rtn-w2g32"]


async def test_resizing_goes_from_columns_to_tabs_and_back():
    source = FakeSource(card(["base", "awq", "gptq"]), steered=True)
    async with driving(source, size=(120, 40)) as driver:
        assert not driver.app.match_screen.has_class("-tabs")
        await driver.pilot.resize_terminal(80, 24)
        await driver.settle()
        assert driver.app.match_screen.has_class("-tabs")
        await driver.pilot.resize_terminal(120, 40)
        await driver.settle()
        assert not driver.app.match_screen.has_class("-tabs")


async def test_another_theme_changes_the_colours_of_what_is_already_shown():
    async with driving(playing()) as driver:

        def colours() -> set[object]:
            styles = [part.style for strip in driver.strips()[5:30] for part in strip if part.style]
            return {style.color for style in styles if style.color is not None}

        before = colours()
        driver.app.theme = "solarized-light"
        await driver.until(lambda: not colours() & before)
        assert before
        assert not colours() & before
