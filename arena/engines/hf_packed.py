"""One step of a model over many sequences at once, without padding.

The new tokens of all sequences lie end to end in one row: every linear layer sees one matrix, whatever the
sequences' lengths, and some may be reading their prompt while others write. Only attention goes sequence by
sequence, each over its own keys and values; transformers lets a caller bring its own attention function.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from compress.rounding import rounded

ATTENTION = "arena_packed"
_HARMLESS = {"position_ids", "use_cache", "dropout", "is_causal"}
"""Arguments for an attention function that change nothing here."""


class PackedSequence:
    """Keys and values of one sequence: for each layer two tensors [heads, capacity, head size].

    With `kv_bits` each of a head's keys and values is rounded to a grid of its own before it is stored.
    """

    def __init__(self, kv_bits: int | None = None) -> None:
        self.tokens: list[int] = []
        self.kv_bits = kv_bits
        self.capacity = 0
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def size_bytes(self) -> int:
        """Memory of the keys and values."""
        return sum(keys.nbytes + values.nbytes for keys, values in self._layers.values())

    def crop(self, length: int) -> None:
        """Forget the tokens from `length` on."""
        del self.tokens[length:]

    def copy(self, length: int) -> "PackedSequence":
        """Return another sequence of the first `length` tokens."""
        other = PackedSequence(self.kv_bits)
        other.tokens = self.tokens[:length]
        other.capacity = length
        other._layers = {
            layer: (keys[:, :length].clone(), values[:, :length].clone())
            for layer, (keys, values) in self._layers.items()
        }
        return other

    def reserve(self, length: int) -> None:
        """Make room for `length` tokens and some more, keeping what is there."""
        if length <= self.capacity:
            return
        self.capacity = length + length // 4 + 32
        for layer, (keys, values) in self._layers.items():
            self._layers[layer] = self._enlarged(keys), self._enlarged(values)

    def store(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Put new keys and values [heads, new tokens, head size] behind those of `tokens`; returns all."""
        if layer not in self._layers:
            self._layers[layer] = self._enlarged(keys[:, :0]), self._enlarged(values[:, :0])
        if self.kv_bits:
            keys, values = (rounded(states, self.kv_bits, states.shape[-1]) for states in (keys, values))
        all_keys, all_values = self._layers[layer]
        start = len(self.tokens)
        end = start + keys.shape[1]
        all_keys[:, start:end] = keys
        all_values[:, start:end] = values
        return all_keys[:, :end], all_values[:, :end]

    def _enlarged(self, old: Tensor) -> Tensor:
        new = old.new_empty(old.shape[0], self.capacity, old.shape[2])
        kept = min(len(self.tokens), old.shape[1])
        new[:, :kept] = old[:, :kept]
        return new


class PackedForward:
    """Runs a model over packed rows. The model's attention must have been set to `ATTENTION`.

    `kv_bits` rounds what sequences that begin from then on keep: it simulates a cache of fewer bits, and
    saves no memory.
    """

    reuses_prefixes: ClassVar[bool] = True

    def __init__(self, model: Any) -> None:
        self.model = model
        self.kv_bits: int | None = None
        self.bytes_per_token = 0.0

    def new_sequence(self) -> PackedSequence:
        """Return an empty sequence."""
        return PackedSequence(self.kv_bits)

    def step(
        self, work: Sequence[tuple[PackedSequence, Sequence[int]]], wanted: Sequence[int] | None = None
    ) -> Tensor:
        """Read new tokens; see `hf_forward.Forward`. A step that failed can be taken again."""
        ids: list[int] = []
        positions: list[int] = []
        pieces = []
        for sequence, new in work:
            past = len(sequence.tokens)
            sequence.reserve(past + len(new))
            pieces.append(_Piece(sequence, len(ids), len(ids) + len(new)))
            ids += new
            positions += range(past, past + len(new))
        device = self.model.device
        ends = [piece.end for piece in pieces]
        last = torch.tensor(last_places(ends, wanted), device=device)
        logits: Tensor = self.model(
            input_ids=torch.tensor([ids], device=device),
            position_ids=torch.tensor([positions], device=device),
            use_cache=False,
            logits_to_keep=last,
            arena_pieces=pieces,
        ).logits[0]
        for sequence, new in work:
            sequence.tokens += new
        return logits if len(logits) == len(last) else logits[last]


def last_places(ends: Sequence[int], wanted: Sequence[int] | None) -> list[int]:
    """Return the last `wanted` places (one each) before each end, in a row where pieces lie end to end."""
    counts = wanted or [1] * len(ends)
    return [place for end, count in zip(ends, counts, strict=True) for place in range(end - count, end)]


@dataclass
class _Piece:
    """A sequence's part of the row: its new tokens are at `start` to `end`."""

    sequence: PackedSequence
    start: int
    end: int
    masks: dict[int | None, Tensor] = field(default_factory=dict)

    def mask(self, window: int | None, first_key: int, device: torch.device) -> Tensor:
        """Return which keys (from `first_key` on) each new token may see: bool [new tokens, keys]."""
        if window not in self.masks:
            past = len(self.sequence.tokens)
            end = past + self.end - self.start
            queries = torch.arange(past, end, device=device)[:, None]
            keys = torch.arange(first_key, end, device=device)[None, :]
            seen = keys <= queries
            self.masks[window] = seen if window is None else seen & (keys > queries - window)
        return self.masks[window]


def _attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    arena_pieces: Sequence[_Piece],
    scaling: float | None = None,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention over a packed row; transformers calls it in each layer.

    `query` is [1, query heads, tokens, head size], `key` and `value` the same with their number of heads.
    Returns [1, tokens, query heads, value size].
    """
    _refuse_more(attention_mask, others)
    groups = query.shape[1] // key.shape[1]
    output = query.new_empty(1, query.shape[2], query.shape[1], value.shape[3])
    for piece in arena_pieces:
        span = slice(piece.start, piece.end)
        past, new = len(piece.sequence.tokens), piece.end - piece.start
        keys, values = piece.sequence.store(module.layer_idx, key[0, :, span], value[0, :, span])
        first_key = 0 if sliding_window is None else max(0, past + 1 - sliding_window)
        keys, values = keys[None, :, first_key:], values[None, :, first_key:]
        if new == 1:
            # one token sees all keys, so query heads that share a key head can pose as its queries
            queries = query[0, :, piece.start].reshape(1, key.shape[1], groups, -1)
            seen = scaled_dot_product_attention(queries, keys, values, scale=scaling)
            output[0, piece.start] = seen.reshape(query.shape[1], -1)
            continue
        is_whole = past == 0 and (sliding_window is None or new <= sliding_window)
        seen = scaled_dot_product_attention(
            query[:, :, span],
            keys,
            values,
            attn_mask=None if is_whole else piece.mask(sliding_window, first_key, query.device),
            is_causal=is_whole,
            scale=scaling,
            enable_gqa=groups > 1,
        )
        output[0, span] = seen[0].transpose(0, 1)
    return output, None


def _refuse_more(attention_mask: Tensor | None, others: Mapping[str, Any]) -> None:
    """Fail where a model asks for more than plain attention (soft caps, sinks, biases, other masks)."""
    asked = [name for name, value in others.items() if name not in _HARMLESS and value not in (None, False)]
    if attention_mask is not None or asked or others.get("is_causal") is False:
        raise NotImplementedError(f"attention with {', '.join(asked) or 'a mask'}")


AttentionInterface.register(ATTENTION, _attend)
