import asyncio
import itertools
import math

import pytest

from arena.records import EpisodeEnded, EpisodeKey, EpisodeStarted, Notice
from tests.tui.screens import soon
from tui.pacer import SPEEDS, Pacer, faster


def key(name: str, match: int = 0) -> EpisodeKey:
    return EpisodeKey(name, f"t{match}", f"h{match}", 0, 0)


class Contest:
    """Contestants that play `turns` turns each, as `arena.run` has them played; `log` is who began what."""

    def __init__(self, matches: list[dict[str, int]], *, resumed: dict[str, int] | None = None) -> None:
        self.log: list[tuple[str, int]] = []
        self.times: list[float] = []
        self.matches, self.resumed = matches, resumed or {}
        keys = [key(name, i) for i, match in enumerate(matches) for name in match]
        self.pacer = Pacer(keys, self._began)
        self.pacer.speed = math.inf
        self.takes: dict[str, float] = {}

    def _began(self, which: EpisodeKey, turn: int) -> None:
        self.log.append((which.contestant, turn))
        self.times.append(asyncio.get_running_loop().time())

    async def play(self) -> None:
        for i, match in enumerate(self.matches):
            await asyncio.gather(*(self._episode(name, i, turns) for name, turns in match.items()))

    async def _episode(self, name: str, match: int, turns: int) -> None:
        first = self.resumed.get(name, 0)
        self.pacer.hear(EpisodeStarted(key(name, match), "", "", 20, first))
        for turn in range(first, turns):
            await self.pacer(key(name, match), turn)
            await asyncio.sleep(self.takes.get(name, 0))
        self.pacer.hear(EpisodeEnded(key(name, match), "done", 1.0, True, turns))


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


def rounds(log: list[tuple[str, int]]) -> list[tuple[int, set[str]]]:
    """Group the log by consecutive equal turns."""
    groups = itertools.groupby(log, lambda began: began[1])
    return [(turn, {name for name, _ in group}) for turn, group in groups]


async def test_locked_nobody_begins_a_turn_before_all_have_played_the_one_before():
    contest = Contest([{"fast": 4, "slow": 4}])
    contest.takes = {"slow": 0.02}
    await contest.play()
    assert rounds(contest.log) == [(turn, {"fast", "slow"}) for turn in range(4)]


async def test_locked_a_contestant_who_is_done_is_not_waited_for():
    contest = Contest([{"fast": 1, "slow": 3}])
    await contest.play()
    assert contest.log[-2:] == [("slow", 1), ("slow", 2)]


async def test_locked_a_resumed_contestant_waits_until_the_others_have_caught_up():
    contest = Contest([{"ahead": 4, "behind": 4}], resumed={"ahead": 2})
    await contest.play()
    assert contest.log[:2] == [("behind", 0), ("behind", 1)]
    assert rounds(contest.log)[2:] == [(2, {"ahead", "behind"}), (3, {"ahead", "behind"})]


async def test_locked_a_contestant_who_cannot_start_is_not_waited_for():
    contest = Contest([{"here": 3}])
    contest.pacer = Pacer([key("here"), key("absent")], contest._began)
    contest.pacer.speed = math.inf
    playing = asyncio.create_task(contest.play())
    await settle()
    assert contest.log == [("here", 0)]
    contest.pacer.hear(Notice("absent can't start", {"contestant": "absent"}))
    await asyncio.wait_for(playing, 30)
    assert len(contest.log) == 3


async def test_free_the_fast_do_not_wait_for_the_slow():
    contest = Contest([{"fast": 4, "slow": 2}])
    contest.takes = {"slow": 0.02}
    contest.pacer.toggle_lock()
    await contest.play()
    assert contest.log.index(("fast", 3)) < contest.log.index(("slow", 1))


@pytest.mark.parametrize("locked", [True, False])
async def test_paused_no_turn_begins_until_it_is_stepped_or_played(locked: bool):
    contest = Contest([{"a": 5, "b": 5}])
    contest.pacer.locked = locked
    contest.pacer.toggle()
    playing = asyncio.create_task(contest.play())
    await settle()
    assert contest.log == []
    for expected in (1, 2, 3):
        contest.pacer.step()
        await settle()
        assert rounds(contest.log) == [(turn, {"a", "b"}) for turn in range(expected)]
    contest.pacer.toggle()
    await asyncio.wait_for(playing, 30)
    assert len(contest.log) == 10


async def test_steps_in_quick_succession_are_all_played():
    contest = Contest([{"a": 5, "b": 5}])
    contest.takes = {"a": 0.01, "b": 0.01}
    contest.pacer.toggle()
    playing = asyncio.create_task(contest.play())
    await settle()
    for _ in range(3):
        contest.pacer.step()
    await soon(lambda: len(contest.log) >= 6)
    await asyncio.sleep(0.05)  # nobody takes another step
    assert rounds(contest.log) == [(turn, {"a", "b"}) for turn in range(3)]
    playing.cancel()


async def test_a_step_at_the_end_of_a_match_begins_the_next():
    contest = Contest([{"a": 1, "b": 1}, {"a": 1, "b": 1}])
    contest.pacer.toggle()
    playing = asyncio.create_task(contest.play())
    await settle()
    contest.pacer.step()
    await settle()
    assert len(contest.log) == 2
    contest.pacer.step()
    await asyncio.wait_for(playing, 30)


async def test_a_slower_speed_shows_each_turn_for_longer():
    contest = Contest([{"a": 3, "b": 3}])
    contest.pacer.speed = 16.0
    await contest.play()
    gaps = [later - earlier for earlier, later in itertools.pairwise(contest.times[::2])]
    assert all(gap >= 1 / 16 * 0.9 for gap in gaps)


async def test_a_change_of_speed_holds_for_the_turn_that_waits_already():
    contest = Contest([{"a": 3, "b": 3}])
    contest.pacer.speed = 0.25
    playing = asyncio.create_task(contest.play())
    await settle()
    assert len(contest.log) == 2
    for _ in SPEEDS:
        contest.pacer.change_speed(1)
    await asyncio.wait_for(playing, 30)


def test_speeds_end_at_the_slowest_and_at_full_speed():
    assert faster(1.0, 1) == 2.0
    assert faster(SPEEDS[0], -1) == SPEEDS[0]
    assert faster(math.inf, 1) == math.inf
