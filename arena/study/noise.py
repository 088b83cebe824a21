"""The noise floor: how far the same weights are apart from themselves, under two names or in two engines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.plan import read_plan
from arena.records import EpisodeKey
from arena.store.reader import RunReader


@dataclass(frozen=True)
class Twins:
    """Two contestants with the same weights on the tasks that both have finished, turn by turn.

    `equal_turns` counts the turns with the same reply before the first that differs in their episode, of
    `turns` in the longer one; `equal_episodes` the episodes without a difference. `same_engine` tells an A/A
    pair (it must be a tie) from one in two engines (its difference is numerics).
    """

    first: str
    second: str
    same_engine: bool
    episodes: int
    equal_episodes: int
    turns: int
    equal_turns: int
    progress_difference: float

    @property
    def tie(self) -> bool:
        """True where not one reply differs."""
        return self.episodes == self.equal_episodes


def twins(run: Path) -> list[Twins]:
    """Return all pairs of a run's contestants that have the same weights and are asked in the same way."""
    contestants = read_plan(run)["contestants"]
    reader = RunReader(run)
    try:
        return [
            _compare(reader, first, second)
            for place, first in enumerate(contestants)
            for second in contestants[place + 1 :]
            if _is_twin(first, second)
        ]
    finally:
        reader.close()


_ENGINES_OWN = ("engine", "build", "template", "tokenizer", "max_model_len")
"""What two engines say differently of the same weights; all else, as dtype and tools, has to be the same."""


def _is_twin(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    mine, yours = (dict(each["identity"]["engine"]) for each in (first, second))
    if mine.get("weights") is None:
        return False
    if mine["engine"] != yours["engine"]:
        for own in _ENGINES_OWN:
            mine.pop(own, None)
            yours.pop(own, None)
    settings = [_settled(each["identity"]["settings"]) for each in (first, second)]
    return mine == yours and settings[0] == settings[1]


def _settled(settings: Any) -> str:
    return json.dumps(settings, sort_keys=True)


def _compare(reader: RunReader, first: Mapping[str, Any], second: Mapping[str, Any]) -> Twins:
    replies = [_replies(reader, each["name"]) for each in (first, second)]
    shared = replies[0].keys() & replies[1].keys()
    turns = equal_turns = equal_episodes = 0
    difference = 0.0
    for task in shared:
        (mine, progress), (yours, other) = replies[0][task], replies[1][task]
        same = _common_prefix(mine, yours)
        turns += max(len(mine), len(yours))
        equal_turns += same
        equal_episodes += mine == yours
        difference += other - progress
    return Twins(
        first["name"],
        second["name"],
        first["identity"]["engine"]["engine"] == second["identity"]["engine"]["engine"],
        len(shared),
        equal_episodes,
        turns,
        equal_turns,
        difference / len(shared) if shared else 0.0,
    )


def _replies(reader: RunReader, contestant: str) -> dict[tuple[str, int, int], tuple[list[str], float]]:
    found: dict[tuple[str, int, int], tuple[list[str], float]] = {}
    for head in reader.episodes():
        if head.key.contestant == contestant and head.status == "done":
            found[_place(head.key)] = [turn.reply for turn in reader.turns(head)], head.progress
    return found


def _place(key: EpisodeKey) -> tuple[str, int, int]:
    return key.task_hash, key.seed, key.repeat


def _common_prefix(first: Sequence[str], second: Sequence[str]) -> int:
    same = 0
    for mine, yours in zip(first, second, strict=False):
        if mine != yours:
            break
        same += 1
    return same
