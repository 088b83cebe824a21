"""The commands in a real terminal: tmux draws what a person would see, and types what they would type."""

import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

PATIENCE_S = 120


class Terminal:
    """A tmux server of its own with one window of 100x30."""

    def __init__(self, runs: Path) -> None:
        self._name = f"arena-test-{uuid.uuid4().hex[:8]}"
        self._runs = runs
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", "100", "-y", "30", "sh")
        self._tmux("set-option", "-g", "escape-time", "0")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout

    def run(self, *arguments: str, environment: str = "") -> None:
        command = " ".join(
            [f"ARENA_RUNS={self._runs}", environment, sys.executable, "-m", "arena", *arguments]
        )
        self.type(f"clear; {command}; echo left with $?", "Enter")

    def type(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", "t", *keys)

    def screen(self, *options: str) -> str:
        return self._tmux("capture-pane", "-p", *options, "-t", "t")

    def wait_for(self, pattern: str) -> str:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            screen = self.screen()
            if re.search(pattern, screen):
                return screen
            time.sleep(0.1)
        raise AssertionError(f"{pattern!r} did not appear in\n{screen}")

    def close(self) -> None:
        self._tmux("kill-server")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path / "runs")
    yield terminal
    terminal.close()


def test_a_contest_is_played_paused_stepped_left_and_replayed(terminal: Terminal, tmp_path: Path):
    terminal.run("play", "pddl/gripper/0", "-a", "expert", "-a", "random")
    terminal.wait_for(r"▶ playing")
    terminal.type("Space")
    terminal.wait_for(r"‖ paused")
    terminal.wait_for(r"turn +[1-9]\d*/\d+ .* paused")
    turn = int(re.search(r"turn +(\d+)/", terminal.screen())[1])
    terminal.type("n")
    terminal.wait_for(rf"turn +{turn + 1}/\d+ .* (paused|✓ solved)")
    terminal.type("Left")
    terminal.wait_for(rf"turn +{turn}/\d+ .* history")
    terminal.type("?")
    terminal.wait_for(r"Back to the screen before")
    terminal.type("Escape")
    terminal.wait_for(r"‖ paused")
    terminal.type("q")
    screen = terminal.wait_for(r"left with \d")
    assert "left with 0" in screen
    assert "‖ paused" not in screen
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name in screen

    terminal.run("watch", run.name)
    screen = terminal.wait_for(r"turn +1/")
    assert "‖ paused" in screen
    terminal.type("Right")
    terminal.wait_for(r"turn +2/")
    terminal.type("S-Right")
    terminal.wait_for(r"turn +\d+/")
    terminal.type("/")
    terminal.wait_for(r"Find turns")
    terminal.type("move", "Enter")
    terminal.wait_for(r"search move · (\d+ of )?\d+ turns")
    terminal.type("Escape")
    terminal.wait_for(r"\A(?s:(?!.*search move))")
    terminal.type("m")
    terminal.wait_for(r"won +lost +tied")
    terminal.type("l")
    terminal.wait_for(r"base:success outcome:failure +[01] of 1 matches")
    terminal.type("Escape")
    terminal.wait_for(r"tasks base:success outcome:failure · [01] of 1 matches")
    terminal.type("q")
    terminal.wait_for(r"left with 0")


def test_a_second_terminal_watches_what_the_first_plays(terminal: Terminal, tmp_path: Path):
    other = Terminal(tmp_path / "runs")
    try:
        typed = ("play", "pddl/gripper", "-a", "expert", "-a", "random")
        terminal.run(*typed)
        terminal.wait_for(r"▶ playing")
        other.run(*typed)
        other.wait_for(r"● live")
        other.type("q")
        assert "is being played in another terminal" in other.wait_for(r"left with 0")
        assert "▶ playing" in terminal.screen()
        terminal.type("q")
        terminal.wait_for(r"left with 0")
    finally:
        other.close()


def test_without_colour_the_screen_has_none(terminal: Terminal):
    terminal.run("play", "pddl/gripper/0", "-a", "expert", environment="COLORTERM=truecolor NO_COLOR=1")
    terminal.wait_for(r"✓ valid")
    escapes = set(re.findall(r"\x1b\[[0-9;]*m", terminal.screen("-e")))
    colours = [tuple(map(int, triple)) for triple in re.findall(r"8;2;(\d+);(\d+);(\d+)", " ".join(escapes))]
    assert all(max(colour) - min(colour) <= 2 for colour in colours)
    assert not any(re.fullmatch(r"\x1b\[[349][1-6]m", escape) for escape in escapes)
    terminal.type("q")
    terminal.wait_for(r"left with 0")
