"""Weight bits against bits of the KV cache, simulated: ACBench figure 2.

Both are rounded to the nearest of 2^bits levels between the smallest and the largest of a group, and computed
with as before: weights in groups of 128 along the input, keys and values by token and head. So the
numbers say what precision costs, and nothing about a method that rounds with care.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from arena.analyzing.models import Candidate, Opened, open_model
from arena.analyzing.reading import read_pair
from arena.analyzing.study import Progress, Source
from arena.analyzing.trajectories import Account

FULL_BITS = 16
"""Stands for the type that the model is computed in: nothing is rounded."""
WEIGHT_BITS = (16, 8, 4, 3, 2)
CACHE_BITS = (16, 8, 4)
_GROUP_SIZE = 128
_K = 5


def grid_study(base: Candidate, source: Source, progress: Progress) -> dict[str, Any]:
    """Read a source with each pair of precisions beside the model as it is.

    Returns {base: {name}, source: {tokens}, cells: [{weight_bits, cache_bits, loss, perplexity, kl, kl_error,
    top1_flips, top1_flips_error, jaccard}]}, with the Jaccard similarity of the best 5 tokens. Two copies of
    the model are in memory. Raises `ArenaError`.
    """
    progress(f"load {base.name}", 0)
    opened = open_model(base)
    cells, tokens = [], 0
    for variant, weight_bits in _rounded_models(opened):
        for cache_bits in CACHE_BITS:
            name = f"W{weight_bits} KV{cache_bits}"
            cache = None if cache_bits == FULL_BITS else cache_bits
            with_cache = replace(variant, name=name, cache_bits=cache)
            ks = (min(_K, opened.vocabulary),)
            tally = read_pair(
                opened,
                with_cache,
                source.passages(opened, Account()),
                ks,
                lambda more, name=name: progress(f"read {name}", more),  # type: ignore[misc]
            )
            numbers = tally.numbers()
            kept = ("loss", "perplexity", "kl", "kl_error", "top1_flips", "top1_flips_error")
            cells.append(
                {
                    "weight_bits": weight_bits,
                    "cache_bits": cache_bits,
                    **{key: numbers[key] for key in kept},
                    "jaccard": numbers["top_k"][str(ks[0])]["jaccard"],
                }
            )
            tokens = tally.tokens
    return {"base": {"name": base.name}, "source": {"tokens": tokens}, "cells": cells, "notes": []}


def _rounded_models(opened: Opened) -> Iterator[tuple[Opened, int]]:
    import torch

    from compress.plan import fitting_group_size
    from compress.rounding import rounded

    for bits in WEIGHT_BITS:
        if bits == FULL_BITS:
            yield opened, bits
            continue
        model = copy.deepcopy(opened.loaded.model)
        head = model.get_output_embeddings()
        with torch.no_grad():
            for module in model.modules():
                if isinstance(module, torch.nn.Linear) and module is not head:
                    weight = module.weight
                    size = fitting_group_size(_GROUP_SIZE, weight.shape[1])
                    weight.copy_(rounded(weight, bits, size))
        yield Opened(opened.name, replace(opened.loaded, model=model)), bits
