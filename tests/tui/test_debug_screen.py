"""From a score's drop to the token that caused a failed call: the debugger's screens, key by key."""

import asyncio
import json
import math
import sqlite3
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from arena.debugging.opened import Run
from arena.divergence import Cause, Choice, Continuation, Token, TurnDivergence
from arena.divergence.tables import MARK, SIGNS
from arena.filtering import parse
from arena.lineup import line_up
from arena.run import play_run
from arena.store.files import runs_folder
from arena.suite import parse_suite
from tests.tui.fakes import FakeSource, card
from tests.tui.recorded import recorded_run
from tests.tui.test_home_screen import Home
from tests.tui.test_hostile_text import HOSTILE
from tui.app import ArenaApp, _debug_screen
from tui.debugging import tokens
from tui.debugging.examination import Examination, Manner, Place
from tui.debugging.failures import count, count_faults, list_turns
from tui.screens.again import AgainScreen
from tui.screens.debug import DebugScreen
from tui.screens.divergence import DivergenceScreen
from tui.screens.match import MatchScreen
from tui.screens.results import ResultsScreen
from tui.screens.turn import RequestScreen, TurnScreen
from tui.sources import RecordSource
from tui.tables import failure_words, keys

SIZES = [(80, 24), (120, 40), (200, 50)]
REAL_SUITE = """
name = "grippers"
[settings]
protocol = "json"
max_tokens = 48
[[tasks]]
benchmark = "pddl"
ids = ["pddl/gripper-small/2"]
max_steps = 2
"""
TABLES = {"debug": DebugScreen, "turn": TurnScreen, "divergence": DivergenceScreen, "again": AgainScreen}
Drive = Callable[[Home], Awaitable[None]]


def debugging(
    drive: Drive, size: tuple[int, int] = (120, 40), filter_text: str = "", run: Path | None = None
) -> None:
    """Drive `arena debug RUN`, on the run with a contestant that answers every turn with half a call."""
    shown = run or recorded_run()

    async def show() -> None:
        app = ArenaApp(opens_with=lambda: _debug_screen(shown, filter_text))
        async with app.run_test(size=size, notifications=True) as pilot:
            home = Home(app, pilot)
            await home.wait_for("failed turns")
            await drive(home)

    asyncio.run(show())


def test_keys_that_come_before_the_screen_is_there_are_not_typed_into_the_filter():
    async def drive(home: Home) -> None:
        screen = DebugScreen(runs_folder() / "mix")
        home.app.push_screen(screen)
        await home.press("z", "z")
        await home.wait_for_focus(screen._groups)
        assert not screen._filter.value
        await home.press("slash")
        await home.wait_for_focus(screen._filter)
        await home.press("z")
        assert screen._filter.value == "z"
        last = home.text().splitlines()[-1]
        assert "Help" not in last  # ? would be typed

    debugging(drive)


async def to_half(home: Home) -> DebugScreen:
    """Put the cursor on the group of half calls, and wait for its turns."""
    screen = home.app.screen
    assert isinstance(screen, DebugScreen)
    kinds = [group.kind for group in screen._found.groups]
    screen._groups.cursor = kinds.index("not_json")
    await home.wait_for("not JSON · half")
    for _ in range(600):
        if screen._rows and screen._rows[0].place.key.contestant == "half":
            return screen
        await home.pilot.pause(0.03)
    raise AssertionError(home.text())


async def open_turn(home: Home) -> TurnScreen:
    await to_half(home)
    await home.press("enter", "enter")
    await home.wait_for_screen(TurnScreen)
    await home.wait_for("whose fault")
    assert isinstance(home.app.screen, TurnScreen)
    return home.app.screen


def token(place: int, text: str, base: str, **changes: object) -> Token:
    choices = (Choice(1, base, 0.9), Choice(2, "b[red]\x1b", 0.1))
    others = (Choice(3, text, 0.6), Choice(1, base, 0.4))
    found = Token(
        place, 3, text, (place, place + 1), "tool name", choices, others,
        7, 1, 0.01, 0.6, 0.5, math.nan, 1.5, 0.2, 0.9, 2.25, 4.0, "same" if text == base else "compression",
    )  # fmt: skip
    return replace(found, **changes)


def divergence(key: object, reply: str = "{x[z") -> TurnDivergence:
    row = [token(i, reply[i], reply[i] if i in (0, 2) else "y") for i in range(len(reply))]
    good = Continuation("{y}", '{"name": "right"}', None)
    cause = Cause(3, good, Continuation("?", None, None), 2)
    return TurnDivergence(
        "expert", key, 0, reply, None, None, tuple(row), 1e-5, "in other batches", cause, searched=True
    )


@pytest.fixture
def diverged(monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """Let every turn have a divergence, and keep count of what was asked."""
    asked: list[Place] = []

    async def diverge(self: Examination, place: Place, say: Callable[[str], None]) -> TurnDivergence:
        asked.append(place)
        say("reading")
        return divergence(place.key)

    monkeypatch.setattr(Examination, "diverge", diverge)
    return asked


# the tables of keys


@pytest.mark.parametrize("name", TABLES)
def test_every_key_of_a_table_has_one_meaning_and_is_something_its_screen_can_do(name: str):
    own = [key_name for key in keys(name) for key_name in key.keys]
    shared = {
        each for key in keys("app") for each in key.keys if key.action not in ("results", "debug", "request")
    }
    assert len(own) == len(set(own))
    assert not shared.intersection(own)
    for key in keys(name):
        assert hasattr(TABLES[name], f"action_{key.action.partition('(')[0]}"), key.action
        assert key.help.endswith(".")


# groups


@pytest.mark.parametrize("size", SIZES)
def test_groups_stand_beside_the_baselines_counts_with_whose_fault_and_the_turns_of_the_one_chosen(
    size: tuple[int, int],
):
    async def drive(home: Home) -> None:
        await to_half(home)
        text = await home.wait_for("json: a call was begun")
        for words in ("failure", "baseline", "fault", "not JSON", "no reply", "progress 0%"):
            assert words in text
        assert "baseline 53%" in " ".join(text.split())
        assert "≡ ·" in text
        assert "⟦" in text
        assert "enter Open" in text

    debugging(drive, size)


@pytest.mark.parametrize(
    ("size", "legend"),
    [
        ((80, 24), "≡ same request as baseline  ✓ baseline solved it  +2 recovered (- never)"),
        ((150, 40), "≡ same request  ✓ baseline solved it  +2 recovered"),
    ],
)
def test_the_columns_of_signs_in_the_list_of_turns_have_a_legend(size: tuple[int, int], legend: str):
    async def drive(home: Home) -> None:
        await to_half(home)
        await home.wait_for(f" {legend} ")

    debugging(drive, size)


def test_counts_turns_and_faults_are_those_of_the_record():
    run = recorded_run()

    async def faults() -> dict[str, dict[str, int]]:
        examination = Examination(run)
        async for found in count_faults(examination, parse("", "expert"), ()):
            last = found
        examination.close()
        assert last.is_done
        return {kind: dict(counted) for (_, _, kind), counted in last.of.items()}

    with Run(run) as opened:
        found = count(opened, parse("", "expert"), ())
        group = next(each for each in found.groups if each.kind == "not_json")
        turns = list_turns(opened, parse("", "expert"), group)
    assert group.count == len(turns) == 3
    assert found.progress["half", "pddl"] == 0
    assert [row.same_request for row in turns] == [True] * 3
    assert asyncio.run(faults()) == {"not_json": {"json": 3}, "empty": {"trigger": 15}}


def test_a_filter_counts_anew_and_a_wrong_one_is_said():
    async def drive(home: Home) -> None:
        await home.press("/")
        await home.enter("contestant:half turn:1")
        await home.wait_for(" 3 failed turns")
        await home.press("/")
        await home.enter(" contestnt:x")
        await home.wait_for("there is no key")
        await home.press("escape")
        assert isinstance(home.app.screen, DebugScreen)

    debugging(drive)


def test_the_turns_of_another_group_are_never_opened_while_those_of_the_new_one_are_read(
    monkeypatch: pytest.MonkeyPatch,
):
    async def drive(home: Home) -> None:
        screen = await to_half(home)
        monkeypatch.setattr("tui.screens.debug.SETTLE_S", 5)
        await home.press("up", "enter", "enter")
        assert home.app.screen is screen
        assert "reading …" in home.text()

    debugging(drive)


def test_tab_changes_the_list_w_watches_the_turn_and_escape_leads_back():
    async def drive(home: Home) -> None:
        screen = await to_half(home)
        await home.press("tab")
        assert screen._turns.has_focus
        await home.press("down", "w")
        await home.wait_for_screen(MatchScreen)
        assert home.app.screen.viewer.chosen_name == "half"
        await home.press("q")
        await home.wait_for_screen(DebugScreen)
        await home.wait_for_focus(screen._turns)
        await home.press("escape")
        await home.wait_for_focus(screen._groups)
        await home.press("f5")
        await home.wait_for("failed turns")

    debugging(drive)


def test_a_run_without_failures_says_so():
    async def drive(home: Home) -> None:
        await home.wait_for("no turn failed")
        await home.press("enter", "x", "w", "down")
        assert isinstance(home.app.screen, DebugScreen)

    debugging(drive, filter_text="contestant=expert")


# a turn


@pytest.mark.parametrize("size", SIZES)
def test_a_turn_has_its_reply_marked_the_verdict_the_repair_the_fault_and_the_baselines_turn(
    size: tuple[int, int],
):
    async def drive(home: Home) -> None:
        screen = await open_turn(home)
        text = home.text()
        for words in (
            '{"name": "move"',
            "⟦",
            "✓ Is there a call?",
            "✗ Is it JSON?",
            "not asked any more",
            "repair",
        ):
            assert words in text, words
        assert "json: a call was begun" in text
        column = screen._right if size[0] >= 110 else screen._left
        beside = str(column.content)
        for words in (
            "took effect",
            "answered the same request",
            "expert ended at",
            "no action took effect",
            "it saw",
        ):
            assert words in beside, words

    debugging(drive, size)


def test_n_and_p_go_through_the_failed_turns_and_stop_at_the_ends():
    async def drive(home: Home) -> None:
        await open_turn(home)
        assert "1 of 3" in home.text()
        await home.press("n", "right")
        await home.wait_for("3 of 3")
        await home.press("p", "left")
        await home.wait_for("1 of 3")
        await home.press("p")
        await home.wait_for("there is no failed turn before this one")
        await home.press("tab")
        await home.press("w")
        await home.wait_for_screen(MatchScreen)

    debugging(drive)


def test_s_shows_the_request_as_sent_and_closes_with_the_usual_keys():
    async def drive(home: Home) -> None:
        await open_turn(home)
        await home.press("s")
        await home.wait_for_screen(RequestScreen)
        text = await home.wait_for("system")
        assert "NOT as sent" not in text
        assert "ball1" in text
        await home.press("escape")
        await home.wait_for_screen(TurnScreen)

    debugging(drive)


# token by token


@pytest.mark.parametrize("size", SIZES)
def test_x_marks_the_token_to_blame_and_shows_the_best_tokens_of_both(
    diverged: list[Place], size: tuple[int, int]
):
    async def drive(home: Home) -> None:
        await open_turn(home)
        await home.press("x")
        await home.wait_for_screen(DivergenceScreen)
        text = await home.wait_for("in its place")
        assert home.app.screen._tokens.cursor == 3
        for words in (
            ">   3 z",
            "4 tokens, 2 differ",
            "base at 3",
            "90.0",
            "60.0",
            "entropy 0.20",
            "[⟦z⟧",
        ):
            assert words in text, words
        assert "b[red]␛" in text or "b[red]\\x1b" in text
        await home.press("p")
        await home.wait_for("base at 1")
        await home.press("p")
        await home.wait_for("no token differs before this one")
        await home.press("m")
        await home.wait_for("base at 3")
        await home.press("up")
        await home.wait_for("base at 2")
        await home.press("n")
        await home.wait_for("base at 3")
        await home.press("n")
        await home.wait_for("no token differs after this one")
        await home.press("escape")
        await home.wait_for_screen(TurnScreen)

    debugging(drive, size)
    assert [place.key.contestant for place in diverged] == ["half"]


def test_x_in_the_list_opens_the_turn_under_the_cursor_token_by_token(diverged: list[Place]):
    async def drive(home: Home) -> None:
        screen = await to_half(home)
        await home.press("enter", "down", "x")
        await home.wait_for_screen(DivergenceScreen)
        await home.wait_for("in its place")
        assert diverged == [screen._rows[1].place]

    debugging(drive)


@pytest.mark.parametrize("size", SIZES)
def test_without_the_weights_of_both_models_it_is_said_what_is_needed(size: tuple[int, int]):
    async def drive(home: Home) -> None:
        await open_turn(home)
        await home.press("x")
        text = await home.wait_for("This turn can't be read token by token")
        assert "Next: play model folders" in text
        await home.press("n", "p", "m", "down", "escape")
        await home.wait_for_screen(TurnScreen)

    debugging(drive, size)


def test_on_a_low_screen_what_is_said_of_long_calls_scrolls_down_to_the_noise_and_the_legend_stays(
    monkeypatch: pytest.MonkeyPatch,
):
    call = '{"name": "move", "arguments": {"from": "a room with a long name", "to": "another such room"}}'

    async def diverge(self: Examination, place: Place, say: Callable[[str], None]) -> TurnDivergence:
        found = divergence(place.key)
        after = Continuation(call, call, None)
        return replace(found, cause=Cause(3, replace(after, action=call + " "), after, 2))

    monkeypatch.setattr(Examination, "diverge", diverge)

    async def drive(home: Home) -> None:
        await open_turn(home)
        await home.press("x")
        text = await home.wait_for("in its place")
        assert "noise: log-probabilities" not in text
        assert "> changes the action   * compression   ~ numerics   ? sampling   ! respelt" in text
        await home.wait_for("tab Next pane")
        await home.press("tab", "end")
        await home.wait_for("noise: log-probabilities of the base differ by at most 1.0e-05")
        await home.press("n")
        await home.press("tab", "up")
        await home.wait_for("base at 2")

    debugging(drive, (80, 24))


def test_the_help_of_the_tokens_explains_every_sign_of_the_legend(diverged: list[Place]):
    async def drive(home: Home) -> None:
        await open_turn(home)
        await home.press("x")
        await home.wait_for("in its place")
        signs = {left for _, rows in home.app.screen.help_blocks() for left, _ in rows}
        assert {sign for sign in (*SIGNS.values(), MARK) if sign.strip()} <= signs
        await home.press("?")
        assert "respelt: read again" in home.text()

    debugging(drive, (120, 60))


def test_a_token_keeps_its_percent_sign_and_shows_its_spaces():
    row = replace(divergence(None), tokens=(token(0, " 5%", " 5%"),), cause=None)
    assert "␣5%" in str(tokens.draw_token(row, 0, 76))
    assert tokens.draw_token(row, 0, 76).cell_length <= 76


# asking again


def test_r_asks_again_as_it_was_of_another_and_with_an_edited_prompt_and_leaves_the_record_alone():
    run = recorded_run()
    before = list(sqlite3.connect(run / "run.sqlite").iterdump())

    async def drive(home: Home) -> None:
        await open_turn(home)
        await home.press("r")
        await home.wait_for_screen(AgainScreen)
        await home.wait_for("of expert")
        await home.press("enter")
        text = await home.wait_for("as it was, of half: ")
        assert "✗ Is it JSON?" in await home.wait_for("Is it JSON?"), text
        await home.press("down", "down", "down", "enter")
        text = await home.wait_for("of expert: another reply")
        assert "right: it " in text
        await home.press("up", "up", "enter")
        prompt = home.app.screen._prompt
        assert prompt.has_focus
        last = (await home.wait_for("Send")).splitlines()[-1]
        assert "esc Back" in last
        assert "Ask" not in last  # enter makes a new line, q is a letter
        assert "? Help" not in last
        assert "ball1" in prompt.text
        prompt.text = "What now?"
        await home.press("ctrl+s")
        await home.wait_for("with an edited prompt: ")
        await home.press("escape")
        assert not prompt.display
        await home.press("ctrl+s", "tab", "escape")
        await home.wait_for_screen(TurnScreen)

    debugging(drive, (120, 60), run=run)
    assert list(sqlite3.connect(run / "run.sqlite").iterdump()) == before


def test_what_cannot_be_asked_is_said_and_the_next_way_can_be_chosen():
    async def drive(home: Home) -> None:
        await open_turn(home)
        await home.press("r")
        await home.wait_for("of expert")
        await home.press("down", "down", "enter")
        await home.wait_for("can't be asked")
        await home.press("up", "up", "enter")
        await home.wait_for("as it was, of half: ")

    debugging(drive, (120, 60))


def test_an_edited_prompt_is_what_the_model_gets(monkeypatch: pytest.MonkeyPatch):
    run, heard = recorded_run(), []

    def ask(opened_run, opened, who, *, times=1, prompt=None):
        heard.append((who.spec.partition(":")[0], prompt.read_text()))
        return ["answer"]

    monkeypatch.setattr("arena.debugging.rerun.ask_again", ask)

    async def again() -> object:
        with Run(run) as opened:
            key = opened.episode("half", "pddl/gripper-small/0").key
        examination = Examination(run)
        answer = await examination.ask_again(Place(key, 0), Manner("random", last_message="lines\nof it"))
        examination.close()
        return answer

    assert asyncio.run(again()) == "answer"
    assert heard == [("random", "lines\nof it")]


# the ways in


def test_d_on_a_score_shows_the_failed_turns_behind_it_and_escape_goes_back():
    run = recorded_run()

    async def show() -> None:
        app = ArenaApp(opens_with=lambda: ResultsScreen(run))
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            home = Home(app, pilot)
            await home.wait_for("3 half")
            screen = app.screen
            screen._table.move_cursor(row=screen._results.benchmarks.index("pddl"), column=3)
            await home.wait_for("half on pddl")
            await home.press("d")
            await home.wait_for_screen(DebugScreen)
            assert 'contestant="half" benchmark:pddl' in await home.wait_for("18 failed turns")
            await home.press("escape")
            await home.wait_for_screen(ResultsScreen)

    asyncio.run(show())


def test_b_on_a_match_opens_the_turn_on_screen_among_the_failed_turns_and_escape_goes_back():
    run = recorded_run()

    async def show() -> None:
        app = ArenaApp(RecordSource(run), "watch", run=run)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            home = Home(app, pilot)
            await home.press("3")
            await home.wait_for("1/6")
            await home.press("b")
            await home.wait_for_screen(TurnScreen)
            await home.wait_for("pddl/gripper-small/0#1  half  not JSON")
            await home.wait_for("1 of 18")
            await home.press("n")
            await home.wait_for("pddl/gripper-small/0#2")
            await home.press("escape")
            await home.wait_for_screen(MatchScreen)

    asyncio.run(show())


def test_s_on_a_match_shows_the_request_of_the_chosen_contestants_turn_and_closes_with_the_same_key():
    run = recorded_run()

    async def show() -> None:
        app = ArenaApp(RecordSource(run), "watch", run=run)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            home = Home(app, pilot)
            await home.press("3")
            await home.wait_for("1/6")
            await home.press("right")
            await home.wait_for("2/6")
            await home.press("s")
            await home.wait_for_screen(RequestScreen)
            text = await home.wait_for("system")
            assert "Request of half on pddl/gripper-small/0, turn 2" in text
            assert "NOT as sent" not in text
            await home.press("s")
            await home.wait_for_screen(MatchScreen)
            assert app.match_screen.viewer.chosen_name == "half"
            assert "request" in {key.action for key in app.available_keys(app.screen)}  # so in the help

    asyncio.run(show())


@pytest.mark.parametrize("key", ["b", "s"])
def test_b_and_s_before_any_turn_is_played_say_so_and_stay(key: str):
    run = recorded_run()

    async def show() -> None:
        source = FakeSource(card(["[b]base[/b]"], 1))
        app = ArenaApp(source, "watch", run=run)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            home = Home(app, pilot)
            await home.press(key)
            await home.wait_for("no turn of [b]base[/b] is played here yet")
            assert isinstance(app.screen, MatchScreen)

    asyncio.run(show())


def test_help_and_the_command_palette_have_the_debuggers_keys():
    async def drive(home: Home) -> None:
        screen = home.app.screen
        await home.press("?")
        text = home.text()
        for key in keys("debug"):
            assert key.help[:30] in text
        assert "the very same request" in text
        for kind, words in failure_words().items():
            assert f" {kind.value:<21}{words} " in text
        await home.press("escape")
        commands = {command.title for command in home.app.get_system_commands(screen)}
        assert {key.label for key in keys("debug")} <= commands

    debugging(drive, (120, 90))


def test_the_ways_in_are_in_help_where_they_work():
    run = recorded_run()

    async def show() -> None:
        app = ArenaApp(RecordSource(run), "watch", run=run)
        async with app.run_test(size=(120, 40)) as pilot:
            assert "debug" in {key.action for key in app.available_keys(app.screen)}
            app.show_debug(run)
            await Home(app, pilot).wait_for_screen(DebugScreen)
            assert "debug" not in {key.action for key in app.available_keys(app.screen)}

    asyncio.run(show())


# hostile text


def hostile(run: Path) -> Path:
    """Let every text of a run be one that tries to take over the screen."""
    db = sqlite3.connect(run / "run.sqlite")
    text = HOSTILE.replace("\ud800", "").replace("\x00", "")
    failure = {"kind": "not_json", "span": [3, 9], "expected": text, "got": text}
    failure |= {"json_path": text, "repair": text}
    db.execute("UPDATE turn SET reply = ?, outcome = ?", (text, text))
    db.execute("UPDATE episode SET first_observation = ?", (text,))
    db.execute("UPDATE turn SET action = ? WHERE action IS NOT NULL", (text,))
    db.execute("UPDATE turn SET failure = ? WHERE failure_kind IS NOT NULL", (json.dumps(failure),))
    db.commit()
    db.close()
    return run


@pytest.mark.parametrize("size", SIZES)
def test_hostile_text_is_drawn_and_does_nothing(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch):
    async def diverge(self: Examination, place: Place, say: Callable[[str], None]) -> TurnDivergence:
        return divergence(place.key, HOSTILE.replace("\ud800", ""))

    monkeypatch.setattr(Examination, "diverge", diverge)

    def check(home: Home) -> None:
        for strip in home.app.screen._compositor.render_strips():
            for segment in strip:
                assert segment.control is None
                for character in segment.text:
                    assert unicodedata.category(character) not in ("Cc", "Cf", "Cs"), repr(segment.text)
                if segment.style is not None:
                    assert segment.style.link is None
                    assert "@click=app" not in str(segment.style.meta)

    async def drive(home: Home) -> None:
        await to_half(home)
        check(home)
        await home.press("enter", "enter")
        await home.wait_for("[red]x[/red]")
        await home.wait_for("fault")
        check(home)
        for key, words in (("s", "Request of"), ("x", "in its place"), ("r", "of expert")):
            await home.press(key)
            await home.wait_for(words)
            check(home)
            if key == "r":
                await home.press("enter")
                await home.wait_for("as it was, of half: ")
                check(home)
            await home.press("escape")
            await home.wait_for_screen(TurnScreen)

    debugging(drive, size, run=hostile(recorded_run()))


# the whole way, with real models


def test_a_damaged_model_is_followed_in_four_keys_from_the_score_to_the_token_that_spoils_its_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    plan, engines = line_up(parse_suite(REAL_SUITE, "grippers"), ["bundled", "w2=bundled+rtn-w2g128"])
    run = runs_folder() / "real"
    asyncio.run(play_run(plan, run, engines, lambda event: None))

    async def drive(home: Home) -> None:
        await home.wait_for("w2 on pddl: progress")
        await home.wait_for("most telling first")
        await home.press("enter", "enter", "x")
        while "in its place" not in (text := home.text()):
            assert "can't be" not in text
            await home.pilot.pause(0.1)
        assert "in its place, bundled goes on to {" in " ".join(text.split())
        assert "▸" in text

    debugging(drive, run=run)
