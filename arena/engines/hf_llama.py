"""A Llama's step in few operations: for models so small that calling an operation takes as long as doing it.

The computation is that of transformers' `LlamaForCausalLM`, over packed rows as in `hf_packed.py`, with the
projections of a layer that read the same input joined into one, positions applied by one complex product,
and attention and its keys and values in float32 (for one query, torch's attention on the CPU takes six times
as long in bfloat16). The step is compiled by TorchScript where torch has it: then no other Python thread gets
between two operations.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention, silu

from arena.engines.hf_linear import RoundedInputLinear
from arena.engines.hf_packed import last_places

_DTYPES = (torch.float32, torch.bfloat16)
_CACHED_BYTES = 32 * 2**20
"""Weights up to this size stay in the cores' shared cache."""
_SEQUENCE_COST_TOKENS = 3
"""A sequence's attention takes as long as so many tokens in the other operations."""
_USUAL_ROWS = 8
"""For how many tokens at a time oneDNN's layout is chosen; it is as good for any number up to hundreds."""


class LlamaSequence:
    """Keys and values of one sequence: `cache` is [layers, 2, key heads, capacity, head size]."""

    def __init__(self, cache: Tensor, tokens: list[int]) -> None:
        self.tokens = tokens
        self.cache = cache

    @property
    def capacity(self) -> int:
        """Return for how many tokens there is room."""
        return self.cache.shape[3]

    @property
    def size_bytes(self) -> int:
        """Memory of the keys and values."""
        return self.cache.nbytes

    def crop(self, length: int) -> None:
        """Forget the tokens from `length` on."""
        del self.tokens[length:]

    def copy(self, length: int) -> "LlamaSequence":
        """Return another sequence of the first `length` tokens."""
        return LlamaSequence(self.cache[:, :, :, :length].clone(), self.tokens[:length])

    def reserve(self, length: int) -> None:
        """Make room for `length` tokens and some more, keeping what is there."""
        if length <= self.capacity:
            return
        layers, two, heads, _, size = self.cache.shape
        larger = self.cache.new_empty(layers, two, heads, length + length // 4 + 32, size)
        larger[:, :, :, : len(self.tokens)] = self.cache[:, :, :, : len(self.tokens)]
        self.cache = larger


Work = Sequence[tuple[LlamaSequence, Sequence[int]]]


def can_be_fused(model: Any) -> bool:
    """Say whether `LlamaForward` computes what this model does: a plain Llama without biases, on the CPU."""
    from transformers import LlamaForCausalLM

    config = model.config
    linears = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    return (
        type(model) is LlamaForCausalLM
        and model.device.type == "cpu"
        and torch.backends.mkldnn.is_available()
        and config.hidden_act == "silu"
        and all(type(linear) is torch.nn.Linear and linear.bias is None for linear in linears)
        # quantization of activations is a layer of its own, or replaces a layer's own function
        and not any(
            isinstance(module, RoundedInputLinear) or "forward" in vars(module) for module in model.modules()
        )
        and {parameter.dtype for parameter in model.parameters()} <= {model.dtype} <= set(_DTYPES)
    )


class LlamaForward:
    """Runs a Llama (see `can_be_fused`); of the model it keeps only weights, in layouts of its own."""

    reuses_prefixes: ClassVar[bool] = True

    def __init__(self, model: Any) -> None:
        config = model.config
        self._heads = config.num_attention_heads
        self._key_heads = config.num_key_value_heads
        self._head_size = model.model.layers[0].self_attn.head_dim
        self._root = torch.tensor(math.sqrt(config.hidden_size * config.rms_norm_eps))
        self._layers = len(model.model.layers)
        self._rotary = model.model.rotary_emb
        self._rotation = torch.empty(0, 1, self._head_size // 2, dtype=torch.complex64)
        self._embedding = model.model.embed_tokens.weight.detach()
        self._weights = [part for layer in model.model.layers for part in _layer_weights(layer)]
        self._weights += [_norm_weight(model.model.norm), _laid_out([model.lm_head.weight.detach()])]
        self._run = _compiled(_run)
        bytes_of_weights = sum(parameter.nbytes for parameter in model.parameters())
        self._divides = torch.get_num_threads() > 1 and bytes_of_weights <= _CACHED_BYTES
        self._second = ThreadPoolExecutor(1, "hf-second", lambda: torch.set_num_threads(1))
        self.bytes_per_token = 0.0

    def new_sequence(self) -> LlamaSequence:
        """Return an empty sequence."""
        shape = (self._layers, 2, self._key_heads, 0, self._head_size)
        return LlamaSequence(self._embedding.new_empty(shape), [])

    def step(self, work: Work, wanted: Sequence[int] | None = None) -> Tensor:
        """Read new tokens; see `hf_forward.Forward`. A step that failed can be taken again."""
        longest = 0
        for sequence, new in work:
            length = len(sequence.tokens) + len(new)
            sequence.reserve(length)
            longest = max(longest, length)
        rotations = self._rotations(longest)
        counts = list(wanted or [1] * len(work))
        here, there = self._shares(work)
        if there:
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            theirs, ours = _of(work, counts, there), _of(work, counts, here)
            others = self._second.submit(self._read, theirs[0], theirs[1], rotations)
            try:
                own = self._read(ours[0], ours[1], rotations)
            finally:
                wait([others])
                torch.set_num_threads(threads)
            order = [*here, *there]
            parts = torch.cat([own, others.result()]).split([counts[place] for place in order])
            logits = torch.cat([part for _, part in sorted(zip(order, parts, strict=True), key=_place)])
        else:
            logits = self._read(work, counts, rotations)
        for sequence, new in work:
            sequence.tokens += new
        return logits

    def _shares(self, work: Work) -> tuple[list[int], list[int]]:
        """Divide sequences (their places in `work`) between this thread and a second one, by their cost.

        Two threads that meet once a step are faster than operations that are each done by two threads, as
        long as both find the weights in the cores' shared cache.
        """
        shares: tuple[list[int], list[int]] = [], []
        if not self._divides:
            return list(range(len(work))), []
        costs = [0, 0]
        for place in sorted(range(len(work)), key=lambda place: -len(work[place][1])):
            which = costs.index(min(costs))
            shares[which].append(place)
            costs[which] += _SEQUENCE_COST_TOKENS + len(work[place][1])
        return shares

    @torch.inference_mode()
    def _read(self, work: Work, wanted: Sequence[int], rotations: Tensor) -> Tensor:
        ids: list[int] = []
        positions: list[int] = []
        pasts, counts, masks, ends = [], [], [], []
        for sequence, new in work:
            past, count = len(sequence.tokens), len(new)
            pasts.append(past)
            counts.append(count)
            masks.append(_mask(past, count) if count > 1 and past else None)
            ids += new
            positions += range(past, past + count)
            ends.append(len(ids))
        logits: Tensor = self._run(
            self._embedding[torch.tensor(ids)],
            rotations[torch.tensor(positions)],
            self._weights,
            self._root,
            [sequence.cache for sequence, _ in work],
            pasts,
            counts,
            masks,
            torch.tensor(last_places(ends, wanted)),
            self._heads,
        )
        return logits

    def _rotations(self, length: int) -> Tensor:
        """Return what each pair of a head's numbers is multiplied by: complex [positions, 1, pairs]."""
        if length > len(self._rotation):
            positions = torch.arange(2 * length)[None]
            cos, sin = self._rotary(torch.empty(0), positions)
            pairs = self._head_size // 2
            self._rotation = torch.complex(cos[0, :, None, :pairs], sin[0, :, None, :pairs])
        return self._rotation


def _of(work: Work, wanted: Sequence[int], places: Sequence[int]) -> tuple[Work, Sequence[int]]:
    return [work[place] for place in places], [wanted[place] for place in places]


def _place(found: tuple[int, Tensor]) -> int:
    return found[0]


def _layer_weights(layer: Any) -> list[Tensor]:
    """Return a layer's weights in the order in which `_run` takes them.

    The rows of queries and keys change places so that the two numbers that positions mix lie side by side:
    attention takes products of queries and keys, which are the same in any order.
    """
    attention, mlp = layer.self_attn, layer.mlp
    queries, keys = (
        weight.unflatten(0, (-1, 2, attention.head_dim // 2)).transpose(1, 2).flatten(0, 2)
        for weight in (attention.q_proj.weight.detach(), attention.k_proj.weight.detach())
    )
    return [
        _norm_weight(layer.input_layernorm),
        _laid_out([queries, keys, attention.v_proj.weight.detach()]),
        _laid_out([attention.o_proj.weight.detach()]),
        _norm_weight(layer.post_attention_layernorm),
        _laid_out([mlp.gate_proj.weight.detach(), mlp.up_proj.weight.detach()]),
        _laid_out([mlp.down_proj.weight.detach()]),
    ]


def _norm_weight(norm: Any) -> Tensor:
    weight: Tensor = norm.weight.detach().float()
    return weight * math.sqrt(len(weight))


def _laid_out(weights: Sequence[Tensor]) -> Tensor:
    laid_out: Tensor = torch.ops.mkldnn._reorder_linear_weight(torch.cat(list(weights)), _USUAL_ROWS)
    return laid_out


def _mask(past: int, count: int) -> Tensor:
    """Return what is added to the scores of `count` new tokens (rows) for each key: 0 or minus infinity."""
    return torch.full((count, past + count), float("-inf")).triu_(past + 1)


def _normalized(hidden: Tensor, weight: Tensor, root: Tensor) -> Tensor:
    """Return RMS norm: x / sqrt(mean x^2 + epsilon) = x sqrt(n) / hypot(|x|, sqrt(n epsilon)).

    `weight` (float32) has the sqrt(n), `root` is sqrt(n epsilon).
    """
    exact = hidden.float()
    length = torch.linalg.vector_norm(exact, 2.0, [-1], True)
    return (exact / torch.hypot(length, root) * weight).type_as(hidden)


def _linear(inputs: Tensor, weight: Tensor) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(inputs, weight, None, "none", [], "")


def _run(
    hidden: Tensor,
    rotation: Tensor,
    weights: list[Tensor],
    root: Tensor,
    caches: list[Tensor],
    pasts: list[int],
    counts: list[int],
    masks: list[Tensor | None],
    wanted: Tensor,
    heads: int,
) -> Tensor:
    """Return logits [wanted, vocabulary] after the tokens whose places in `hidden` are `wanted`, ascending.

    `hidden` is [tokens, hidden size], `rotation` complex [tokens, 1, head size / 2]; `caches` get the new
    tokens' keys and values behind the `pasts` ones of each sequence.
    """
    key_heads, size = caches[0].shape[2], caches[0].shape[4]
    layers = [cache.unbind(0) for cache in caches]
    for layer in range(len(layers[0])):
        first = 6 * layer
        normal = _normalized(hidden, weights[first], root)
        joint = _linear(normal, weights[first + 1]).float().view(len(hidden), heads + 2 * key_heads, size)
        turning = joint.narrow(1, 0, heads + key_heads)
        turning = torch.view_as_complex(turning.unflatten(2, [-1, 2]))
        turned = torch.view_as_real(turning * rotation).flatten(2)
        queries = turned.narrow(1, 0, heads)
        # [2, key heads, tokens, head size], as in the caches
        new = torch.stack([turned.narrow(1, heads, key_heads), joint.narrow(1, heads + key_heads, key_heads)])
        new = new.transpose(1, 2)
        seen: list[Tensor] = []
        start = 0
        for place in range(len(caches)):
            past, count = pasts[place], counts[place]
            cache, mask = layers[place][layer], masks[place]
            cache.narrow(2, past, count).copy_(new.narrow(2, start, count))
            known = cache.narrow(2, 0, past + count).float().unsqueeze(1).unbind(0)
            asked = queries.narrow(0, start, count)
            if count == 1:
                # one token sees all keys, so query heads that share a key head can pose as its queries
                asked = asked.view(1, key_heads, heads // key_heads, size)
                found = scaled_dot_product_attention(asked, known[0], known[1])
                seen.append(found.view(1, heads * size))
            else:
                asked = asked.transpose(0, 1).unsqueeze(0)
                found = scaled_dot_product_attention(
                    asked, known[0], known[1], mask, 0.0, mask is None, enable_gqa=heads > key_heads
                )
                seen.append(found.transpose(1, 2).reshape(count, heads * size))
            start += count
        hidden = hidden + _linear(torch.cat(seen).type_as(hidden), weights[first + 2])
        normal = _normalized(hidden, weights[first + 3], root)
        gate, up = _linear(normal, weights[first + 4]).chunk(2, -1)
        hidden = hidden + _linear(silu(gate).mul_(up), weights[first + 5])
    if len(hidden) > len(wanted):
        hidden = hidden[wanted]
    return _linear(_normalized(hidden, weights[-2], root), weights[-1])


def _compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled: Callable[..., Tensor] = torch.jit.script(function)
    except Exception:  # noqa: BLE001 - TorchScript is on its way out of torch; without it all is the same
        return function
    return compiled
