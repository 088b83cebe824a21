"""A source that tells what a test says, and turns to tell of."""

import asyncio
from collections.abc import Sequence

from arena.filtering import Filter
from arena.protocol.base import Failure, FailureKind
from arena.records import Episode, EpisodeEnded, EpisodeKey, EpisodeStarted, Turn, TurnPlayed
from envs.base import Task
from tui.card import ContestantCard, MatchCard, RunCard
from tui.pacer import Pacer
from tui.series import Heard, RecordedEpisode

GOAL = "Move all balls to room b. Both grippers are free at the start."


def card(names: Sequence[str] = ("base", "awq"), tasks: int = 3) -> RunCard:
    sizes = [None, 270_000_000, 1_300_000_000]
    contestants = [ContestantCard(name, sizes[i % 3]) for i, name in enumerate(names)]
    matches = [MatchCard(f"pddl/gripper/{i}", f"hash{i}", 0, 0) for i in range(tasks)]
    return RunCard("quick", contestants, matches)


def turn(index: int, **changes) -> Turn:
    fields = {
        "observation": f"You see {index + 1} balls. The robot is in room a.",
        "reply": f"Action: pick ball{index}",
        "thought": "",
        "action": f"pick ball{index}",
        "failure": None,
        "outcome": f"You see {index + 2} balls. The robot is in room a.",
        "valid": True,
        "progress": min(1.0, (index + 1) / 6),
        "success": False,
        "completion_tokens": 12,
        "latency_s": 0.5,
    }
    return Turn(index, **(fields | changes))


def not_json(index: int, **changes) -> Turn:
    failure = Failure(FailureKind.NOT_JSON, (0, 7), "a JSON object", "'move to'", repair='{"name": "move"}')
    fields = {"reply": "move to", "action": None, "outcome": "Your tool call is not valid JSON."}
    return turn(index, **fields, failure=failure, valid=False, **changes)


class FakeSource:
    """Tells what is put into it with `tell`; its record is `record`."""

    def __init__(self, run: RunCard | None = None, *, live: bool = True, steered: bool = False) -> None:
        self.card = run or card()
        self.heads: list[Episode] = []
        self.live = live
        self.began: list[tuple[str, int]] = []
        keys = [match.key(name) for match in self.card.matches for name in self.card.names]
        self.pacer = Pacer(keys, lambda key, n: self.began.append((key.contestant, n))) if steered else None
        self.record: dict[MatchCard, list[RecordedEpisode]] = {}
        self.found_turns: dict[str, list[tuple[EpisodeKey, int]]] = {}
        self.found_episodes: dict[str, list[EpisodeKey]] = {}
        self.closed = self.cancelled = False
        self._told: asyncio.Queue[Heard] = asyncio.Queue()

    def key(self, name: str, match: int = 0) -> EpisodeKey:
        return self.card.matches[match].key(name)

    def tell(self, *events: Heard) -> None:
        for event in events:
            self._told.put_nowait(event)

    def start(
        self, name: str, match: int = 0, resumed_turns: int = 0, first: str = "You see 1 ball."
    ) -> None:
        self.tell(EpisodeStarted(self.key(name, match), GOAL, first, 20, resumed_turns))

    def played(self, name: str, *turns: Turn, match: int = 0) -> None:
        self.tell(*(TurnPlayed(self.key(name, match), each) for each in turns))

    def ended(
        self, name: str, turns: int, match: int = 0, *, progress: float = 1.0, success: bool = True
    ) -> None:
        self.tell(EpisodeEnded(self.key(name, match), "done", progress, success, turns))

    def recorded_episode(self, name: str, turns: list[Turn], match: int = 0, status: str = "done") -> None:
        key = self.key(name, match)
        progress, success = (turns[-1].progress, turns[-1].success) if turns else (0.0, False)
        number, count = len(self.heads) + 1, len(turns)
        head = Episode(number, key, status, 1, GOAL, "You see 1 ball.", count, progress, success)
        self.heads.append(head)
        self.record.setdefault(self.card.matches[match], []).append(RecordedEpisode(head, turns, 20))

    async def run(self, hear) -> None:
        try:
            while True:
                hear(await self._told.get())
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    async def recorded(self, match: MatchCard) -> list[RecordedEpisode]:
        await asyncio.sleep(0)
        return self.record.get(match, [])

    async def task(self, match: MatchCard) -> Task:
        return Task(match.task, "fake", None, "bundled", 0, 20, "easy", {})

    async def find_turns(self, chosen: Filter) -> list[tuple[EpisodeKey, int]]:
        return self.found_turns.get(chosen.text, [])

    async def find_episodes(self, chosen: Filter) -> list[EpisodeKey]:
        return self.found_episodes.get(chosen.text, [])

    async def close(self) -> None:
        self.closed = True
