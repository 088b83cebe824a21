"""What is found where a compressed model left its base: frozen data, for tables, JSON and screens to draw."""

from dataclasses import dataclass
from typing import Literal

from arena.protocol.base import Failure
from arena.records import EpisodeKey

Label = Literal["same", "compression", "numerics", "sampling", "respelt"]
LABELS: tuple[Label, ...] = ("same", "compression", "numerics", "sampling", "respelt")
MOST_TRIED = 32
"""Of so many differing tokens at most it is tried what the base would have made without them.

A reply of which the base would have written every token otherwise changes its action long before.
"""


@dataclass(frozen=True)
class Choice:
    """A token that a model could write next, and how probable it finds it (0..1)."""

    token_id: int
    text: str
    probability: float


@dataclass(frozen=True)
class Token:
    """One token of a reply, and what both models say at its place.

    `place` counts from 0 in the reply; `span` is where it stands in the reply's text (characters, end
    exclusive), empty for the token that ends the reply. `part` is the part of the reply that it belongs to
    (`arena.analyzing.parts`, or `end`). `base` and `other` are both models' best tokens, best first; the
    ranks (from 1) and probabilities are those of the token that was written. `jaccard` and `kendall` compare
    the best tokens (ACBench eq. 5; `kendall` is NaN where it means nothing), `energy_gap` is
    |E_base - E_other| (eq. 7); entropies and `kl` (of the base to the other) are in nats. `margin` is by how
    much the base's log-probability of its own choice exceeds that of the written token.

    `label`: `same` where the base would have written this token too; else why not: `numerics` where the
    difference is no larger than the base's to itself in another batch, `sampling` where the compressed model
    preferred another token as well, and `compression`. Where nothing was left to chance, a token that the
    compressed model would not have written either is `respelt`: the text of the reply, read again, gives
    other tokens than were written, or it was written on another machine.
    """

    place: int
    token_id: int
    text: str
    span: tuple[int, int]
    part: str
    base: tuple[Choice, ...]
    other: tuple[Choice, ...]
    base_rank: int
    other_rank: int
    base_probability: float
    other_probability: float
    jaccard: float
    kendall: float
    energy_gap: float
    base_entropy: float
    entropy: float
    kl: float
    margin: float
    label: Label

    @property
    def differs(self) -> bool:
        """Whether the base would have written another token."""
        return self.label != "same"


@dataclass(frozen=True)
class Continuation:
    """A reply that the base finished: its beginning as recorded, the rest its own (greedy)."""

    reply: str
    action: str | None
    failure: Failure | None


@dataclass(frozen=True)
class Cause:
    """The first token that changes the action, found by letting the base go on from before it.

    `without` is what comes when the base writes its own token there, `after` what comes when it takes the
    token as it was written and goes on by itself. `tried` differing tokens were looked at, this one included.
    """

    place: int
    without: Continuation
    after: Continuation
    tried: int

    @property
    def comes_back(self) -> bool:
        """Whether the base, given this token, still finds the way back to its own action."""
        return self.after.action == self.without.action


@dataclass(frozen=True)
class TurnDivergence:
    """A turn of a compressed contestant, token by token beside its base.

    `noise` is the largest difference of log-probabilities between two readings by the base itself, `control`
    says in what the readings differed. `cause` is None where no token changes the action: the base, going on
    from any of them, comes to the same one (or `searched` is False: nobody looked). `rewritten` says that the
    reply's text gives another number of tokens than the model wrote: the recorded text is scored, not its
    very tokens. `cut_tokens` of the prompt's beginning did not fit the model's context. `parts_at_stop` says
    that a stop string ended the reply, whose tokens are not recorded, and that the models' best tokens there
    differ.
    """

    baseline: str
    key: EpisodeKey
    turn: int
    reply: str
    action: str | None
    failure: Failure | None
    tokens: tuple[Token, ...]
    noise: float
    control: str
    cause: Cause | None = None
    searched: bool = False
    rewritten: bool = False
    cut_tokens: int = 0
    parts_at_stop: bool = False

    @property
    def first(self) -> Token | None:
        """The first token that the base would not have written for reasons of compression."""
        return next((token for token in self.tokens if token.label == "compression"), None)

    @property
    def marked(self) -> Token | None:
        """The token that changes the action."""
        return self.tokens[self.cause.place] if self.cause else None
