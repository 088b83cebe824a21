"""How the match screen and the views look, at the three sizes that they are made for.

A change is meant? `ARENA_SNAPSHOTS=write .venv/bin/python -m pytest tests/tui/test_snapshots.py` keeps it.
"""

import pytest

from envs.base import Task
from tests.tui.fakes import FakeSource, card
from tests.tui.screens import Driver, driving
from tests.tui.snapshots import SIZES, compare
from tests.tui.views.played import expert, played, text
from tui.card import ContestantCard, MatchCard, RunCard
from tui.series import RecordedEpisode

sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")

VIEWS = {
    "blockworld": ("pddl/blockworld-small/4", 3),
    "gripper": ("pddl/gripper-small/3", 4),
    "barman": ("pddl/barman/10", 4),
    "tyreworld": ("pddl/tyreworld/5", 6),
    "calls": ("tool-query/weather/3", 3),
    "workflow": ("worfbench/wikihow/3", 1),
}


class PlayedSource(FakeSource):
    """A finished series of two contestants on one task: the expert, and one that fails now and then."""

    def __init__(self, task_id: str) -> None:
        solution = expert(task_id)
        self.played_task, _, solved = played(task_id, solution)
        _, _, strayed = played(task_id, [solution[0], "sing a song", None, *solution[1:4]])
        task = self.played_task
        run = RunCard(
            "snapshots",
            [ContestantCard("base", 1_300_000_000), ContestantCard("awq-w4", 400_000_000)],
            [MatchCard(task.id, task.hash, 0, 0)],
        )
        super().__init__(run, live=False)
        for name, turns in (("base", solved), ("awq-w4", strayed)):
            self.recorded_episode(name, turns)
        match = run.matches[0]
        self.record[match] = [
            RecordedEpisode(episode.head, episode.turns, task.max_steps) for episode in self.record[match]
        ]

    async def task(self, match: MatchCard) -> Task:
        return self.played_task


async def both_drawn(driver: Driver) -> str:
    """The screen once a thread has drawn both contestants' rooms, after the turn that is shown."""
    for _ in range(600):
        text = await driver.text()
        if text.count("☻ robot") == 2 and "right ● ball2" in text:
            return text
        await driver.pilot.pause(0.05)
    raise AssertionError(f"the rooms are not drawn:\n{text}")


@sizes
async def test_a_match_looks_as_it_did(size: tuple[int, int]):
    async with driving(PlayedSource("pddl/gripper-small/1"), "watch", size) as driver:
        await driver.text_with("leaves the baseline")
        await driver.press("right", "right", "right")
        compare("match", size, await both_drawn(driver) if size == (200, 50) else await driver.text())


async def test_a_match_with_the_environment_beside_looks_as_it_did():
    async with driving(PlayedSource("pddl/gripper-small/1"), "watch", (120, 40)) as driver:
        await driver.text_with("leaves the baseline")
        await driver.press("right", "right", "right", "v")
        compare("match-view", (120, 40), await both_drawn(driver))


@sizes
async def test_a_match_before_its_first_turn_looks_as_it_did(size: tuple[int, int]):
    async with driving(FakeSource(card(), steered=True), size=size) as driver:
        compare("match-before", size, await driver.text())


@sizes
async def test_the_help_looks_as_it_did(size: tuple[int, int]):
    async with driving(FakeSource(card(), steered=True), size=size) as driver:
        await driver.press("?")
        compare("help", size, await driver.text())


@sizes
async def test_the_export_menu_looks_as_it_did(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tui.exporting.find_spec", lambda name: None)  # the same, whatever is installed
    async with driving(FakeSource(card(), steered=True), size=size) as driver:
        await driver.press("e")
        compare("export", size, await driver.text())


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("size", [(36, 16), (60, 20), (110, 30)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_view_looks_as_it_did(name: str, size: tuple[int, int]):
    task_id, upto = VIEWS[name]
    shown = played(task_id, expert(task_id)[:upto])
    compare(f"view-{name}", size, text(*shown, width=size[0], height=size[1]))
