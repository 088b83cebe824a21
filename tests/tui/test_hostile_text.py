"""Names, tasks, goals, observations, replies and errors that try to take over the screen."""

import unicodedata
from dataclasses import replace

import pytest

from arena.protocol.base import Failure, FailureKind
from arena.records import EpisodeEnded, EpisodeStarted, Notice, ReplyText
from tests.tui.fakes import FakeSource, card, turn
from tests.tui.screens import Driver, driving
from tui.card import ContestantCard, MatchCard
from tui.series import TurnBegan

HOSTILE = (
    "[red]x[/red] [@click=app.leave]y[/] [/] [link=http://evil]z[/link] \x1b[2J\x1b]8;;http://evil\x1b\\k\x07"
    " \u202eecalp \x9b31m \x00 \ud800 \ttab\rcr \u200b"
)


def hostile_source() -> FakeSource:
    run = card(["base", "awq"], 2)
    names = [ContestantCard("b[red]\x1b[31m", None), ContestantCard("[/]\u202e\nq", 5)]
    run = replace(run, suite=HOSTILE, contestants=names, matches=[MatchCard(HOSTILE, "h", 0, 0)])
    source = FakeSource(run, steered=True)
    failure = Failure(FailureKind.NOT_JSON, (0, 1), HOSTILE, HOSTILE, json_path=HOSTILE, repair=HOSTILE)
    for name in run.names:
        source.tell(EpisodeStarted(source.key(name), HOSTILE, HOSTILE, 20))
    played = {"observation": HOSTILE, "reply": HOSTILE, "thought": HOSTILE, "outcome": HOSTILE}
    first, second = run.names
    source.played(first, turn(0, **played, action=HOSTILE), turn(1, **played, action=HOSTILE))
    source.played(second, turn(0, **played, action=None, failure=failure, valid=False))
    source.tell(EpisodeEnded(source.key(second), "error", 0.1, False, 1, HOSTILE))
    source.tell(Notice(HOSTILE, {"next_step": HOSTILE, "contestant": HOSTILE}))
    return source


def check_screen(driver: Driver) -> None:
    """Nothing on screen is a control character, a link or an action that came with a text."""
    for strip in driver.strips():
        for segment in strip:
            assert segment.control is None
            for character in segment.text:
                assert unicodedata.category(character) not in ("Cc", "Cf", "Cs"), repr(segment.text)
            if segment.style is not None:
                assert segment.style.link is None
                assert "@click" not in segment.style.meta


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_hostile_text_is_drawn_and_does_nothing(size: tuple[int, int]):
    async with driving(hostile_source(), size=size) as driver:
        text = await driver.text()
        check_screen(driver)
        assert "[red]x[/red]" in text
        assert "␛[2J" in text
        assert "<U+202E>" in text
        for keys in (["m"], ["escape"], ["2", "z"], ["z", "left"], ["w"], ["c"], ["c", "w"], ["v"], ["home"]):
            await driver.press(*keys)
            check_screen(driver)


async def test_hostile_text_does_nothing_while_it_streams():
    source = hostile_source()
    async with driving(source) as driver:
        key = source.key(source.card.names[0])
        source.tell(TurnBegan(key, 2))
        for character in HOSTILE:
            source.tell(ReplyText(key, 2, character))
        text = await driver.text()
        check_screen(driver)
        assert "[@click=app.leave]" in "".join(text.split())


async def test_a_very_long_reply_is_cut_and_says_so():
    source = FakeSource(steered=True)
    source.start("base")
    source.tell(TurnBegan(source.key("base"), 0))
    async with driving(source) as driver:
        for _ in range(20):
            source.tell(ReplyText(source.key("base"), 0, "word " * 20_000))
        await driver.settle()
        driver.app.match_screen._is_dirty = True
        driver.app.match_screen.frame()
        source.played("base", turn(0, reply="\x1b[2J[/]x" * 250_000))
        await driver.settle()
        await driver.press("w", "pagedown", "pagedown", "pagedown", "pagedown", "pagedown")
        check_screen(driver)
        transcript = driver.app.match_screen.query("Transcript").first()
        drawn = "\n".join("".join(text for text, _ in line) for line in transcript._lines)
    assert "1,994,000 characters are not drawn" in drawn
    assert len(drawn) < 50_000
