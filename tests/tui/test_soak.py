"""Hours at the screen, in seconds: many turns by many contestants, and keys pressed all the while."""

import gc
import sys

from textual.pilot import Pilot

from tests.tui.fakes import FakeSource, card, not_json, turn
from tui.app import ArenaApp
from tui.series import TurnBegan

CONTESTANTS = 8
MATCHES = 25
TURNS = 50
STEPS_A_MATCH = 5

BLOCKS_A_TURN = 8
"""What one kept turn takes at the very least, in blocks of Python's allocator."""


async def test_ten_thousand_turns_of_eight_contestants_leave_memory_flat_and_lose_no_key():
    names = [f"c{i}" for i in range(CONTESTANTS)]
    source = FakeSource(card(names, MATCHES), steered=True)
    app = ArenaApp(source, "play")
    blocks: list[int] = []
    async with app.run_test(size=(200, 50)) as pilot:
        source.pacer.toggle()
        for match in range(MATCHES):
            await play(app, pilot, source, names, match)
            if match in (MATCHES // 2, MATCHES - 1):
                gc.collect()
                blocks.append(sys.getallocatedblocks())
        await pilot.pause()  # the last keys have been heard
        series = app.match_screen.viewer.series
        assert sum(len(staged.turns) for staged in series.stage.values()) == CONTESTANTS * TURNS
        assert {standing.episodes for standing in series.standings.values()} == {MATCHES}
        assert series.ladder.rungs["c1"].matches == MATCHES
        assert source.pacer._rounds_granted == MATCHES * STEPS_A_MATCH
    middle, end = blocks
    turns_since = (MATCHES - 1 - MATCHES // 2) * TURNS * CONTESTANTS
    assert end - middle < turns_since * BLOCKS_A_TURN / 4, (middle, end)


async def play(app: ArenaApp, pilot: Pilot, source: FakeSource, names: list[str], match: int) -> None:
    async def look() -> None:
        await pilot.pause(0)
        app.match_screen.frame()

    for name in names:
        source.start(name, match)
        source.tell(TurnBegan(source.key(name, match), 0))
    await look()
    for index in range(TURNS):
        made = not_json(index) if index % 9 == 8 else turn(index, outcome=f"{match} {index} " + "word " * 50)
        for name in names:
            source.played(name, made, match=match)
        if index % 10 == 9:
            app.simulate_key("n")
            await look()
    for key in ("left", "f"):
        app.simulate_key(key)
    for name in names:
        source.ended(name, TURNS, match, progress=0.5, success=False)
    await look()
