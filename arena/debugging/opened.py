"""One turn opened: how its reply was judged, the baseline's turn beside it, what came before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena import burden
from arena.debugging.listing import FailedTurn, turn_name
from arena.debugging.requests import Rebuilt, rebuilt, recorded_settings
from arena.debugging.stage import Stage, reply_form
from arena.errors import UsageError
from arena.plan import read_plan
from arena.protocol.verdict import Step, steps
from arena.records import Episode, EpisodeKey, Turn
from arena.store.files import connect
from arena.store.reader import RunReader
from arena.store.rows import episode_from_row
from envs.base import Task, parse_call

_REMEMBERED_EPISODES = 8


@dataclass(frozen=True)
class Beside:
    """The baseline's episode on the same task; `turn` is the same one, where it got so far.

    `same_history`: both had seen and done the same until then, so that their replies answer the same request.
    """

    episode: Episode
    turns: Sequence[Turn]
    turn: Turn | None
    same_history: bool


@dataclass(frozen=True)
class OpenedTurn:
    """A turn with all that is recorded around it. `before` and `after` are the episode's other turns.

    `protocol` (`json`, `text` or `whole`) and `dialect` say how its reply was read.
    `recovered_after` says how many turns later an action took effect again (1: the next), None: never.
    """

    episode: Episode
    task: Task
    contestant: Mapping[str, Any]
    protocol: str
    dialect: str | None
    turn: Turn
    before: Sequence[Turn]
    after: Sequence[Turn]
    steps: Sequence[Step]
    baseline: Beside | None
    recovered_after: int | None

    @property
    def name(self) -> str:
        """How the turn is named in commands: `TASK#N`, from 1."""
        return turn_name(self.episode.key.task, self.turn.index, self.episode.key.repeat)


class Run:
    """A run under examination: its record, its plan, and environments for what is played again.

    Use as a context manager, in one thread at a time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan = read_plan(path)
        self.contestants: Mapping[str, Mapping[str, Any]] = {
            each["name"]: each for each in self.plan["contestants"]
        }
        self.baseline = next(iter(self.contestants))
        self.reader = RunReader(path)
        self.db = connect(path)
        self.stage = Stage()
        self._turns: dict[tuple[int, int], Sequence[Turn]] = {}

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the record and the environments."""
        self.reader.close()
        self.db.close()
        self.stage.close()

    def turns(self, episode: Episode) -> Sequence[Turn]:
        """Return an episode's turns; those of the last few episodes are remembered."""
        known = episode.id, episode.turns
        if known not in self._turns:
            while len(self._turns) >= _REMEMBERED_EPISODES:
                self._turns.pop(next(iter(self._turns)))
            self._turns[known] = self.reader.turns(episode)
        return self._turns[known]

    def episode(self, contestant: str, task: str, repeat: int = 0) -> Episode:
        """Return a contestant's episode on a task. Raises `UsageError` where there is none."""
        self.check_contestant(contestant)
        found = self.find_episode(contestant, task, repeat)
        if found is None:
            raise UsageError(
                f"{contestant} has not played {task} (repeat {repeat}) in {self.path.name}",
                f"`arena debug {self.path.name} --contestant {contestant}` lists its failed turns",
            )
        return found

    def episode_of(self, failed: FailedTurn) -> Episode:
        """Return the episode of a listed turn."""
        row = self.db.execute("SELECT * FROM episode WHERE id = ?", (failed.episode_id,)).fetchone()
        return episode_from_row(row)

    def check_contestant(self, name: str) -> None:
        """Raise `UsageError` where the run has no contestant of this name."""
        if name not in self.contestants:
            raise UsageError(
                f"{self.path.name} has no contestant {name!r}", f"it has {', '.join(self.contestants)}"
            )

    def find_episode(self, contestant: str, task: str, repeat: int = 0) -> Episode | None:
        """Return a contestant's episode on a task, or None where it was not begun."""
        row = self.db.execute(
            "SELECT * FROM episode WHERE contestant = ? AND task = ? AND repeat = ?"
            " AND status != 'superseded'",
            (contestant, task, repeat),
        ).fetchone()
        return episode_from_row(row) if row else None


def open_turn(run: Run, episode: Episode, index: int) -> OpenedTurn:
    """Return a turn of an episode, counted from 0, with all around it. Raises `UsageError`."""
    turns = run.turns(episode)
    if not 0 <= index < len(turns):
        raise UsageError(
            f"{episode.key.task} has no turn {index + 1} by {episode.key.contestant}", f"it has {len(turns)}"
        )
    turn, after = turns[index], turns[index + 1 :]
    run.check_contestant(episode.key.contestant)
    contestant = run.contestants[episode.key.contestant]
    task = run.reader.task(episode.key.task_hash)
    protocol, dialect = read_by(contestant, task, turn)
    return OpenedTurn(
        episode=episode,
        task=task,
        contestant=contestant,
        protocol=protocol,
        dialect=dialect,
        turn=turn,
        before=turns[:index],
        after=after,
        steps=steps(protocol, turn.reply, turn.action, turn.failure, turn.valid),
        baseline=_beside(run, episode, turns[:index], index),
        recovered_after=next((each.index - index for each in after if each.valid), None),
    )


def request_of(run: Run, opened: OpenedTurn) -> Rebuilt:
    """Return the request that an opened turn's reply answered; its environment is set up for that."""
    return rebuilt(run.stage, opened.contestant, opened.episode.key, opened.task, opened.before, opened.turn)


def tools_of(run: Run, opened: OpenedTurn) -> tuple[Sequence[Mapping[str, Any]], frozenset[str]]:
    """Return the tools that an opened turn's contestant was offered, and the names of those not the task's.

    Both are empty where the task's environment can't be had.
    """
    own = run.stage.tools(opened.task, opened.episode.key.seed)
    settings = recorded_settings(opened.contestant)
    if not own or settings is None:
        return own, frozenset()
    try:
        tools = burden.offered(own, settings.offered_tools, opened.task.hash)
    except UsageError:  # the run was played with another version's tools
        return own, frozenset()
    return tools, frozenset(map(burden.name_of, tools)) - frozenset(map(burden.name_of, own))


def read_by(contestant: Mapping[str, Any], task: Task, turn: Turn) -> tuple[str, str | None]:
    """Return the protocol by which a turn's reply was read (`json`, `text` or `whole`), and its dialect.

    Logs of other harnesses don't say; theirs are read as calls where they hold one, else as whole replies.
    """
    if reply_form(task.benchmark) == "whole":
        return "whole", None
    settings = recorded_settings(contestant)
    if settings is not None:
        asked = settings.for_task(task)
        return asked.protocol, asked.dialect
    is_text = turn.failure is None and turn.action is not None and parse_call(turn.action) is None
    return "whole" if is_text else "json", None


def _beside(run: Run, episode: Episode, before: Sequence[Turn], index: int) -> Beside | None:
    key = episode.key
    if key.contestant == run.baseline:
        return None
    theirs = run.reader.episode(EpisodeKey(run.baseline, key.task, key.task_hash, key.seed, key.repeat))
    if theirs is None:
        return None
    turns = run.turns(theirs)
    same = theirs.first_observation == episode.first_observation and _history(turns[:index]) == _history(
        before
    )
    return Beside(theirs, turns, turns[index] if index < len(turns) else None, same)


def _history(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    # what an agent remembers: its action, or its reply where that gave none; and what came of it
    return [(turn.reply if turn.action is None else turn.action, turn.outcome) for turn in turns]
