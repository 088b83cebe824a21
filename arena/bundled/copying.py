"""A model that can copy before it has learned anything: induction heads, laid out by hand.

Heads of the first layer note the three tokens before; those of the second look for where the last tokens
stood before, and foretell what came next there (Olsson et al. 2022, In-context Learning and Induction Heads).
One token would not do: a digit stands in many places. Training finds such heads by itself, but not within the
tokens that two cores read in an hour: without them an agent learned the form of tool calls, and never to copy
a name or a number into one.
"""

import math
from typing import Any

SHARED = 0.7
"""How much all embeddings have in common, beside what tells them apart: a head that looks at places only
needs something that is the same everywhere."""
SHARPNESS_OF_PLACE, SHARPNESS_OF_TOKEN = 8.0, 4.0
"""How large queries and keys are made: what is attended to is sharp, and can still be moved by training."""
NOTED_TOKENS = 3
NOTED, COPIED = 2.0, 4.0
"""How large the traces of previous tokens and the copy are, an embedding being 1."""
FAST, SLOW = 0.02, 0.002
"""Radians a token: pairs of a head's numbers that turn faster tell neighbours apart, those that turn slower
compare tokens however far apart they are."""
SCALE = 0.05
"""How large embeddings are. An update of training is as large in all matrices: in much smaller ones it would
wipe out what is laid out, before much larger ones nothing else would be learned."""


def lay_out_copying(model: Any) -> None:
    """Overwrite embeddings and attention of the first two layers of an untrained Llama (see above).

    The generator's seed is the caller's (`torch.manual_seed`). Heads must be their own key heads, more than
    notes are taken, and the rotary base so large that some pairs turn slowly.
    """
    import torch

    config = model.config
    width, size = config.hidden_size, config.hidden_size // config.num_attention_heads
    pairs = size // 2
    turning = config.rope_parameters["rope_theta"] ** (-torch.arange(pairs) / pairs)
    shared, *_ = axes = _axes(width)
    _share(model.model.embed_tokens.weight.data, shared)
    model.model.norm.weight.data.fill_(config.initializer_range / SCALE)  # tied: logits are as they were
    token, elsewhere = axes[1 : 1 + size], _axes(width, shared)[1:]

    first = model.model.layers[0].self_attn
    fast = (turning > FAST).nonzero()[:, 0]
    same_everywhere = SHARED / math.sqrt(1 + SHARED**2) * math.sqrt(width)
    traces = []
    for head in range(NOTED_TOKENS):
        rows = slice(head * size, (head + 1) * size)
        query, key = (torch.zeros(size) for _ in range(2))
        key[fast] = SHARPNESS_OF_PLACE
        behind = turning[fast] * (head + 1)  # turned by so many places, that token's key fits
        query[fast], query[fast + pairs] = (
            SHARPNESS_OF_PLACE * torch.cos(behind),
            -SHARPNESS_OF_PLACE * torch.sin(behind),
        )
        first.q_proj.weight.data[rows] = torch.outer(query, shared) / same_everywhere
        first.k_proj.weight.data[rows] = torch.outer(key, shared) / same_everywhere
        first.v_proj.weight.data[rows] = token
        traces.append(elsewhere[head * size : (head + 1) * size])
        first.o_proj.weight.data[:, rows] = NOTED * SCALE * traces[-1].T

    second = model.model.layers[1].self_attn
    slow = (turning < SLOW).nonzero()[:, 0]
    compared = torch.cat([slow, slow + pairs])
    for weight in (second.q_proj.weight.data, second.k_proj.weight.data):
        weight.zero_()
    for head in range(config.num_attention_heads):
        # what is read here is compared with what was noted there, and what is noted with what came before it
        for part, (here, there) in enumerate(zip([token, *traces], traces, strict=False)):
            places = head * size + compared[part :: len(traces)]
            chosen = torch.randperm(len(token))[: len(places)]
            second.q_proj.weight.data[places] = SHARPNESS_OF_TOKEN * here[chosen]
            second.k_proj.weight.data[places] = SHARPNESS_OF_TOKEN * there[chosen]
    copied = _axes(width)
    second.v_proj.weight.data.copy_(copied)
    second.o_proj.weight.data.copy_(COPIED * SCALE * copied.T)


def _axes(width: int, first: Any = None) -> Any:
    """Return orthonormal rows [width, width] at random, `first` (or its opposite) being the first of them."""
    import torch

    drawn = torch.randn(width, width)
    if first is not None:
        drawn[:, 0] = first
    return torch.linalg.qr(drawn).Q.T


def _share(embeddings: Any, shared: Any) -> None:
    """Make embeddings [vocabulary, width] of scale `SCALE`, with the same part along `shared`."""
    embeddings *= SCALE / embeddings.std()
    embeddings -= (embeddings @ shared)[:, None] * shared
    embeddings += SHARED * SCALE * math.sqrt(len(shared)) * shared
