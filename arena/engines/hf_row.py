"""A reply under way: the job that asked for it, what is written and read of it, and its share of a step."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from arena.engines.base import Completion, Sampling, TokenChoice
from arena.engines.constrained import ConstrainedReply
from arena.engines.hf_chat import ReplyText
from arena.engines.hf_forward import KeptSequence
from arena.engines.hf_guess import Guesser
from arena.engines.hf_sample import Sampler


@dataclass
class Job:
    """One reply wanted: the prompt in tokens, how to decode, and where the completion goes.

    `constraint` says which tokens may come next, where not all may. `keeps_cache`: whether a next turn is
    expected; the loop takes it back when the session is released.
    """

    prompt: Sequence[int]
    sampling: Sampling
    seed: int
    session: str
    stops: Sequence[str]
    on_text: Callable[[str], None] | None
    constraint: ConstrainedReply | None = None
    future: "Future[Completion]" = field(default_factory=Future)
    keeps_cache: bool = True
    asked_at: float = field(default_factory=time.perf_counter)


@dataclass
class Row:
    """A running job: `ids` are prompt and reply so far, of which `sequence` has read the first ones.

    `guessed` tokens are read behind `ids` in the next step; what is wrong of them is forgotten after it.
    """

    job: Job
    sequence: KeptSequence
    sampler: Sampler
    text: ReplyText
    most_tokens: int
    cached_tokens: int
    ids: list[int]
    choices: list[TokenChoice] = field(default_factory=list)
    guessed: list[int] = field(default_factory=list)
    guesser: Guesser = field(init=False)

    def __post_init__(self) -> None:
        self.guesser = Guesser(self.ids)

    @property
    def unread(self) -> int:
        """How many tokens of prompt and reply wait to be read."""
        return len(self.ids) - len(self.sequence.tokens)

    @property
    def reply(self) -> list[int]:
        """The reply's tokens so far."""
        return self.ids[len(self.job.prompt) :]

    def next_ids(self, count: int) -> list[int]:
        """Return so many of the tokens that wait, and guesses behind the last of them."""
        read = len(self.sequence.tokens)
        return [*self.ids[read : read + count], *(self.guessed if count >= self.unread else ())]

    def forget_guesses(self) -> None:
        """Let the sequence hold no more than `ids` without the last, which no step has read yet."""
        self.guessed = []
        if len(self.sequence.tokens) >= len(self.ids):
            self.sequence.crop(len(self.ids) - 1)


def share_out(tokens: int, rows: Sequence[Row]) -> list[tuple[Row, int]]:
    """Divide a step's prompt tokens among rows: evenly; what short prompts leave goes to longer ones."""
    shares = []
    for index, row in enumerate(sorted(rows, key=lambda row: row.unread)):
        count = min(row.unread, max(1, tokens // (len(rows) - index)))
        tokens -= count
        shares.append((row, count))
    return shares
