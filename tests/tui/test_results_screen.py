"""The results of a real run on screen, its episodes, and the way down to one turn."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.tui.recorded import recorded_run
from tests.tui.screens import soon
from tests.tui.test_home_screen import Home
from tui.app import ArenaApp
from tui.choice import Choice
from tui.scores import SIGNS, front, mark, p_words
from tui.screens.episodes import LOST, EpisodesScreen
from tui.screens.match import MatchScreen
from tui.screens.results import VIEWS, ResultsScreen
from tui.tables import keys


def with_results(drive: Callable[[Home], Awaitable[None]], size: tuple[int, int] = (120, 40)) -> None:
    run = recorded_run()

    async def show() -> None:
        app = ArenaApp(choice=Choice("small", ["expert"]))
        async with app.run_test(size=size, notifications=True) as pilot:
            home = Home(app, pilot)
            app.show_results(run)
            await home.wait_for("1 expert (baseline)")
            screen = app.screen
            screen._table.move_cursor(row=screen._results.benchmarks.index("pddl"), column=1)
            await home.wait_for("expert on pddl")
            await drive(home)

    asyncio.run(show())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
def test_the_table_has_a_score_a_difference_an_interval_and_a_sign_for_each_cell(size: tuple[int, int]):
    async def drive(home: Home) -> None:
        text = home.text()
        for shown in ("1 expert (baseline)", "2 random", "pddl", "needle", "100.0", "[-100,"):
            assert shown in text
        assert "▼" in text or "·" in text

    with_results(drive, size)


def test_the_cell_under_the_cursor_is_said_in_words():
    async def drive(home: Home) -> None:
        await home.press("right", "right")
        text = home.text()
        assert "half on pddl: " in text
        assert "3 episodes · -" in text
        assert " points [-" in text
        assert " · grounding 0.0 % · valid calls 0.0 %" in " ".join(text.split())
        await home.press("left", "left")
        assert "the baseline, which the others are compared with" in home.text()

    with_results(drive)


def test_an_unread_line_of_the_log_leaves_the_way_back_in_the_bottom_line():
    async def drive(home: Home) -> None:
        home.app.stray.add("arena", "something")
        last = (await home.wait_for("^l log +1")).splitlines()[-1]
        assert "q Back" in last
        assert "? Help" in last

    with_results(drive, (80, 24))


def test_v_and_numbers_go_through_the_views():
    async def drive(home: Home) -> None:
        assert "no reply" in home.text()
        assert "not JSON" in home.text()
        await home.press("v")
        await home.wait_for("progress in % after each turn")
        await home.press("3")
        await home.wait_for("no contestant is a model of known size")
        await home.press("4")
        await home.wait_for("length 125 to 125 tokens")
        await home.press("right")
        await home.wait_for("░░░")
        await home.press("v")
        assert home.app.screen._view.current == next(iter(VIEWS))

    with_results(drive)


def test_enter_on_a_cell_lists_exactly_its_episodes_and_then_its_turns_and_then_the_match_at_that_turn():
    async def drive(home: Home) -> None:
        await home.press("right", "right", "enter")
        await home.wait_for_screen(EpisodesScreen)
        text = await home.wait_for("3 episodes")
        assert 'contestant="half" benchmark:pddl' in text
        assert "✗ unsolved" in text
        await home.wait_for("Turns of half on pddl/gripper-small/0")
        await home.press("enter", "down", "enter")
        await home.wait_for_screen(MatchScreen)
        viewer = home.app.screen.viewer
        assert viewer.chosen_name == "half"
        await soon(lambda: viewer.frames["half"] > 1)
        assert viewer.playhead.frame("half", viewer.frames) == 1
        await home.press("q")
        await home.wait_for_screen(EpisodesScreen)
        await home.press("escape", "escape")
        await home.wait_for_screen(ResultsScreen)

    with_results(drive)


def test_the_turn_that_the_cursor_was_moved_to_stays_when_the_turns_are_read_again():
    async def drive(home: Home) -> None:
        await home.press("right", "right", "enter")
        await home.wait_for_screen(EpisodesScreen)
        await home.wait_for("Turns of half on pddl/gripper-small/0")
        screen = home.app.screen
        await home.press("enter", "down", "down")
        screen._read_turns()
        await screen.workers.wait_for_complete()
        assert screen._turns.cursor == 2
        await home.press("escape", "down")
        await home.wait_for("Turns of half on pddl/gripper-small/1")
        assert screen._turns.cursor == 0

    with_results(drive)


def test_enter_on_a_kind_of_failure_lists_the_episodes_with_it():
    async def drive(home: Home) -> None:
        home.app.screen.query_one("#failures").focus()
        await home.press("down", "enter")
        await home.wait_for_screen(EpisodesScreen)
        assert 'contestant="half" fail:not_json' in await home.wait_for("3 episodes")

    with_results(drive)


def test_the_filter_of_the_episodes_is_the_one_language_and_its_errors_are_said():
    async def drive(home: Home) -> None:
        await home.press("a")
        await home.wait_for("15 episodes")
        await home.press("l")
        await home.wait_for_screen(EpisodesScreen)
        assert home.app.screen._filter.value == LOST
        text = await home.wait_for("unsolved")
        assert "expert  " not in text.split("failed replies")[1].split("Turns of")[0]
        await home.press("l")
        await home.wait_for("15 episodes")
        await home.press("/")
        await home.enter("contestnt:x")
        await home.wait_for("there is no key 'contestnt'")

    with_results(drive)


def test_question_mark_explains_signs_and_the_filter():
    async def drive(home: Home) -> None:
        await home.press("?")
        text = home.text()
        assert SIGNS[1][1] in text
        for key in keys("results"):
            assert key.help[:30] in text
        await home.press("escape", "a", "?")
        text = home.text()
        assert "the baseline's end on the same task" in text
        assert "repeated             goes round in circles" in text

    with_results(drive, (120, 80))


def test_r_on_a_match_shows_the_results_of_its_run():
    run = recorded_run()

    async def show() -> None:
        from tui.sources import RecordSource

        app = ArenaApp(RecordSource(run), "watch", run=run)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            home = Home(app, pilot)
            await home.press("r")
            await home.wait_for_screen(ResultsScreen)
            await home.wait_for("15/15 episodes")
            await home.press("q")
            await home.wait_for_screen(MatchScreen)

    asyncio.run(show())


def test_names_from_a_run_file_are_literal():
    run = recorded_run()
    document = (run / "run.toml").read_text().replace('suite = "mix"', 'suite = "[bold red]mix\\u001b[2J"')
    (run / "run.toml").write_text(document)

    async def show() -> None:
        app = ArenaApp(choice=Choice("small", ["expert"]))
        async with app.run_test(size=(120, 40)) as pilot:
            home = Home(app, pilot)
            app.show_results(run)
            assert "[bold red]mix␛[2J" in await home.wait_for("[bold red]")

    asyncio.run(show())


def test_a_verdict_has_a_sign_and_an_unknown_one_is_undecided():
    assert mark({"verdict_kind": "worse"}) == ("▼", "error")
    assert mark({"verdict_kind": "something new"})[0] == "·"
    assert p_words(0.0001) == "<.001"
    assert p_words(0.0312) == ".031"


def test_the_front_joins_what_no_smaller_model_beats():
    assert front([(10, 0.5), (20, 0.4), (30, 0.9), (10, 0.3)]) == [(10, 0.5), (30, 0.9)]
