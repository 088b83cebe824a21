"""Models read the same tokens side by side, a few positions at a time; no logits outlive their chunk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arena.analyzing.models import Opened
from arena.errors import ArenaError

if TYPE_CHECKING:
    from torch import Tensor

LOGITS_AT_ONCE = 8_000_000
"""How many logits of one model are in memory: 32 MB in float32; a comparison makes a few copies."""
TOKENS_AT_ONCE = 2048


@dataclass(frozen=True)
class Chunk:
    """What models said about consecutive positions of a batch of passages.

    `start` is the first position; `states` holds each model's last hidden states [batch, positions, width],
    `logits` its logits [batch, positions, vocabulary], empty where no position of the chunk counts.
    """

    start: int
    states: "tuple[Tensor, ...]"
    logits: "tuple[Tensor, ...]"


def batch_tokens(vocabulary: int) -> int:
    """Return how many tokens are read together, so that their logits stay within `LOGITS_AT_ONCE`."""
    return max(1, min(TOKENS_AT_ONCE, LOGITS_AT_ONCE // vocabulary))


def read_together(models: Sequence[Opened], tokens: "Tensor", first_position: int) -> Iterator[Chunk]:
    """Yield what models of one vocabulary say about a batch of tokens [batch, length], chunk by chunk.

    Positions before `first_position` are read without logits. The last token is not read: nothing comes after
    it. Each model keeps its keys and values from chunk to chunk. Raises `ArenaError` where a model fails.
    """
    import torch

    batch, length = tokens.shape[0], tokens.shape[1] - 1
    with_logits = max(1, batch_tokens(models[0].vocabulary) // batch)
    caches = [new_cache(opened) for opened in models]
    start = 0
    while start < length:
        counts = start >= first_position
        until = length if counts else min(first_position, length)
        end = min(until, start + (with_logits if counts else max(1, TOKENS_AT_ONCE // batch)))
        logits, states = [], []
        for place, opened in enumerate(models):
            with torch.inference_mode():
                output = _forward(opened, tokens[:, start:end], caches[place], 0 if counts else 1)
            caches[place] = output.past_key_values
            states.append(output.hidden_states[-1])
            if counts:
                logits.append(output.logits)
        yield Chunk(start, tuple(states), tuple(logits))
        start = end


def new_cache(opened: Opened) -> Any:
    """Return an empty cache for a model; None lets it make its own."""
    if opened.cache_bits is None:
        return None
    from arena.analyzing.rounded import rounded_cache

    return rounded_cache(opened.loaded.model.config, opened.cache_bits)


def _forward(opened: Opened, tokens: "Tensor", cache: Any, kept_logits: int) -> Any:
    """Run a model; `kept_logits` 0 keeps those of all positions, 1 those of the last."""
    model = opened.loaded.model
    try:
        return model(
            input_ids=tokens.to(model.device),
            past_key_values=cache,
            use_cache=True,
            output_hidden_states=True,
            logits_to_keep=kept_logits,
        )
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ArenaError(f"{opened.name} can't read {tokens.shape[1]} tokens: {reason}") from error
