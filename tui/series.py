"""What is known of a series of matches, event by event. Pure state: screens read it, nothing here draws.

Only the heads of episodes are kept for the whole series; turns are held for the match on stage alone, and
read again from the store when another one is put there. So memory does not grow with a run's turns.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from arena.records import (
    Episode,
    EpisodeEnded,
    EpisodeKey,
    EpisodeStarted,
    EpisodeStatus,
    Event,
    Notice,
    ReplyText,
    Turn,
    TurnPlayed,
)
from tui.card import MatchCard, RunCard
from tui.ladder import Ladder
from tui.stage import Cost, Staged


@dataclass(frozen=True)
class TurnBegan:
    """A contestant began a turn: its reply is awaited. Only live matches say so."""

    key: EpisodeKey
    turn: int


@dataclass(frozen=True)
class CostsRead:
    """What the episodes that were recorded before cost."""

    costs: Mapping[EpisodeKey, Cost]


@dataclass(frozen=True)
class RecordedEpisode:
    """An episode as the store has it."""

    head: Episode
    turns: list[Turn]
    max_steps: int


Heard = Event | TurnBegan | CostsRead


@dataclass
class Head:
    """How an episode stands."""

    status: EpisodeStatus
    turns: int = 0
    progress: float = 0.0
    success: bool = False
    error: str = ""


@dataclass
class Flight:
    """A turn in the making: what has come of its reply so far."""

    turn: int
    since: float = field(default_factory=time.monotonic)
    pieces: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the reply so far."""
        if len(self.pieces) > 1:
            self.pieces[:] = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""


@dataclass
class Standing:
    """A contestant's scored episodes so far, and what all its turns cost."""

    episodes: int = 0
    successes: int = 0
    progress_sum: float = 0.0
    cost: Cost = field(default_factory=Cost)

    @property
    def mean_progress(self) -> float | None:
        """Mean progress rate (0..1) of the scored episodes; None before the first."""
        return self.progress_sum / self.episodes if self.episodes else None


class Series:
    """The state of a series. `hear` takes it one event further."""

    def __init__(self, card: RunCard, heads: Iterable[Episode], *, announces_turns: bool = False) -> None:
        """`announces_turns`: a `TurnBegan` tells of each turn, so a match begins with its first turn."""
        self.card = card
        self.heads: dict[EpisodeKey, Head] = {}
        self.standings = {name: Standing() for name in card.names}
        self.ladder = Ladder(card)
        self.flights: dict[EpisodeKey, Flight] = {}
        self.absent: dict[str, str] = {}
        """Contestants that can't start, and why."""
        self.match_begun: int | None = None
        """The match in which an episode or a live turn began last."""
        self.place = 0
        self.stage: dict[str, Staged] = {}
        self._announces_turns = announces_turns
        self._costs: dict[EpisodeKey, Cost] = {}
        for episode in heads:
            self._add_recorded(episode)
        self.put_on_stage(0)

    @property
    def match(self) -> MatchCard:
        """The match on stage."""
        return self.card.matches[self.place]

    def put_on_stage(self, place: int) -> None:
        """Show another match: its turns are not here until `load` brings them."""
        self.place = place
        self.stage = {}
        for name in self.card.names:
            key = self.match.key(name)
            head = self.heads.get(key)
            self.stage[name] = Staged(key, begun=False, known=head.turns if head else 0)

    def needs_loading(self) -> bool:
        """Tell whether the store knows more of the match on stage than is here."""
        return any(
            not staged.complete or (not staged.begun and staged.key in self.heads)
            for staged in self.stage.values()
        )

    def load(self, place: int, recorded: Iterable[RecordedEpisode]) -> None:
        """Take what the store has of a match, if it is (still) the one on stage."""
        if place != self.place:
            return
        for each in recorded:
            staged = self.stage[each.head.key.contestant]
            staged.begun = True
            staged.goal = each.head.goal
            staged.first_observation = each.head.first_observation
            staged.max_steps = each.max_steps
            if len(each.turns) >= len(staged.turns):
                staged.replace(each.turns)
                staged.known = max(staged.known, len(each.turns))

    def is_over(self, place: int, contestant: str) -> bool:
        """Tell whether a contestant's episode of a match is over: scored, or failed and owed."""
        head = self.heads.get(self.card.matches[place].key(contestant))
        return head is not None and head.status in ("done", "error")

    def is_running(self, place: int) -> bool:
        """Tell whether any contestant plays this match just now."""
        match = self.card.matches[place]
        heads = (self.heads.get(match.key(name)) for name in self.card.names)
        return any(head is not None and head.status == "running" for head in heads)

    def hear(self, event: Heard) -> None:
        """Take one event into account; events of episodes that are not in the plan are ignored."""
        if isinstance(event, CostsRead):
            for key, cost in event.costs.items():
                self._set_cost(key, cost)
        elif isinstance(event, Notice):
            if contestant := event.details.get("contestant"):
                self.absent[str(contestant)] = event.text
        elif self.card.place(event.key) is not None and event.key.contestant in self.standings:
            self._hear_of_episode(event)

    def _hear_of_episode(
        self, event: EpisodeStarted | ReplyText | TurnPlayed | EpisodeEnded | TurnBegan
    ) -> None:
        match event:
            case EpisodeStarted():
                self._started(event)
            case TurnBegan():
                self.match_begun = self.card.place(event.key)
                self.flights[event.key] = Flight(event.turn)
            case ReplyText():
                self._reply_text(event)
            case TurnPlayed():
                self._turn_played(event)
            case EpisodeEnded():
                self._ended(event)

    def _started(self, event: EpisodeStarted) -> None:
        if self.match_begun is None or not (self._announces_turns or self.is_running(self.match_begun)):
            self.match_begun = self.card.place(event.key)
        if event.resumed_turns == 0:
            self._set_cost(event.key, Cost())
        before = self.heads.get(event.key)
        self.heads[event.key] = Head(
            "running", event.resumed_turns, before.progress if before and event.resumed_turns else 0.0
        )
        self.flights.pop(event.key, None)
        staged = self._staged(event.key)
        if staged:
            staged.begun = True
            staged.goal, staged.first_observation = event.goal, event.observation
            staged.max_steps = event.max_steps
            staged.known = event.resumed_turns
            staged.cut(event.resumed_turns)

    def _reply_text(self, event: ReplyText) -> None:
        head, flight = self.heads.get(event.key), self.flights.get(event.key)
        if head and event.turn < head.turns:
            return
        if flight is None or flight.turn != event.turn:
            flight = self.flights[event.key] = Flight(event.turn)
        flight.pieces.append(event.text)

    def _turn_played(self, event: TurnPlayed) -> None:
        turn = event.turn
        head = self.heads.setdefault(event.key, Head("running"))
        head.turns, head.progress, head.success = turn.index + 1, turn.progress, turn.success
        self.flights.pop(event.key, None)
        cost = self._costs.get(event.key, Cost())
        if turn.index >= cost.turns:
            self._set_cost(event.key, cost + Cost(1, turn.completion_tokens, turn.latency_s))
        staged = self._staged(event.key)
        if staged:
            staged.known = max(staged.known, turn.index + 1)
            if turn.index == len(staged.turns):
                staged.add(turn)

    def _ended(self, event: EpisodeEnded) -> None:
        before = self.heads.get(event.key)
        self.flights.pop(event.key, None)
        self.heads[event.key] = Head(event.status, event.turns, event.progress, event.success, event.error)
        if not (before and before.status == "done"):
            self._score(event.key, event.status, event.progress, success=event.success)

    def _add_recorded(self, episode: Episode) -> None:
        key = episode.key
        if self.card.place(key) is None or key.contestant not in self.standings:
            return
        self.heads[key] = Head(
            episode.status, episode.turns, episode.progress, episode.success, episode.error
        )
        self._score(key, episode.status, episode.progress, success=episode.success)

    def _score(self, key: EpisodeKey, status: EpisodeStatus, progress: float, *, success: bool) -> None:
        place = self.card.place(key)
        assert place is not None
        if status == "error":
            self.ladder.fails(place, key.contestant)
        if status != "done":
            return
        self.ladder.ends(place, key.contestant, progress)
        standing = self.standings[key.contestant]
        standing.episodes += 1
        standing.successes += success
        standing.progress_sum += progress

    def _set_cost(self, key: EpisodeKey, cost: Cost) -> None:
        standing = self.standings.get(key.contestant)
        if standing:
            standing.cost = standing.cost - self._costs.get(key, Cost()) + cost
            self._costs[key] = cost

    def _staged(self, key: EpisodeKey) -> Staged | None:
        staged = self.stage.get(key.contestant)
        return staged if staged and staged.key == key else None
