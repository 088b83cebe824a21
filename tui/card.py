"""What is known of a run before its first turn: the contestants, and the matches in their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from arena.engines.options import nearest
from arena.errors import StoreError, UsageError
from arena.plan import Plan, read_plan
from arena.records import EpisodeKey


@dataclass(frozen=True)
class ContestantCard:
    """A contestant as the screens know it. `size_bytes` is the model's size where there is one."""

    name: str
    size_bytes: int | None = None


@dataclass(frozen=True)
class MatchCard:
    """A match: all contestants on one task."""

    task: str
    task_hash: str
    seed: int
    repeat: int

    def key(self, contestant: str) -> EpisodeKey:
        """Return the key of a contestant's episode in this match."""
        return EpisodeKey(contestant, self.task, self.task_hash, self.seed, self.repeat)


@dataclass(frozen=True)
class RunCard:
    """A run: its suite, its contestants (the first is the baseline) and its matches in plan order."""

    suite: str
    contestants: Sequence[ContestantCard]
    matches: Sequence[MatchCard]

    @property
    def names(self) -> list[str]:
        """The contestants' names, the baseline's first."""
        return [contestant.name for contestant in self.contestants]

    @property
    def baseline(self) -> str:
        """The baseline's name."""
        return self.contestants[0].name

    def showing(self, names: Sequence[str]) -> "RunCard":
        """Return the card with the baseline and these contestants only; all where none is named.

        Raises `UsageError` for a name that is no contestant's.
        """
        for name in names:
            if name not in self.names:
                raise UsageError(
                    f"the run has no contestant {name!r}", nearest(name, self.names, "contestants")
                )
        wanted = {self.baseline, *names} if names else set(self.names)
        return replace(self, contestants=[each for each in self.contestants if each.name in wanted])

    def place(self, key: EpisodeKey) -> int | None:
        """Return the number (from 0) of an episode's match; None for one that is not in the plan."""
        return self._places.get((key.task_hash, key.seed, key.repeat))

    @cached_property
    def _places(self) -> Mapping[tuple[str, int, int], int]:
        return {(match.task_hash, match.seed, match.repeat): i for i, match in enumerate(self.matches)}


def card_of_plan(plan: Plan) -> RunCard:
    """Return the card of a plan that is about to be played."""
    contestants = [ContestantCard(each.name, each.size_bytes) for each in plan.contestants]
    tasks = [(task.id, task.hash) for task in plan.tasks]
    matches = _matches(tasks, plan.suite.settings.seed, plan.repeats)
    return RunCard(plan.suite.name, contestants, matches)


def card_of_run(run: Path) -> RunCard:
    """Return the card of a recorded run. Raises `StoreError` where `run.toml` is missing or broken."""
    document = read_plan(run)
    try:
        return _card(document)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{run / 'run.toml'} is not as Arena writes it: {error!r}") from None


def _card(document: Mapping[str, Any]) -> RunCard:
    plan = document["plan"]
    contestants = [
        ContestantCard(str(each["name"]), each.get("size_bytes")) for each in document["contestants"]
    ]
    if not contestants:
        raise ValueError("it has no contestants")
    tasks = [(str(task), str(task_hash)) for task, task_hash in plan["tasks"]]
    matches = _matches(tasks, int(plan["settings"].get("seed", 0)), int(plan["repeats"]))
    return RunCard(str(plan["suite"]), contestants, matches)


def _matches(tasks: Sequence[tuple[str, str]], seed: int, repeats: int) -> list[MatchCard]:
    return [
        MatchCard(task, task_hash, seed + repeat, repeat)
        for repeat in range(repeats)
        for task, task_hash in tasks
    ]
