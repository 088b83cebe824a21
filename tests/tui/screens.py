"""Driving the app as a person would, and reading what is on screen as text."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot
from textual.strip import Strip

from tests.tui.fakes import FakeSource
from tui.app import ArenaApp
from tui.tables import Mode
from tui.viewer import Viewer

_KEY_NAMES = {
    "+": "plus",
    "=": "equals_sign",
    "-": "minus",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "?": "question_mark",
    ",": "comma",
    ".": "full_stop",
    "/": "slash",
}


class Driver:
    """One app, driven without a terminal."""

    def __init__(self, app: ArenaApp, pilot: Pilot) -> None:
        self.app, self.pilot = app, pilot

    @property
    def viewer(self) -> Viewer:
        return self.app.match_screen.viewer

    async def settle(self) -> None:
        """Let everything that was told arrive on screen."""
        for _ in range(3):
            await self.pilot.pause(0)
            self.app.match_screen.frame()
        await self.pilot.pause(0)

    async def press(self, *keys: str) -> None:
        """Press keys; unlike the pilot's own, this does not wait for an idle processor."""
        for key in keys:
            self.app.simulate_key(_KEY_NAMES.get(key, key))
            await self.pilot.pause(0)
        await self.settle()

    async def text(self) -> str:
        """Return the screen as lines of text."""
        await self.settle()
        return self._text()

    def _text(self) -> str:
        return "\n".join(strip.text.rstrip() for strip in self.strips())

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, for half a minute at most: a busy machine takes its time."""
        for _ in range(600):
            await self.settle()
            if holds():
                return
            await self.pilot.pause(0.05)

    async def text_with(self, words: str) -> str:
        """Return the screen once it says `words` (a thread reads the record), or after half a minute."""
        await self.until(lambda: words in self._text())
        return self._text()

    async def ended(self) -> None:
        """Wait until the app has ended; its screens are gone by then."""
        await ended(self.app, self.pilot)

    def strips(self) -> list[Strip]:
        """Return the screen as it goes to the terminal (an exported SVG says the same, but takes long)."""
        return self.app.screen._compositor.render_strips()


async def soon(holds: Callable[[], bool]) -> None:
    """Wait without an app until something holds, for half a minute at most."""
    for _ in range(3000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it took too long")


async def ended(app: ArenaApp, pilot: Pilot) -> None:
    """Wait until an app has ended, for half a minute at most."""
    for _ in range(600):
        if not app.is_running:
            return
        await pilot.pause(0.05)


@asynccontextmanager
async def driving(
    source: FakeSource, mode: Mode = "play", size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Driver]:
    app = ArenaApp(source, mode)
    async with app.run_test(size=size, notifications=True) as pilot:
        driver = Driver(app, pilot)
        await driver.settle()
        yield driver
