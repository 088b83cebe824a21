"""How the home and the results screen look, at the three sizes that they are made for.

A change is meant? See `tests/tui/snapshots.py`.
"""

import asyncio

import pytest

from arena.overview import Candidate, Playable, RunSummary
from tests.tui.recorded import recorded_run
from tests.tui.snapshots import SIZES, compare
from tests.tui.test_home_screen import Home
from tui.app import ArenaApp
from tui.choice import Choice
from tui.screens import home as home_module

sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")

PLAYABLES = [
    Playable("acbench", "suite", "Every benchmark of the ACBench paper", "playable", tasks=1298),
    Playable("small", "suite", "Small gripper problems", "playable", tasks=240),
    Playable("pddl", "benchmark", "PDDL: planning", "playable", tasks=320, subsets={"barman": 20}),
    Playable("tool-operation", "benchmark", "Tool-Operation: lists and sheets", "playable", tasks=48),
    Playable("jericho", "benchmark", "Text adventures", "needs-package", "pip install 'arena[jericho]'"),
]
CANDIDATES = [
    Candidate("bundled", "the small agent that ships with Arena", "bundled"),
    Candidate("bundled+magnitude-2:4", "the 2 smallest of every 4 neighbouring weights", "bundled"),
    Candidate("bundled+awq-w4g128", "4 bits", "bundled", "pip install 'arena[compress]'"),
    Candidate("expert", "the benchmark's own expert", "engine"),
]
RUNS = [
    RunSummary("small-a2272ef8", "small", "2020-01-02", ("bundled", "bundled+fp8"), 900, 900, 0, "finished"),
    RunSummary("half", "small", "2020-01-01", ("base",), 8, 3, 2, "owed"),
]


@pytest.fixture
def a_home_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_module, "list_playables", lambda: list(PLAYABLES))
    monkeypatch.setattr(home_module, "examine", lambda playable: playable)
    monkeypatch.setattr(home_module, "list_candidates", lambda: list(CANDIDATES))
    monkeypatch.setattr(home_module, "recent_runs", lambda: list(RUNS))
    monkeypatch.setenv("ARENA_RUNS", "runs")


@sizes
async def test_the_home_screen_looks_as_it_did(size: tuple[int, int], a_home_to_look_at: None):
    app = ArenaApp(choice=Choice("pddl", ["bundled"]))
    async with app.run_test(size=size) as pilot:
        home = Home(app, pilot)
        await home.wait_for("magnitude-2:4")
        await home.wait_for("small-a2272ef8")
        await home.press("tab", "down", "down")
        compare("home", size, await home.wait_for("needs: pip install 'arena[compress]'"))


@sizes
def test_the_results_screen_looks_as_it_did(size: tuple[int, int]):
    run = recorded_run()

    async def show() -> None:
        app = ArenaApp(choice=Choice("small", ["expert"]))
        async with app.run_test(size=size) as pilot:
            home = Home(app, pilot)
            app.show_results(run)
            await home.wait_for("1 expert (baseline)")
            await home.wait_for("15/15 episodes")
            await home.press("right")
            await home.wait_for("random on ")
            compare("results", size, home.text())

    asyncio.run(show())


def test_where_not_all_contestants_fit_they_stand_closer_and_the_title_says_how_to_see_the_others():
    run = recorded_run()

    async def show() -> None:
        app = ArenaApp(choice=Choice("small", ["expert"]))
        async with app.run_test(size=(60, 24)) as pilot:
            home = Home(app, pilot)
            app.show_results(run)
            await home.wait_for("through 3 contestants")
            assert " p " not in home.text().split("on needle")[0]
            await pilot.resize_terminal(120, 40)
            text = await home.wait_for(" p ")
            await pilot.pause(0.1)
            assert "through 3 contestants" not in home.text(), text

    asyncio.run(show())
