"""The program of the process in which one game runs: a JSON request a line in, a JSON answer a line out.

It is started by path, with a folder of its own as argument, and imports nothing of Arena. Why a process:
jericho's interpreter is a C library that writes the files that a game asks for (saves, transcripts) into the
working directory, ends its process on fatal errors, and can loop for ever. None of this may reach the
contest.

A request is `{"do": …}` with

- `start`: `story` (path), `seed` (0: the library's own for the game). Answers `text`.
- `step`: `command`. Answers `text` and `over` (the library counts the game as won or lost).
- `rehearse`: `sequences`, each a list of commands. Answers `texts`, a list for each; nothing has happened.
- `list`: answers `commands`, those that the library finds to change the world now.
- `solution`: answers `commands`, the library's own walkthrough; none for stories that it does not know.

An answer `{"error": …}` says what a request ran into.
"""

import json
import os
import re
import shutil
import signal
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

CPU_LIMIT_S = {"start": 20, "step": 2, "rehearse": 60, "list": 120, "solution": 5}
"""Processor seconds after which a request counts as hung and the process ends itself."""


def main(folder: str) -> None:
    """Serve requests until standard input ends, then remove the folder: the files go, whoever ends first."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    # the library reads and prints as it likes
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.chdir(folder)
    warnings.simplefilter("ignore")
    try:
        serve(requests, answers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve(requests: Iterable[str], answers: TextIO) -> None:
    """Answer each request."""
    player = Player()
    for line in requests:
        request = json.loads(line)
        name = request.pop("do")
        # the signal's default action ends the process, also in the middle of C code
        signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S[name])
        try:
            answer = getattr(player, name)(**request)
        except Exception as error:  # noqa: BLE001 - the other side raises it again
            answer = {"error": f"{type(error).__name__}: {error}"}
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class Player:
    """One game at a time; each start loads the library anew, so that nothing is left of the game before."""

    def __init__(self) -> None:
        self.env: Any = None

    def start(self, story: str, seed: int) -> dict[str, Any]:
        """Load a story and return its first text."""
        from jericho import FrotzEnv

        self.env = None
        for left in Path.cwd().iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        self.env = FrotzEnv(story, seed=seed)
        self._know_nouns()
        return {"text": self.env.reset()[0]}

    def step(self, command: str) -> dict[str, Any]:
        """Play one command."""
        return {"text": self._play(command), "over": self.env.game_over() or self.env.victory()}

    def rehearse(self, sequences: list[list[str]]) -> dict[str, Any]:
        """Play each sequence from the present state, and come back to it."""
        state, texts = self.env.get_state(), []
        for sequence in sequences:
            texts.append([self._play(command) for command in sequence])
            self.env.set_state(state)
        return {"texts": texts}

    def list(self) -> dict[str, Any]:
        """Return jericho's valid actions: one for each different effect on the world."""
        return {"commands": sorted(self.env.get_valid_actions(use_parallel=False))}

    def solution(self) -> dict[str, Any]:
        """Return jericho's walkthrough."""
        return {"commands": self.env.get_walkthrough()}

    def _know_nouns(self) -> None:
        """Let jericho find things to act on in a room's text.

        It takes the text's nouns from a spaCy model, which it would download. Here they are the words that
        the game's own dictionary has as nouns.
        """
        from jericho import util

        words = [entry for entry in self.env.get_dictionary() if entry.word]
        length = max((len(entry.word) for entry in words), default=0)
        nouns = {
            entry.word
            for entry in words
            if entry.is_noun and not (entry.is_dir or entry.is_prep) and len(entry.word) > 2
        }

        def nouns_of(text: str) -> set[tuple[str, str]]:
            said = re.findall(r"[a-z]+", text.lower())
            return {(word, "NOUN") for word in said if word[:length] in nouns}

        util.extract_objs = nouns_of

    def _play(self, command: str) -> str:
        # not `env.step`, which can't read every byte that a game may print
        return self.env.frotz_lib.step(command.encode("ascii") + b"\n").decode("cp1252", "replace")


if __name__ == "__main__":
    main(sys.argv[1])
