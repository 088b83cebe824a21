"""Interactive fiction as a Gymnasium environment."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from envs.base import ArenaEnv, Outcome, Source, Task, ToolSchema, parse_call
from envs.errors import BadData, MissingPackage
from envs.jericho import commands, scoring
from envs.jericho.game import Game
from envs.jericho.official import MEND, official_file
from envs.jericho.tasks import bundled_file, md5, things


class JerichoEnv(ArenaEnv):
    """Plays a story of the Z-machine, each environment in a process of its own (`game`).

    Progress is the share of subgoals that have been found in an observation so far, success is all of them,
    by AgentBoard's rules (`scoring`). A command is valid where the answer does not hold `[!`: our stories
    mark all refusals so; the official games hardly ever do, and there nearly all is valid, as in AgentBoard.
    An action that holds the words "check" and "action" lists commands, changes nothing and costs a step. An
    official episode also ends where the library sees the game won or lost; our stories have no such end.

    Not AgentBoard's: the list for official games is made without the spaCy model that jericho downloads
    (`player`), and commands are cleaned harder (`commands.clean`).
    """

    benchmark = "jericho"

    def __init__(self, source: Source = "bundled") -> None:
        super().__init__(source)
        self._game = Game()
        self._subgoals: Sequence[str] = ()
        self._done: list[bool] = []
        self._played: list[str] = []

    def instructions(self) -> str:
        """Return how stories are told, and the commands that most of them know."""
        return str(commands.wording()["instructions"]).strip()

    def example(self) -> Sequence[tuple[str, str]]:
        """Return a tiny story of its own, played to its end."""
        return [(step["action"], step["observation"]) for step in commands.wording()["example"]]

    def tools(self) -> Sequence[ToolSchema]:
        """Return tools for the commonest commands, and `command` for all others."""
        return [form.schema() for form in commands.forms().values()]

    def call_to_action(self, name: str, arguments: Mapping[str, Any]) -> str | None:
        """Return the text of a tool call, or None where no tool has this name or these arguments."""
        return commands.call_to_action(name, arguments)

    def action_to_call(self, action: str) -> dict[str, Any] | None:
        """Return the tool call that means the same as a text action, or None where it is no command."""
        return commands.action_to_call(action)

    def expert(self) -> Sequence[str]:
        """Return what is left to do of the task's walkthrough, from wherever the episode stands.

        Official games have jericho's walkthroughs, which may miss a label's subgoals or take longer than its
        step limit. Raises `NotImplementedError` where no part of the walkthrough solves the task from here.
        """
        assert self.task, "reset() comes first"
        walkthrough = self.task.data.get("walkthrough") or self._game.solution()
        path = [commands.clean(command) for command in walkthrough]
        rests = [path[index:] for index in range(len(path) + 1)]
        if self._played == path[: len(self._played)]:
            rests = [path[len(self._played) :]]
        solutions = [
            solution
            for rest, texts in zip(rests, self._game.rehearse(rests), strict=True)
            if (solution := self._shortened(rest, texts)) is not None
        ]
        if not solutions:
            raise NotImplementedError("no part of the story's walkthrough solves the task from here")
        return min(solutions, key=len)

    def valid_actions(self) -> Sequence[str]:
        """Return commands that would have an effect now (a second or more for official games).

        For our stories these are the commands that the story does not refuse, of all that `commands` makes of
        its things in sight; for official games those that jericho finds to change the world.
        """
        assert self.task, "reset() comes first"
        if self.task.source == "official":
            return self._game.effective_commands()
        named = things(self.task.data["story"])
        seen = [name for name in named if self._granted([f"examine {name}"])]
        loose = [name for name in seen if self._granted([f"drop {name}"])]
        return self._granted(commands.candidates(seen, loose))

    def close(self) -> None:
        """End the game's process; the next reset starts another."""
        self._game.close()
        super().close()

    def _begin(self, task: Task) -> Outcome:
        if find_spec("jericho") is None:
            raise MissingPackage("the package jericho is not installed", MEND)
        story = task.data["story"]
        path = official_file(story) if task.source == "official" else bundled_file(story)
        if md5(path) != task.data["md5"]:
            raise BadData(f"{path} is not the file that the task {task.id} was made for")
        self._subgoals = task.data["subgoals"]
        self._done, self._played = [False] * len(self._subgoals), []
        told = scoring.tidy(self._game.start(path, task.seed))
        return self._outcome(task.data.get("opening", told), valid=True)

    def _apply(self, action: str) -> Outcome:
        if action.lstrip().startswith("{") and parse_call(action) is not None:
            return self._outcome(commands.wording()["no_tool"], valid=False)
        command = commands.clean(action)
        if commands.asks_for_list(command):
            listed = [*self.valid_actions(), commands.forms()["check_valid_actions"].text]
            return self._outcome(commands.wording()["list"].format(commands=", ".join(listed)), valid=True)
        text, over = self._game.step(command)
        self._played.append(command)
        told = scoring.tidy(text)
        if (index := scoring.reached(self._subgoals, self._done, told)) is not None:
            self._done[index] = True
        return self._outcome(told, valid=scoring.REFUSAL not in told, over=over)

    def _outcome(self, observation: str, *, valid: bool, over: bool = False) -> Outcome:
        return Outcome(
            observation=observation.strip(),
            progress=sum(self._done) / len(self._done),
            valid=valid,
            success=all(self._done),
            done=over,
            subgoals=dict(zip(self._subgoals, self._done, strict=True)),
        )

    def _granted(self, tried: Sequence[str]) -> list[str]:
        """Return the commands that one of our stories would not refuse."""
        answers = self._game.rehearse([[command] for command in tried])
        return [
            command for command, (text,) in zip(tried, answers, strict=True) if scoring.REFUSAL not in text
        ]

    def _shortened(self, path: Sequence[str], texts: Sequence[str]) -> list[str] | None:
        """Return a path up to where all subgoals are reached, without what was refused; None where never."""
        done, kept = list(self._done), []
        for command, text in zip(path, texts, strict=True):
            if all(done):
                break
            told = scoring.tidy(text)
            if scoring.REFUSAL not in told:
                kept.append(command)
            if (index := scoring.reached(self._subgoals, done, told)) is not None:
                done[index] = True
        return kept if all(done) else None
