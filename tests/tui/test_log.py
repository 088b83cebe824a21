"""What libraries print, log and warn goes into the log, with a count at the bottom, never on the screen."""

import logging
import sys
import threading
import warnings

from tests.tui.fakes import FakeSource
from tests.tui.screens import driving
from tui.screens.log import LogScreen
from tui.stray import StrayLog, logging_caught


def test_lines_become_known_when_they_end_and_of_a_progress_bar_only_the_last_state():
    log = StrayLog()
    log.feed("stdout", "half a ")
    assert log.total == 0
    log.feed("stdout", "line\n10 %\r50 %\r100 %\nmore")
    assert [line.text for line in log.lines] == ["half a line", "100 %"]


def test_what_is_logged_and_warned_is_caught_and_the_handlers_come_back():
    log, before = StrayLog(), logging.getLogger().handlers
    with logging_caught(log), warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.getLogger("somebody").warning("tokens %d", 3)
        logging.getLogger("broken").warning("%d", "no number")
    assert logging.getLogger().handlers is before
    assert [line.origin for line in log.lines] == ["warning somebody", "logging"]
    assert log.lines[0].text == "tokens 3"


def test_any_thread_may_add_lines():
    log = StrayLog()
    threads = [
        threading.Thread(target=lambda: [log.feed("out", "a\n") for _ in range(200)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.total == 800


async def test_prints_and_warnings_are_counted_at_the_bottom_and_shown_on_ctrl_l():
    async with driving(FakeSource(steered=True)) as driver:
        print("a library says hello")
        logging.getLogger("engine").error("it is \x1b[31mred")
        sys.stderr.write("bare\n")
        text = await driver.text_with("log +3")
        assert "says hello" not in text
        assert "log +3" in text
        await driver.pilot.press("ctrl+l")
        await driver.until(lambda: isinstance(driver.app.screen, LogScreen))
        text = await driver.text_with("bare")
        for shown in ("a library says hello", "it is ␛[31mred", "bare", "error engine", "stdout"):
            assert shown in text
        driver.app._count_unread()
        await driver.pilot.press("q")
        await driver.until(lambda: not isinstance(driver.app.screen, LogScreen))
        assert "log +" not in await driver.text()


async def test_c_forgets_the_lines():
    async with driving(FakeSource(steered=True)) as driver:
        print("something")
        await driver.pilot.press("ctrl+l")
        await driver.text_with("something")
        await driver.pilot.press("c")
        assert "nothing was printed" in await driver.text_with("nothing was printed")


async def test_ctrl_c_stops_the_contest_and_not_the_app():
    source = FakeSource(steered=True)
    async with driving(source) as driver:
        await driver.pilot.press("ctrl+c")
        await driver.until(lambda: source.cancelled)
        assert source.cancelled
        assert driver.app.is_running
        assert "stopped; what was played is recorded" in await driver.text()


async def test_a_count_that_comes_while_the_app_is_ending_is_no_crash():
    async with driving(FakeSource(steered=True)) as driver:
        app = driver.app
    assert not app.screen_stack
    app._count_unread()
