"""From logits to the next token: greedy, or by a random generator of the request's own."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from arena.engines.base import Sampling, TokenChoice

_USUAL_NUCLEUS = 1024


@dataclass(frozen=True)
class Sampler:
    """How one reply's tokens are chosen. `generator` is None where decoding is greedy.

    Each token takes exactly one random number from the generator, which belongs to this reply alone: what is
    decoded beside it changes nothing.
    """

    sampling: Sampling
    generator: torch.Generator | None

    @classmethod
    def of(cls, sampling: Sampling, seed: int) -> "Sampler":
        """Return a sampler whose random numbers depend on `seed` only."""
        is_greedy = sampling.temperature <= 0
        return cls(sampling, None if is_greedy else torch.Generator().manual_seed(seed))

    def sample(self, logits: torch.Tensor) -> int:
        """Return a token by temperature and top-p from logits [vocabulary]."""
        assert self.generator is not None
        probabilities = torch.softmax(logits.double().cpu() / self.sampling.temperature, dim=-1)
        probabilities, tokens = _nucleus(probabilities, self.sampling.top_p)
        reached = probabilities.cumsum(dim=-1)
        chance = torch.rand((), dtype=torch.float64, generator=self.generator) * reached[-1]
        place = int(torch.searchsorted(reached, chance, right=True).clamp(max=len(reached) - 1))
        return int(tokens[place])


def _nucleus(probabilities: torch.Tensor, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the smallest set of best tokens whose probabilities reach `top_p`, and which tokens they are."""
    if top_p >= 1:
        return probabilities, torch.arange(len(probabilities))
    for size in (min(_USUAL_NUCLEUS, len(probabilities)), len(probabilities)):
        best, tokens = probabilities.topk(size)  # sorting a whole vocabulary takes 10 ms
        enough = int(torch.searchsorted(best.cumsum(dim=-1), top_p)) + 1
        if enough <= size:
            return best[:enough], tokens[:enough]
    return best, tokens


def best_tokens(logits: torch.Tensor) -> list[int | None]:
    """Return the likeliest token of each row of logits [rows, vocabulary]; None where they are no numbers."""
    best, tokens = logits.max(dim=-1)
    broken = best.isnan().tolist()
    return [None if is_broken else token for is_broken, token in zip(broken, tokens.tolist(), strict=True)]


def describe_choice(logits: torch.Tensor, token: int, top: int, text_of: Callable[[int], str]) -> TokenChoice:
    """Return a chosen token with its log-probability and the `top` most probable ones.

    Log-probabilities are of the model's own distribution, before temperature and top-p.
    """
    logprobs = torch.log_softmax(logits.float(), dim=-1)
    values, tokens = logprobs.topk(min(top, len(logprobs)))
    best = dict(zip(tokens.tolist(), values.tolist(), strict=True))
    return TokenChoice(token, text_of(token), float(logprobs[token]), best)
