"""Numbers rounded to few bits and computed with as before: what precision alone costs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def rounded(values: "Tensor", bits: int, group_size: int) -> "Tensor":
    """Return values [rows, width] rounded to 2^bits levels a group; `group_size` divides the width."""
    from compress.rounding import dense, fit_grid, round_to

    grid = fit_grid(values, bits, group_size, symmetric=False)
    return dense(grid, round_to(grid, values))


def rounded_cache(config: Any, bits: int) -> Any:
    """Return an empty KV cache of transformers whose keys and values are rounded as they come in."""
    from transformers import DynamicCache

    class RoundedCache(DynamicCache):
        def update(self, keys: Any, values: Any, layer: int, *args: Any, **options: Any) -> Any:
            return super().update(_by_head(keys, bits), _by_head(values, bits), layer, *args, **options)

    return RoundedCache(config=config)


def _by_head(states: "Tensor", bits: int) -> "Tensor":
    width = states.shape[-1]
    return rounded(states.reshape(-1, width), bits, width).reshape(states.shape)
