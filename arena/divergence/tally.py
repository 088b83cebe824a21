"""A run's divergences added up: in which parts of its replies a compressed contestant leaves its base."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from arena.analyzing.parts import PARTS
from arena.divergence.findings import TurnDivergence
from arena.divergence.strands import END


@dataclass(frozen=True)
class PartTally:
    """One part of all replies: its tokens, how many the base would not have written and why, the mean KL.

    `first` turns left the base in this part first (for reasons of compression); of `caused` turns the token
    that changes the action is in it.
    """

    tokens: int
    compression: int
    numerics: int
    sampling: int
    respelt: int
    kl: float
    first: int
    caused: int


@dataclass(frozen=True)
class RunTally:
    """All turns of a compressed contestant: `apart` ones left their base, of `failed` ones no action came.

    Causes were looked for in `searched` turns and found in `caused`; in `came_back` of them the base, given
    that token, still found its own action. `parts` has no part without tokens.
    """

    contestant: str
    baseline: str
    turns: int
    failed: int
    apart: int
    searched: int
    caused: int
    came_back: int
    parts: Mapping[str, PartTally]


def tally(contestant: str, baseline: str, turns: Iterable[TurnDivergence]) -> RunTally:
    """Add up the turns of a contestant; they are read once and not kept."""
    counts: Counter[str] = Counter()
    by_part: dict[str, Counter[str]] = {part: Counter() for part in (*PARTS, END)}
    kl: dict[str, float] = dict.fromkeys(by_part, 0.0)
    for turn in turns:
        counts.update(
            turns=1,
            failed=turn.failure is not None,
            apart=turn.first is not None,
            searched=turn.searched,
            caused=turn.cause is not None,
            came_back=turn.cause is not None and turn.cause.comes_back,
        )
        for token in turn.tokens:
            by_part[token.part].update({"tokens": 1, token.label: 1})
            kl[token.part] += token.kl
        if turn.first:
            by_part[turn.first.part]["first"] += 1
        if turn.marked:
            by_part[turn.marked.part]["caused"] += 1
    parts = {
        part: PartTally(
            tokens=found["tokens"],
            compression=found["compression"],
            numerics=found["numerics"],
            sampling=found["sampling"],
            respelt=found["respelt"],
            kl=kl[part] / found["tokens"],
            first=found["first"],
            caused=found["caused"],
        )
        for part, found in by_part.items()
        if found["tokens"]
    }
    return RunTally(
        contestant=contestant,
        baseline=baseline,
        turns=counts["turns"],
        failed=counts["failed"],
        apart=counts["apart"],
        searched=counts["searched"],
        caused=counts["caused"],
        came_back=counts["came_back"],
        parts=parts,
    )
