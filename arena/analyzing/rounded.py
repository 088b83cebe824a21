"""A KV cache rounded to few bits and computed with as before: what precision alone costs."""

from typing import Any


def rounded_cache(config: Any, bits: int) -> Any:
    """Return an empty KV cache of transformers whose keys and values are rounded as they come in.

    Each key and each value of a head has a grid of its own.
    """
    from transformers import DynamicCache

    from compress.rounding import rounded

    class RoundedCache(DynamicCache):
        def update(self, keys: Any, values: Any, layer: int, *args: Any, **options: Any) -> Any:
            kept = (rounded(states, bits, states.shape[-1]) for states in (keys, values))
            return super().update(*kept, layer, *args, **options)

    return RoundedCache(config=config)
