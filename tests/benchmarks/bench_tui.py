"""What the match screen costs: 8 contestants stream at 200x50, idle, and keys pressed meanwhile.

Prints the share of one core that the whole process takes (drawing is all it does), how many lines of the
transcripts are drawn for it (which does not depend on how busy the machine is), how late the event loop is,
and how many of the keys that were pressed took effect.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from textual.strip import Strip

sys.path.insert(0, str(Path(__file__).parents[2]))

from arena.records import ReplyText
from tests.tui.fakes import FakeSource, card, turn
from tui.app import ArenaApp
from tui.series import TurnBegan
from tui.widgets.transcript import Transcript

CONTESTANTS = 8
TOKENS_PER_S = 50
MEASURED_S = 6.0
KEYS_PER_S = 10


async def main() -> None:
    names = [f"c{i}" for i in range(CONTESTANTS)]
    source = FakeSource(card(names), steered=True)
    app = ArenaApp(source, "play")
    async with app.run_test(size=(200, 50)):
        for name in names:
            source.start(name)
            source.played(name, turn(0))
        await asyncio.sleep(1)
        with_idle = await measure(MEASURED_S / 2)
        print(f"idle: {with_idle:.1%} of one core")
        for name in names:
            source.tell(TurnBegan(source.key(name), 1))
        keys = asyncio.create_task(press_keys(app))
        lateness: list[float] = []
        streaming = asyncio.create_task(stream(source, names, lateness))
        with lines_counted() as drawn:
            share = await measure(MEASURED_S)
        await streaming
        pressed, heard = await keys
        lateness.sort()
        median, worst = lateness[len(lateness) // 2], lateness[int(len(lateness) * 0.99)]
        print(f"{CONTESTANTS} x {TOKENS_PER_S} tokens/s at 200x50: {share:.1%} of one core (bar: 30%)")
        said = CONTESTANTS * TOKENS_PER_S
        print(f"{len(drawn) / MEASURED_S:.0f} lines drawn a second for {said} tokens a second")
        print(f"event loop late by {median * 1e3:.1f} ms (median), {worst * 1e3:.0f} ms (99 %)")
        print(f"keys: {heard} of {pressed} took effect (bar: all)")


@contextmanager
def lines_counted() -> Iterator[list[int]]:
    """Collect the number of each line that a transcript draws meanwhile."""
    draw, drawn = Transcript.render_line, []

    def counted(transcript: Transcript, y: int) -> Strip:
        drawn.append(y)
        return draw(transcript, y)

    Transcript.render_line = counted
    try:
        yield drawn
    finally:
        Transcript.render_line = draw


async def measure(seconds: float) -> float:
    """Return this process's share of one core over some seconds."""
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - cpu) / (time.perf_counter() - began)


async def stream(source: FakeSource, names: list[str], lateness: list[float]) -> None:
    """Say one token a contestant, `TOKENS_PER_S` times a second."""
    due = time.perf_counter()
    for number in range(int(MEASURED_S * TOKENS_PER_S)):
        for name in names:
            source.tell(ReplyText(source.key(name), 1, f"token{number} "))
        due += 1 / TOKENS_PER_S
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        lateness.append(max(0.0, time.perf_counter() - due))


async def press_keys(app: ArenaApp) -> tuple[int, int]:
    """Press `n` some times; return how often, and how many steps the pacer was told to make."""
    pacer = app.match_screen.viewer.source.pacer
    assert pacer is not None
    pressed = int(MEASURED_S * KEYS_PER_S)
    for _ in range(pressed):
        app.simulate_key("n")
        await asyncio.sleep(1 / KEYS_PER_S)
    await asyncio.sleep(0.5)
    return pressed, pacer._rounds_granted


if __name__ == "__main__":
    asyncio.run(main())
