"""A base and a compressed model read passages together: every number of the pair, in one pass."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.comparison import check_finite
from arena.analyzing.forward import batch_tokens, read_together
from arena.analyzing.models import Opened
from arena.analyzing.passages import Passage, batches
from arena.analyzing.tally import PairTally
from arena.errors import ArenaError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_KS = (1, 3, 5, 10, 20)


def fitting_ks(wanted: Sequence[int] | None, vocabulary: int) -> tuple[int, ...]:
    """Return the k to compare at, ascending. Raises `UsageError` where one exceeds the vocabulary."""
    if wanted is None:
        return tuple(k for k in DEFAULT_KS if k <= vocabulary)
    for k in wanted:
        if not 1 <= k <= vocabulary:
            raise UsageError(
                f"there are no top {k} of {vocabulary} tokens", f"give a k from 1 to {vocabulary}"
            )
    return tuple(sorted(set(wanted)))


def read_pair(
    base: Opened,
    other: Opened,
    passages: Iterable[Passage],
    ks: Sequence[int],
    on_tokens: Callable[[int], None],
) -> PairTally:
    """Return all numbers of a pair over passages; `on_tokens` is told of each so many tokens that are read.

    Raises `ArenaError` where a model fails or gives logits that are no numbers, and what `passages` raises.
    """
    import torch

    tally = PairTally(ks)
    for batch in batches(_long_enough(passages), batch_tokens(base.vocabulary)):
        tokens = torch.from_numpy(np.stack([passage.tokens for passage in batch]))
        first_position = batch[0].first_counted - 1
        states: list[list[Tensor]] = [[], []]
        for chunk in read_together((base, other), tokens, first_position):
            for kept, new in zip(states, chunk.states, strict=True):
                kept.append(new)
            if chunk.logits:
                _count(tally, (base, other), batch, tokens, chunk.start, chunk.logits)
        for row in range(len(batch)):
            base_states, other_states = (torch.cat([part[row] for part in each]) for each in states)
            if len(base_states) > 1:
                _add_states(tally, other, base_states, other_states)
        on_tokens(tokens.numel())
    return tally


def _long_enough(passages: Iterable[Passage]) -> Iterator[Passage]:
    return (passage for passage in passages if passage.first_counted < len(passage.tokens))


def _count(
    tally: PairTally,
    models: Sequence[Opened],
    batch: Sequence[Passage],
    tokens: "Tensor",
    start: int,
    logits: "Sequence[Tensor]",
) -> None:
    base, other = (each.to(logits[0].device) for each in logits)
    targets = tokens[:, start + 1 : start + 1 + base.shape[1]].to(base.device)
    try:
        tally.add_logits(batch, start, base, other, targets)
    except ValueError as error:
        for opened, each in zip(models, logits, strict=True):
            try:
                check_finite(each.flatten(0, 1))
            except ValueError as found:
                raise ArenaError(
                    f"{opened.name} gives no usable predictions: its {found}",
                    "its weights are damaged, or its numbers too large for its type: try dtype=float32",
                ) from None
        raise ArenaError(f"{models[0].name} and {models[1].name} can't be compared: {error}") from error


def _add_states(tally: PairTally, other: Opened, base_states: "Tensor", other_states: "Tensor") -> None:
    try:
        tally.add_states(base_states, other_states)
    except ValueError as error:
        raise ArenaError(f"the hidden states of {other.name} or its base can't be used: {error}") from error
