"""`arena` alone: the home screen, with every key of its table, and the ways from it and back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from arena import overview
from arena.errors import ArenaError
from arena.overview import Candidate, Playable
from tests.tui.recorded import recorded_run
from tests.tui.screens import _KEY_NAMES, ended, soon
from tui.app import ArenaApp
from tui.choice import Choice
from tui.screens import home as home_module
from tui.screens.help import HelpScreen
from tui.screens.home import HomeScreen
from tui.screens.match import MatchScreen
from tui.screens.results import ResultsScreen
from tui.tables import keys

PLAYABLES = [
    Playable("small", "suite", "Small problems", "playable", tasks=3),
    Playable("pddl", "benchmark", "PDDL", "playable", tasks=9, subsets={"gripper-small": 6, "barman": 3}),
    Playable("jericho", "benchmark", "Jericho", "needs-package", "pip install 'arena[jericho]'"),
]
CANDIDATES = [
    Candidate("bundled", "the small agent", "bundled"),
    Candidate("expert", "the benchmark's own expert", "engine"),
    Candidate("random", "any valid action", "engine"),
]


@pytest.fixture(autouse=True)
def _few_to_choose_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_module, "list_playables", lambda: list(PLAYABLES))
    monkeypatch.setattr(home_module, "examine", lambda playable: playable)
    monkeypatch.setattr(home_module, "list_candidates", lambda: list(CANDIDATES))


class Home:
    def __init__(self, app: ArenaApp, pilot: Pilot) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *names: str) -> None:
        for name in names:
            self.app.simulate_key(_KEY_NAMES.get(name, name))
            await self.pilot.pause(0)
        await self.pilot.pause(0.02)

    async def enter(self, text: str) -> None:
        self.app.screen.focused.insert_text_at_cursor(text)
        await self.press("enter")

    def text(self) -> str:
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    async def wait_for(self, words: str) -> str:
        for _ in range(1000):
            if words in (text := self.text()):
                return text
            await self.pilot.pause(0.03)
        raise AssertionError(f"{words!r} did not appear in\n{text}")

    async def wait_for_screen(self, kind: type[object]) -> None:
        for _ in range(1000):
            if isinstance(self.app.screen, kind):
                return
            await self.pilot.pause(0.03)
        raise AssertionError(f"{self.app.screen} is no {kind.__name__}\n{self.text()}")

    async def wait_for_focus(self, widget: Widget) -> None:
        for _ in range(1000):
            if self.app.focused is widget:
                return
            await self.pilot.pause(0.03)
        raise AssertionError(f"{self.app.focused} has the focus, not {widget}")


@asynccontextmanager
async def at_home(
    what: str = "small", *contestants: str, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Home]:
    app = ArenaApp(choice=Choice(what, list(contestants or ("expert", "random"))))
    async with app.run_test(size=size, notifications=True) as pilot:
        home = Home(app, pilot)
        await home.wait_for("bundled")
        yield home


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_it_shows_what_can_be_played_by_whom_and_what_mends_the_rest(size: tuple[int, int]):
    async with at_home(size=size) as home:
        text = home.text()
    for shown in ("small", "pddl", "jericho", "✗ needs", "■ 1 expert", "■ 2 random", "Play small (3 tasks)"):
        assert shown in text


@pytest.mark.parametrize("few", [True, False])
async def test_where_there_are_few_colours_the_choice_of_a_list_that_is_left_is_underlined(
    few: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLORTERM", "truecolor")
    if few:
        monkeypatch.setenv("NO_COLOR", "1")
    async with at_home() as home:
        await home.press("tab")
        strips = home.app.screen._compositor.render_strips()
        marked = {
            segment.text.strip()
            for strip in strips
            for segment in strip
            if segment.style and segment.style.underline
        }
    assert ("small" in marked) == few


async def test_three_keys_start_a_match_and_q_leads_home_again_where_the_run_is_listed():
    async with at_home("pddl/gripper-small/0", "expert", "random") as home:
        home.app.screen._typed = ["pddl/gripper-small/0"]
        home.app.screen._draw(cursor_on="pddl/gripper-small/0")
        await home.press("enter", "enter", "enter")
        await home.wait_for_screen(MatchScreen)
        await home.wait_for("pddl/gripper-small/0")
        await home.press("q")
        await home.wait_for_screen(HomeScreen)
        await home.wait_for("play-")
        assert home.app._opened == []


async def test_space_ticks_and_b_makes_the_baseline():
    async with at_home() as home:
        await home.press("tab", "down", "down", "space")
        assert home.app._choice.contestants == ["expert", "random", "bundled"]
        await home.press("b")
        assert home.app._choice.contestants == ["bundled", "expert", "random"]
        assert "bundled against expert, random" in home.text()
        await home.press("space")
        assert home.app._choice.contestants == ["expert", "random"]


async def test_a_ninth_contestant_is_refused():
    async with at_home("small", *(f"c{i}" for i in range(8))) as home:
        await home.press("tab", "end", "space")
        assert len(home.app._choice.contestants) == 8
        assert "8 contestants fit" in await home.wait_for("8 contestants fit")


async def test_what_cannot_be_played_says_what_mends_it_instead():
    async with at_home() as home:
        await home.press("down", "down")
        assert "jericho can't be played yet" in home.text()
        await home.press("p")
        assert isinstance(home.app.screen, HomeScreen)
        assert "pip install 'arena[jericho]'" in home.text()


async def test_right_and_left_show_and_hide_a_benchmarks_subsets():
    async with at_home() as home:
        await home.press("down", "right")
        assert "pddl/barman" not in home.text()
        assert "barman" in home.text()
        await home.press("down")
        assert home.app._choice.what == "pddl/gripper-small"
        await home.press("left")
        assert "barman" not in home.text()
        assert home.app._choice.what == "pddl"


async def test_a_typed_contestant_is_checked_and_ticked():
    async with at_home() as home:
        await home.press("a")
        await home.enter("x=exper")
        await home.wait_for("no engine is called")
        await home.enter("t")
        await home.wait_for("■ 3 x=expert")
        assert home.app._choice.contestants[-1] == "x=expert"


async def test_a_typed_task_is_checked_and_chosen_and_escape_closes_the_line():
    async with at_home() as home:
        await home.press("t")
        await home.enter("pddl/gripper-small/1")
        await home.wait_for("Play pddl/gripper-small/1")
        assert home.app._choice.what == "pddl/gripper-small/1"
        await home.press("a", "escape")
        assert not home.app.screen.query_one("#typing").display
        await home.press("t")
        await home.enter("nowhere")
        await home.wait_for("no benchmark is called")


@pytest.mark.parametrize(
    "spec", ["hf:/no/where", "x=exper", "script:/no/where.txt", "hf:/no/where+rtn-w4g128"]
)
async def test_a_wrong_contestant_is_refused_in_the_field_and_further_letters_are_typed_there(spec: str):
    async with at_home(size=(80, 24)) as home:
        await home.press("a")
        await home.enter(spec)
        text = await home.wait_for("✗ no engine" if spec == "x=exper" else "✗ there is no")
        await home.press("b", "e", "q")
        assert home.app.is_running
        assert isinstance(home.app.screen, HomeScreen)
        assert home.app.screen.focused.value == f"{spec}beq"
        assert home.app._choice.contestants == ["expert", "random"]
        assert "Add a contestant" in text
        assert not home.app._notifications


async def test_what_is_typed_on_while_a_contestant_is_checked_keeps_the_field_open(
    monkeypatch: pytest.MonkeyPatch,
):
    import threading

    go_on = threading.Event()
    monkeypatch.setattr(home_module, "check_candidate", lambda typed: go_on.wait(60))
    async with at_home() as home:
        await home.press("a")
        await home.enter("expert,seed=1")
        await home.press("b", "q")
        go_on.set()
        for _ in range(20):
            await home.pilot.pause(0.01)
        assert home.app.screen.focused.value == "expert,seed=1bq"
        assert home.app._choice.contestants == ["expert", "random"]


async def test_of_what_is_said_only_the_last_is_shown_and_it_covers_no_field():
    async with at_home(size=(80, 24)) as home:
        for number in range(4):
            home.app.notify(f"saying number {number}", timeout=30)
            await home.pilot.pause(0.02)
        await home.press("a")
        text = await home.wait_for("saying number 3")
        assert text.count("saying number") == 1
        rack = home.app.screen.query_one("ToastRack").region
        for field in ("#typing", "ArenaFooter", "PlayBar"):
            assert not rack.overlaps(home.app.screen.query_one(field).region)


async def test_unread_lines_of_the_log_push_no_key_out_of_the_bottom_line():
    async with at_home(size=(80, 24)) as home:
        home.app.stray.add("arena", "something")
        text = await home.wait_for("^l log +1")
        for key in ("p Play", "q Quit", "? Help"):
            assert key in text.splitlines()[-1]


async def test_export_is_in_the_bottom_line_and_the_help():
    async with at_home(size=(120, 80)) as home:
        assert "e Export" in (await home.wait_for("e Export")).splitlines()[-1]
        await home.press("?")
        assert "Write what is on screen" in home.text()


async def test_on_a_small_screen_every_list_has_two_rows_and_on_a_smaller_one_it_is_said():
    async with at_home(size=(40, 12)) as home:
        for name in ("#what", "#who", "#runs"):
            assert home.app.screen.query_one(name).scrollable_content_region.height >= 2
        assert "small" in home.text()
        assert "■ 1 expert" in home.text()
        await home.pilot.resize_terminal(30, 9)
        text = await home.wait_for("30x9 is too small")
        assert "expert" not in text
        await home.pilot.resize_terminal(80, 24)
        await home.wait_for("■ 1 expert")


async def test_why_a_contestant_cannot_play_and_what_to_do_is_said_whole_where_the_cursor_is(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.undo()
    monkeypatch.setattr(home_module, "list_playables", lambda: list(PLAYABLES))
    monkeypatch.setattr(home_module, "examine", lambda playable: playable)
    monkeypatch.setattr(overview, "find_spec", lambda name: None)
    async with at_home("small", "bundled", size=(80, 24)) as home:
        await home.wait_for("bundled+awq-w4g128")
        assert "llm-compressor" not in home.text()
        await home.press("tab", "down")
        words = " ".join((await home.wait_for("llm-compressor")).split())
        assert "✗ bundled+awq-w4g128 is made by llm-compressor, which is not installed here" in words
        assert "pip install 'arena[compress]'" in words


@pytest.mark.parametrize("is_made", [False, True])
async def test_who_is_ticked_and_lacks_something_is_refused_at_once_unless_it_was_made_before(
    is_made: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from tui.screens import preparing

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if is_made:
        (tmp_path / "arena/compressed/awq-w4g128-0123").mkdir(parents=True)

    awq = Candidate("bundled+awq-w4g128", "4 bits", "bundled", "pip install 'arena[compress]'", "is not made")
    monkeypatch.setattr(home_module, "list_candidates", lambda: [*CANDIDATES, awq])
    monkeypatch.setattr("arena.compressed.is_kept", lambda model, recipe: True)
    prepared: list[tuple[str, ...]] = []

    def prepare(what, contestants, on_compress):
        prepared.append(contestants)
        raise ArenaError("nothing is played here")

    monkeypatch.setattr(preparing, "prepare", prepare)
    async with at_home("small", "expert", "bundled+awq-w4g128") as home:
        await home.wait_for("✗ pip install 'arena[compress]'")
        await home.press("p")
        await home.wait_for("nothing is played here" if is_made else "can't be played")
        said = "\n".join(each.message for each in home.app._notifications)
        refusal = "✗ bundled+awq-w4g128 is not made: pip install 'arena[compress]'"
        assert said == ("nothing is played here" if is_made else refusal)
        await home.wait_for_screen(HomeScreen)
    assert prepared == ([("expert", "bundled+awq-w4g128")] if is_made else [])


def test_runs_lead_to_their_results_and_to_every_turn_and_back():
    import asyncio

    recorded_run()

    async def drive() -> None:
        async with at_home() as home:
            await home.wait_for("✓ finished mix")
            await home.press("r")
            await home.wait_for_screen(ResultsScreen)
            await home.press("escape", "w")
            await home.wait_for_screen(MatchScreen)
            await home.press("q")
            await home.wait_for_screen(HomeScreen)

    asyncio.run(drive())


def test_a_run_that_cannot_be_read_says_so_and_opens_nothing(tmp_path: Path):
    import asyncio

    run = recorded_run()
    (run / "run.toml").write_text("broken = [")

    async def drive() -> None:
        async with at_home() as home:
            await home.wait_for("! broken")
            await home.press("r")
            assert isinstance(home.app.screen, HomeScreen)

    asyncio.run(drive())


async def test_a_contestant_that_cannot_be_had_is_said_and_home_stays():
    async with at_home("pddl", "expert", "script:/nowhere.txt") as home:
        await home.press("p")
        await home.wait_for("nowhere.txt")
        await home.wait_for_screen(HomeScreen)


async def test_escape_while_getting_ready_cancels_and_starts_nothing(monkeypatch: pytest.MonkeyPatch):
    import threading

    from tui.screens import preparing

    begun, go_on, ended = threading.Event(), threading.Event(), []

    def slow(what, contestants, on_compress):
        begun.set()
        go_on.wait(60)
        try:
            on_compress("bundled+rtn-w4g128", None)
        except BaseException as stop:
            ended.append(type(stop).__name__)
            raise

    monkeypatch.setattr(preparing, "prepare", slow)
    async with at_home() as home:
        await home.press("p")
        assert begun.wait(30)
        assert "Getting ready" in home.text()
        await home.press("escape")
        go_on.set()
        await home.wait_for_screen(HomeScreen)
        await soon(lambda: bool(ended))
    assert ended == ["_Cancelled"]


async def test_question_mark_lists_the_keys_of_this_screen_and_those_of_all():
    async with at_home(size=(120, 80)) as home:
        await home.press("?")
        assert isinstance(home.app.screen, HelpScreen)
        text = home.text()
        for key in (*keys("home"), *keys("app")):
            if key.action not in ("results", "debug", "request") or key in keys("home"):
                assert key.help[:30] in text


async def test_every_key_is_a_command_in_the_palette():
    async with at_home() as home:
        commands = {each.title for each in home.app.get_system_commands(home.app.screen)}
    assert {key.label for key in keys("home")} <= commands
    assert {"Log", "Jump", "Theme"} <= commands


async def test_q_leaves_the_app():
    async with at_home() as home:
        await home.pilot.press("q")
        await ended(home.app, home.pilot)
        assert not home.app.is_running


async def test_ctrl_c_leaves_nothing_and_ctrl_o_goes_to_a_pane_by_its_letter():
    async with at_home() as home:
        await home.press("ctrl+c")
        assert home.app.is_running
        await home.press("ctrl+o")
        letters = home.text()
        assert " a " in letters
        assert " s " in letters
        await home.press("s")
        assert home.app.screen.focused.id == "who"


def test_the_home_screen_imports_no_torch():
    import subprocess
    import sys

    code = (
        "import sys, tui.app, arena.overview as o; o.list_playables(); o.list_candidates(); o.recent_runs(); "
    )
    heavy = "print([name for name in ('torch', 'transformers', 'textual_plot') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_next_to_nothing_is_imported_before_the_first_screen():
    import subprocess
    import sys

    code = (
        "import sys, tui.app; tui.app.HomeScreen; print(sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = ("numpy", "scipy", "gymnasium", "networkx", "pydantic", "torch", "jsonschema", "openai")
    assert not [name for name in heavy if f"'{name}'" in done.stdout]


def test_suites_and_benchmarks_are_listed_at_once_and_examined_one_by_one():
    listed = {playable.what: playable for playable in overview.list_playables()}
    assert listed["pddl"].state == "unknown"
    examined = overview.examine(listed["tool-operation"])
    assert (examined.state, examined.tasks > 0) == ("playable", True)
    assert overview.examine(Playable("nowhere.toml", "suite", "")).state == "broken"


def test_off_a_terminal_arena_alone_says_what_it_would_do_and_prints_the_help():
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "arena"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "opens the home screen" in done.stderr
    assert "arena" in done.stdout
    assert "Commands" in done.stdout
