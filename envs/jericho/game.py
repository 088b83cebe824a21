"""A game in a process of its own (`player`), seen from the environment."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from envs.errors import EnvironmentCrashed

PLAYER = Path(__file__).with_name("player.py")


class Game:
    """One running story. The process is started by the first `start` and serves later ones too.

    It ends with `close`, when this object is dropped, and when this program dies however it dies (its
    standard input ends). Its working directory is a folder of its own, removed with it. All methods raise
    `EnvironmentCrashed` where the process dies, or reports an error; the next `start` begins another.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._end: Any = None

    def start(self, story: Path, seed: int) -> str:
        """Begin a story and return its first text."""
        if self._process is None:
            self._launch()
        return self._ask("start", story=str(story), seed=seed)["text"]

    def step(self, command: str) -> tuple[str, bool]:
        """Play a command; return the game's answer, and whether the game is won or lost."""
        answer = self._ask("step", command=command)
        return answer["text"], answer["over"]

    def rehearse(self, sequences: Sequence[Sequence[str]]) -> list[list[str]]:
        """Return the answers that sequences of commands would get, each from the present state."""
        return self._ask("rehearse", sequences=sequences)["texts"]

    def effective_commands(self) -> list[str]:
        """Return the commands that jericho finds to change the world now; only for games that it knows."""
        return self._ask("list")["commands"]

    def solution(self) -> list[str]:
        """Return jericho's walkthrough, from the beginning; empty for stories that it does not know."""
        return self._ask("solution")["commands"]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process = None
            self._end()

    def _launch(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="arena-jericho-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            # -P: the folder of the program is no place to import from
            [sys.executable, "-P", str(PLAYER), folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # jericho keeps a copy of its library in TMPDIR while it loads it, and lists in the order of sets
            env=os.environ | {"TMPDIR": folder.name, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"},
            text=True,
            encoding="utf-8",
        )
        self._end = weakref.finalize(self, _end, self._process, folder)

    def _ask(self, name: str, **request: Any) -> dict[str, Any]:
        if self._process is None:
            raise EnvironmentCrashed("the game's process is gone", "play the episode again")
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps({"do": name, **request}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line.endswith("\n"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
            code = self._process.returncode
            self.close()
            raise EnvironmentCrashed(f"the game's process died (exit code {code}) on {name} {request}"[:300])
        answer = json.loads(line)
        if "error" in answer:
            self.close()
            raise EnvironmentCrashed(f"the game failed on {name}: {answer['error']}"[:300])
        return answer


def _end(process: subprocess.Popen[str], folder: tempfile.TemporaryDirectory[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was written to a dead process can't be flushed
            if pipe:
                pipe.close()
    folder.cleanup()
