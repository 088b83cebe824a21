"""Both models read what was written (teacher forcing), and the base reads it again in other batches.

What a model says of a token depends, in its last digits, on what is computed beside it: matrix kernels add up
in another order for another shape. How much, the base shows by itself: it reads the same tokens in a padded
batch beside another row, and a short reply token by token, as it would be written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.comparison import JACCARD, KENDALL, at_k, check_finite, compare
from analysis.ranking import top_tokens
from arena.analyzing.forward import new_cache, read_together
from arena.divergence.strands import SentTurn, Strand
from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.analyzing.models import Opened

_PADDING_TOKENS = 7
"""An odd number, so that no length stays a multiple of what matrix kernels are cut into."""
_MOST_STEPS = 128
"""How long a reply may be to be read token by token."""

Scores = Mapping[str, NDArray[Any]]
"""Arrays [predictions] or [predictions, k] by name: see `_numbers`."""


@dataclass(frozen=True)
class Read:
    """What was read of a strand: scores over the predictions of all its turns, in order, and the noise.

    `noise` [predictions] is the largest difference of log-probabilities, among both models' best tokens,
    between two readings by the base.
    """

    strand: Strand
    scores: Scores
    noise: NDArray[np.float64]

    def of(self, turn: SentTurn) -> tuple[Scores, float]:
        """Return a turn's own scores, and the noise over all of it."""
        start = 0
        for each in self.strand.turns:
            end = start + len(each.reply) + 1
            if each is turn:
                own = {name: values[start:end] for name, values in self.scores.items()}
                return own, float(self.noise[start:end].max())
            start = end
        raise ValueError("the turn is not in this strand")


def read_strand(base: "Opened", other: "Opened", strand: Strand, k: int, control: "Opened | None") -> Read:
    """Read a strand with both models; `control` is the base in another engine, read beside the other batch.

    Raises `ArenaError` where a model fails or gives logits that are no numbers.
    """
    predicted = _predicted(strand)
    tokens = torch.from_numpy(strand.tokens)[None]
    ends = torch.zeros(tokens.shape[1], dtype=torch.bool)
    ends[[strand.predictions(turn).stop - 1 for turn in strand.turns]] = True
    stop_ids = torch.tensor(sorted(other.loaded.stop_ids), dtype=torch.long)
    parts: list[dict[str, Tensor]] = []
    first = int(predicted[0])
    for start, chosen, (base_logits, other_logits) in _logits((base, other), tokens, first, predicted):
        _check((base, base_logits), (other, other_logits))
        positions = start + chosen
        targets = tokens[0, positions + 1]
        if len(stop_ids):  # the filler behind a reply is no token of it: what could have ended it is
            best_stop = stop_ids[other_logits[:, stop_ids.to(other_logits.device)].argmax(dim=-1).cpu()]
            targets = torch.where(ends[positions], best_stop, targets)
        parts.append(_numbers(base_logits, other_logits.to(base_logits.device), targets, k))
    scores = {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}
    batched = _logits((base,), _in_a_batch(tokens), first, predicted)
    again: list[Iterator[Tensor]] = [(each for _, _, (each,) in batched)]
    if len(predicted) <= _MOST_STEPS and len(strand.turns) == 1:
        again.append(_token_by_token(base, tokens, first))
    if control:
        again.append(each for _, _, (each,) in _logits((control,), tokens, first, predicted))
    return Read(strand, scores, np.max([_noise(each, scores) for each in again], axis=0))


def _predicted(strand: Strand) -> NDArray[np.int64]:
    """Return the positions at which the tokens of replies (and their ends) are predicted."""
    ranges = (strand.predictions(turn) for turn in strand.turns)
    return np.concatenate([np.arange(each.start, each.stop) for each in ranges])


def _logits(
    models: "tuple[Opened, ...]", tokens: Tensor, first: int, predicted: NDArray[np.int64]
) -> Iterator[tuple[int, Tensor, tuple[Tensor, ...]]]:
    """Yield chunk by chunk: its start, which of its positions are predicted, the first row's logits there."""
    wanted = torch.zeros(tokens.shape[1], dtype=torch.bool)
    wanted[torch.from_numpy(predicted)] = True
    for chunk in read_together(models, tokens, first):
        if chunk.logits:
            end = chunk.start + chunk.logits[0].shape[1]
            chosen = wanted[chunk.start : end].nonzero()[:, 0]
            if len(chosen):
                yield (
                    chunk.start,
                    chosen,
                    tuple(each[0, chosen.to(each.device)].float() for each in chunk.logits),
                )


def _numbers(base: Tensor, other: Tensor, targets: Tensor, k: int) -> dict[str, Tensor]:
    """Return everything that is told of each position; logits are [positions, vocabulary]."""
    k = min(k, base.shape[-1])
    targets = targets.to(base.device)
    compared = compare(base, other, targets, (k,))
    found = {name: torch.from_numpy(compared[name]) for name in ("energy_gap", "kl")}
    found["jaccard"] = torch.from_numpy(compared[at_k(JACCARD, k)])
    found["kendall"] = torch.from_numpy(compared[at_k(KENDALL, k)])
    found["token"] = targets
    for name, logits in (("base", base), ("other", other)):
        best = top_tokens(logits, k)
        log_probabilities = logits.log_softmax(dim=-1)
        found[f"{name}_top"] = best
        found[f"{name}_top_p"] = log_probabilities.gather(-1, best).exp()
        found[f"{name}_p"] = log_probabilities.gather(-1, targets[:, None])[:, 0].exp()
        found[f"{name}_rank"] = _ranks(logits, targets)
        found[f"{name}_entropy"] = -(log_probabilities.exp() * log_probabilities).sum(dim=-1)
    probes = torch.cat([found["base_top"], found["other_top"], targets[:, None]], dim=-1)
    found["probes"] = probes
    found["base_probes"] = base.log_softmax(dim=-1).gather(-1, probes)
    found["other_probes"] = other.log_softmax(dim=-1).gather(-1, probes)
    return {name: values.cpu() for name, values in found.items()}


def _ranks(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return each token's rank at its position, from 1; of equal logits the lower id comes first."""
    own = logits.gather(-1, tokens[:, None])
    ids = torch.arange(logits.shape[-1], device=logits.device)
    before = (logits > own) | ((logits == own) & (ids < tokens[:, None]))
    return before.sum(dim=-1) + 1


def _in_a_batch(tokens: Tensor) -> Tensor:
    """Return the sequence in a batch: padded behind, and beside another row."""
    padded = torch.cat([tokens, tokens[:, :1].expand(1, _PADDING_TOKENS)], dim=1)
    return torch.cat([padded, padded.flip(1)])


def _token_by_token(base: "Opened", tokens: Tensor, first: int) -> Iterator[Tensor]:
    """Yield logits [1, vocabulary] of one position after another from `first` on, read one at a time."""
    model, cache, start = base.loaded.model, new_cache(base), 0
    for end in range(first + 1, tokens.shape[1]):
        with torch.inference_mode():
            output = model(
                input_ids=tokens[:, start:end].to(model.device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        cache, start = output.past_key_values, end
        yield output.logits[0, -1:].float()


def _noise(again: Iterator[Tensor], scores: Scores) -> NDArray[np.float64]:
    """Return how far another reading is from what the base said at the probed tokens: [predictions].

    `again` yields logits [some predictions, vocabulary], in order.
    """
    probes, known = torch.from_numpy(scores["probes"]), torch.from_numpy(scores["base_probes"])
    differences, done = [], 0
    for logits in again:
        place = slice(done, done + len(logits))
        said = logits.log_softmax(dim=-1).cpu().gather(-1, probes[place])
        differences.append((said - known[place]).abs().amax(dim=-1).double())
        done = place.stop
    noise: NDArray[np.float64] = torch.cat(differences).numpy()
    return noise


def _check(*models: "tuple[Opened, Tensor]") -> None:
    for opened, logits in models:
        try:
            check_finite(logits)
        except ValueError as error:
            raise ArenaError(
                f"{opened.name} gives no usable predictions: its {error}",
                "its weights are damaged, or its numbers too large for its type: try dtype=float32",
            ) from None
